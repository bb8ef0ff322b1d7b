using Microsoft.Extensions.Options;

namespace AuthService.Audit;

/// <summary>Settings of the section <c>AuthService:Audit</c>.</summary>
internal sealed class AuditOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = AuthServiceOptions.Section + ":Audit";

    /// <summary>How long audit events are kept. Default 90 days; at least 1 hour, 0 for ever. The log category
    /// <c>Audit</c> has them too, as long as logs are kept.</summary>
    public required TimeSpan Retention { get; init; }

    /// <summary>Whether every refresh is an audit event. Default on. With access tokens of 5 minutes that is a row for each
    /// session every 5 minutes; off, sign-ins, reuse and ends of sessions remain.</summary>
    public required bool Refreshes { get; init; }
}

/// <summary>Reads and validates the section; every fault is reported at start-up.</summary>
internal sealed class AuditOptionsFactory(IConfiguration configuration) : IOptionsFactory<AuditOptions>
{
    public AuditOptions Create(string name)
    {
        var settings = new SettingsReader(configuration.GetSection(AuditOptions.Section));
        var options = new AuditOptions
        {
            Retention = settings.Duration("Retention", TimeSpan.FromDays(90), TimeSpan.Zero, TimeSpan.FromDays(36_500)),
            Refreshes = settings.Flag("Refreshes", true),
        };
        if (options.Retention > TimeSpan.Zero && options.Retention < TimeSpan.FromHours(1))
            settings.Fault("Retention", $"must be 0 (for ever) or at least one hour, not {options.Retention}.");
        settings.FaultUnknown();
        return settings.Faults.Count == 0 ? options : throw new OptionsValidationException(name, typeof(AuditOptions), settings.Faults);
    }
}
