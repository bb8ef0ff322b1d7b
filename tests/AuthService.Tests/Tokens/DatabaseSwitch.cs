using AuthService.Users;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace AuthService.Tests.Tokens;

/// <summary>Takes the users database away from a running service, at both doors to it.</summary>
internal sealed class DatabaseSwitch
{
    public bool Away { get; set; }

    /// <summary>Times that the service wanted something from the database.</summary>
    public int Uses => Volatile.Read(ref _uses);

    private int _uses;

    public void Install(IServiceCollection services)
    {
        var query = services.Single(service => service.ServiceType == typeof(IAccountQuery)).ImplementationFactory!;
        services.Replace(ServiceDescriptor.Singleton<IAccountQuery>(provider => new Query(this, (IAccountQuery)query(provider))));
        services.Replace(ServiceDescriptor.Singleton<IDbContextFactory<UsersDbContext>>(
            provider => new Factory(this, ActivatorUtilities.CreateInstance<UsersDbContextFactory>(provider))));
    }

    private void Pass()
    {
        Interlocked.Increment(ref _uses);
        if (Away) throw new TimeoutException("The database is away.");
    }

    private sealed class Factory(DatabaseSwitch owner, IDbContextFactory<UsersDbContext> inner) : IDbContextFactory<UsersDbContext>
    {
        public UsersDbContext CreateDbContext()
        {
            owner.Pass();
            return inner.CreateDbContext();
        }
    }

    private sealed class Query(DatabaseSwitch owner, IAccountQuery inner) : IAccountQuery
    {
        public Task<AccountState?> ReadAsync(Guid userId, string clientId, string? sid, CancellationToken cancellationToken)
        {
            owner.Pass();
            return inner.ReadAsync(userId, clientId, sid, cancellationToken);
        }
    }
}
