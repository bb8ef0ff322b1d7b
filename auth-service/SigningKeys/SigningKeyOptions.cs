using Microsoft.Extensions.Options;

namespace AuthService.SigningKeys;

/// <summary>Settings of the section <c>AuthService:SigningKeys</c>. Durations are written <c>[d.]hh:mm:ss</c>.</summary>
internal sealed class SigningKeyOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = AuthServiceOptions.Section + ":SigningKeys";

    /// <summary>How long a key signs before the next one takes its place. Default 90 days; 0 turns the schedule off, and
    /// keys change by hand only. Otherwise from twice <see cref="AnnouncePeriod"/> to 10 years.</summary>
    public required TimeSpan RotationPeriod { get; init; }

    /// <summary>How long a new key is published before it signs. Default 2 minutes; 1 second to 30 days. Gateways are told
    /// of it at once, and look by themselves every minute: below 90 seconds, one that was not told learns of the key from
    /// its first token. Other readers of the key set may keep it for 15 seconds, or for as long as they were built
    /// to.</summary>
    public required TimeSpan AnnouncePeriod { get; init; }
}

/// <summary>Reads and validates the section; every fault is reported at start-up.</summary>
internal sealed class SigningKeyOptionsFactory(IConfiguration configuration) : IOptionsFactory<SigningKeyOptions>
{
    private static readonly TimeSpan LongestRotation = TimeSpan.FromDays(3650);

    public SigningKeyOptions Create(string name)
    {
        var settings = new SettingsReader(configuration.GetSection(SigningKeyOptions.Section));
        var options = new SigningKeyOptions
        {
            RotationPeriod = settings.Duration("RotationPeriod", TimeSpan.FromDays(90), TimeSpan.Zero, LongestRotation),
            AnnouncePeriod = settings.Duration("AnnouncePeriod", TimeSpan.FromMinutes(2), TimeSpan.FromSeconds(1), TimeSpan.FromDays(30)),
        };
        if (options.RotationPeriod > TimeSpan.Zero && options.RotationPeriod < 2 * options.AnnouncePeriod)
            settings.Fault("RotationPeriod", $"must be 0 or at least twice AnnouncePeriod ({options.AnnouncePeriod}), not {options.RotationPeriod}.");
        settings.FaultUnknown();
        return settings.Faults.Count == 0 ? options : throw new OptionsValidationException(name, typeof(SigningKeyOptions), settings.Faults);
    }
}
