using AuthService.Users;
using ServiceHosting;

namespace AuthService;

/// <summary>
/// The command <c>migrate</c>: brings the users database up to date, makes the first rows and keys, and ends; exit code 0
/// when all is in order. A start does the same. As a step before it, a roll-out stops at a migration that fails while the old
/// version serves on, and replicas need no right to change the schema.
/// </summary>
internal static class MigrateCommand
{
    public static bool Handles(string[] args) => args is ["migrate", ..];

    public static Task<int> RunAsync(string[] args) =>
        ServiceHost.RunCommandAsync(Program.Service, args, Program.AddServices, Program.UsePipeline, async app =>
        {
            try
            {
                await app.Services.GetRequiredService<Preparation>().PrepareAsync(CancellationToken.None);
            }
            catch (Exception exception) when (UsersDatabaseFaults.IsAway(exception))
            {
                throw new ConfigurationException($"{UsersDatabaseOptions.Setting}: the users database does not answer: {exception.Message}");
            }

            await Console.Out.WriteLineAsync($"{Program.Service.Name}: the users database is up to date");
            return 0;
        });
}
