using AuthService.Sessions;
using AuthService.Users;
using Microsoft.Extensions.Options;

namespace AuthService.Administration;

/// <summary>Settings of the section <c>AuthService:FirstAdministrator</c>: who administers a database in which nobody does
/// yet. Without them the command <c>users create NAME --role user --role admin</c> makes the first administrator. There is no
/// default password.</summary>
internal sealed class FirstAdministratorOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = AuthServiceOptions.Section + ":FirstAdministrator";

    /// <summary>The user name; null to make nobody.</summary>
    public required string? UserName { get; init; }

    /// <summary>A file whose first line is the password, a mounted secret say. Read only while there is no administrator, and
    /// may be removed afterwards.</summary>
    public required string? PasswordFile { get; init; }
}

/// <summary>Makes the first administrator, if one is configured and no user has the role <c>admin</c>.</summary>
internal sealed class FirstAdministrator(IOptions<FirstAdministratorOptions> options, UserReader users, IServiceScopeFactory scopes) : IPreparationStep
{
    private static readonly PageRequest One = new(1, After: null);

    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        if (options.Value is not { UserName: { } userName, PasswordFile: { } file }) return;
        if ((await users.ListAsync(One, new UserFilter(Role: Role.Admin), cancellationToken)).Items.Count > 0) return;
        await using var scope = scopes.CreateAsyncScope();
        try
        {
            await scope.ServiceProvider.GetRequiredService<UserAdministration>().CreateAsync(
                userName, await ReadAsync(file, cancellationToken), new UserChange { Roles = (string[])[Role.User, Role.Admin] },
                new SessionActor("configuration", Address: null, TraceId: null), cancellationToken);
        }
        catch (RefusedException e)
        {
            throw Fault("UserName", $"cannot be made the first administrator: {e.Message}");
        }
    }

    private static async Task<string> ReadAsync(string file, CancellationToken cancellationToken)
    {
        try
        {
            using var reader = new StreamReader(file);
            return await reader.ReadLineAsync(cancellationToken) ?? throw Fault("PasswordFile", $"names '{file}', which is empty.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Fault("PasswordFile", $"names '{file}', which cannot be read: {e.Message}");
        }
    }

    private static OptionsValidationException Fault(string name, string what) =>
        new(FirstAdministratorOptions.Section, typeof(FirstAdministratorOptions), [$"{FirstAdministratorOptions.Section}:{name} {what}"]);
}

/// <summary>Reads and validates the section; every fault is reported at start-up.</summary>
internal sealed class FirstAdministratorOptionsFactory(IConfiguration configuration) : IOptionsFactory<FirstAdministratorOptions>
{
    public FirstAdministratorOptions Create(string name)
    {
        var settings = new SettingsReader(configuration.GetSection(FirstAdministratorOptions.Section));
        var options = new FirstAdministratorOptions { UserName = settings.Text("UserName"), PasswordFile = settings.Text("PasswordFile") };
        if (options.UserName is { } userName && !UserNames.IsAcceptable(userName)) settings.Fault("UserName", $"is no user name. {UserNames.Rule}");
        if (options.UserName is not null && options.PasswordFile is null) settings.Fault("PasswordFile", "is required beside UserName: a file with the password.");
        if (options.UserName is null && options.PasswordFile is not null) settings.Fault("UserName", "is required beside PasswordFile.");
        settings.FaultUnknown();
        return settings.Faults.Count == 0 ? options : throw new OptionsValidationException(name, typeof(FirstAdministratorOptions), settings.Faults);
    }
}
