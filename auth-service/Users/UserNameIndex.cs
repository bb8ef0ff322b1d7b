using AuthService.Users.Names;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Users;

/// <summary>Gives users of before, who have none, the look of their name. Where two of them look alike already, the second
/// goes without: both sign in as they did, and no third is let in.</summary>
internal sealed partial class UserNameIndex(IDbContextFactory<UsersDbContext> databases, ILogger<UserNameIndex> logger) : IPreparationStep
{
    private const int Batch = 500;

    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var after = Guid.Empty;
        while (true)
        {
            var users = await database.Users.AsNoTracking().Where(u => u.NameSkeleton == null && u.Id > after).OrderBy(u => u.Id).Take(Batch)
                .Select(u => new { u.Id, u.UserName }).ToListAsync(cancellationToken);
            if (users.Count == 0) return;
            foreach (var user in users)
            {
                var skeleton = NameSkeleton.Of(user.UserName!);
                if (await database.Users.AnyAsync(u => u.NameSkeleton == skeleton, cancellationToken)) Log.LooksAlike(logger, user.Id);
                else await database.Users.Where(u => u.Id == user.Id).ExecuteUpdateAsync(set => set.SetProperty(u => u.NameSkeleton, skeleton), cancellationToken);
            }
            after = users[^1].Id;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(2010, LogLevel.Warning, "The name of user {UserId} looks like another's, from before such names were refused")]
        public static partial void LooksAlike(ILogger logger, Guid userId);
    }
}
