using System.Net;
using AuthService.Limits;
using AuthService.SigningKeys;
using KeyEncryption;
using Microsoft.Extensions.Options;

namespace AuthService;

internal static class AuthServiceOptionsExtensions
{
    /// <summary>Reads and validates the section <c>AuthService</c>. Every fault is reported at start-up.</summary>
    public static IServiceCollection AddAuthServiceOptions(this IServiceCollection services)
    {
        services.AddOptions<AuthServiceOptions>().ValidateOnStart();
        services.AddSingleton<IOptionsFactory<AuthServiceOptions>, Factory>();
        services.AddOptions<SignInLimitOptions>().ValidateOnStart();
        services.AddSingleton<IOptionsFactory<SignInLimitOptions>, SignInLimitOptionsFactory>();
        services.AddOptions<SigningKeyOptions>().ValidateOnStart();
        services.AddSingleton<IOptionsFactory<SigningKeyOptions>, SigningKeyOptionsFactory>();
        return services;
    }

    private sealed class Factory(IConfiguration configuration, IHostEnvironment environment) : IOptionsFactory<AuthServiceOptions>
    {
        public AuthServiceOptions Create(string name)
        {
            var settings = new SettingsReader(configuration.GetSection(AuthServiceOptions.Section));
            var options = Read(settings, environment.IsDevelopment());
            return settings.Faults.Count == 0 ? options : throw new OptionsValidationException(name, typeof(AuthServiceOptions), settings.Faults);
        }
    }

    private static AuthServiceOptions Read(SettingsReader settings, bool development)
    {
        var second = TimeSpan.FromSeconds(1);
        var year = TimeSpan.FromDays(365);
        var options = new AuthServiceOptions
        {
            Issuer = settings.Text("Issuer") ?? "",
            Audience = settings.Text("Audience") ?? "gateway",
            IdentityIssuer = settings.Text("IdentityIssuer") ?? settings.Text("Issuer") ?? "",
            IdentityKeysAddress = settings.Text("IdentityKeysAddress") ?? settings.Text("Issuer") + "/.well-known/identity-jwks.json",
            AccessTokenLifetime = settings.Duration("AccessTokenLifetime", TimeSpan.FromMinutes(5), second, TimeSpan.FromDays(1)),
            RefreshTokenLifetime = settings.Duration("RefreshTokenLifetime", TimeSpan.FromHours(24), second, year),
            SessionLifetime = settings.Duration("SessionLifetime", TimeSpan.FromDays(30), second, year),
            RefreshGracePeriod = settings.Duration("RefreshGracePeriod", TimeSpan.FromSeconds(60), TimeSpan.Zero, TimeSpan.FromMinutes(10)),
            SignInLifetime = settings.Duration("SignInLifetime", TimeSpan.FromHours(8), second, year),
            MaxClockSkew = settings.Duration("MaxClockSkew", second, TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5)),
            RegistrationEnabled = settings.Flag("RegistrationEnabled", false),
            SigningAlgorithm = settings.Text("SigningAlgorithm") ?? SigningAlgorithm.Es256,
            KeyEncryptionKeys = settings.List("KeyEncryptionKeys"),
            TrustedProxies = settings.List("TrustedProxies"),
            MaxSessionsPerUser = settings.Number("MaxSessionsPerUser", 0, 0, 1000),
        };
        // Read elsewhere: the audit log, the limits of sign-in, the rotation of signing keys, the first administrator, and the
        // host's drain time.
        settings.FaultUnknown("Audit", "SignInLimit", "SigningKeys", "FirstAdministrator", "ShutdownDelay");

        if (IssuerFault(options.Issuer, development) is { } fault) settings.Fault("Issuer", fault);
        else if (!Uri.TryCreate(options.IdentityKeysAddress, UriKind.Absolute, out var keys) || keys.Scheme is not ("https" or "http"))
            settings.Fault("IdentityKeysAddress", $"must be an address such as https://gateway.internal/.well-known/identity-jwks.json, not '{options.IdentityKeysAddress}'.");
        if (options.SessionLifetime < options.RefreshTokenLifetime)
            settings.Fault("SessionLifetime", $"must not be below {AuthServiceOptions.Section}:RefreshTokenLifetime ({options.RefreshTokenLifetime}).");
        if (!SigningAlgorithm.All.Contains(options.SigningAlgorithm))
            settings.Fault("SigningAlgorithm", $"must be one of {string.Join(", ", SigningAlgorithm.All)}, not '{options.SigningAlgorithm}'.");
        foreach (var key in KeyEncryptionKeyRing.Faults(options.KeyEncryptionKeys, "KeyEncryptionKeys"))
            settings.Fault(key[..key.IndexOf(' ', StringComparison.Ordinal)], key[(key.IndexOf(' ', StringComparison.Ordinal) + 1)..]);
        if (options.KeyEncryptionKeys.Count == 0 && !development)
            settings.Fault("KeyEncryptionKeys", "is required outside Development: list at least one key (make one with `openssl rand -base64 32`).");
        for (var i = 0; i < options.TrustedProxies.Count; i++)
        {
            if (!IPNetwork.TryParse(options.TrustedProxies[i], out _) && !IPAddress.TryParse(options.TrustedProxies[i], out _))
                settings.Fault($"TrustedProxies:{i}", $"must be an address or a network such as 10.0.0.0/8, not '{options.TrustedProxies[i]}'.");
        }
        return options;
    }

    /// <summary>RFC 8414 section 2: https, without query or fragment. The metadata lies at the root, hence no path.</summary>
    private static string? IssuerFault(string issuer, bool development)
    {
        if (issuer.Length == 0) return "is required: the public address of the gateway, such as https://login.example.com.";
        if (!Uri.TryCreate(issuer, UriKind.Absolute, out var uri) || uri.Scheme is not ("https" or "http") || uri.UserInfo.Length > 0)
            return $"must be an address such as https://login.example.com, not '{issuer}'.";
        if (uri.Scheme != "https" && !development) return $"must be https outside Development, not '{issuer}'.";
        var origin = uri.GetLeftPart(UriPartial.Authority);
        return issuer == origin ? null : $"must be written '{origin}': no path, query, fragment or trailing slash, lower case, no default port.";
    }
}
