using Microsoft.Extensions.Options;

namespace AuthService.Limits;

/// <summary>Reads and validates the section; every fault is reported at start-up.</summary>
internal sealed class SignInLimitOptionsFactory(IConfiguration configuration) : IOptionsFactory<SignInLimitOptions>
{
    private const int Most = 1_000_000_000;

    public SignInLimitOptions Create(string name)
    {
        var settings = new SettingsReader(configuration.GetSection(SignInLimitOptions.Section));
        var atOnce = settings.Number("HashesAtOnce", Math.Max(1, Environment.ProcessorCount / 2), 1, 1024);
        var options = new SignInLimitOptions
        {
            Period = settings.Duration("Period", TimeSpan.FromMinutes(10), TimeSpan.FromSeconds(1), TimeSpan.FromDays(1)),
            FailuresPerAddress = settings.Number("FailuresPerAddress", 100, 0, Most),
            FailuresPerAddressAndAccount = settings.Number("FailuresPerAddressAndAccount", 20, 0, Most / 10),
            CodeFailuresPerUser = settings.Number("CodeFailuresPerUser", 10, 0, Most),
            FailuresPerAccount = settings.Number("FailuresPerAccount", 100, 0, Most),
            RegistrationsPerAddress = settings.Number("RegistrationsPerAddress", 50, 0, Most),
            ClientFailuresPerAddress = settings.Number("ClientFailuresPerAddress", 1_000, 0, Most),
            ClientFailuresPerAddressAndClient = settings.Number("ClientFailuresPerAddressAndClient", 50, 0, Most),
            TicketsPerAddress = settings.Number("TicketsPerAddress", 3_000, 0, Most),
            RefreshesPerAddress = settings.Number("RefreshesPerAddress", 60_000, 0, Most),
            RefreshesPerUser = settings.Number("RefreshesPerUser", 6_000, 0, Most),
            HashesAtOnce = atOnce,
            HashesWaiting = settings.Number("HashesWaiting", 32 * atOnce, 0, 100_000),
        };
        settings.FaultUnknown();
        return settings.Faults.Count == 0 ? options : throw new OptionsValidationException(name, typeof(SignInLimitOptions), settings.Faults);
    }
}
