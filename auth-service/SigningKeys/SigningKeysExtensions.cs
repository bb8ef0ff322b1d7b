using AuthService.Users;
using KeyEncryption;
using Microsoft.Extensions.Options;

namespace AuthService.SigningKeys;

internal static class SigningKeysExtensions
{
    private const string KeysSetting = $"{AuthServiceOptions.Section}:{nameof(AuthServiceOptions.KeyEncryptionKeys)}";

    /// <summary>The keys that sign tokens, and the ring of keys that seals them. Needs users, the audit log, Redis and the
    /// revocation service.</summary>
    public static IServiceCollection AddSigningKeys(this IServiceCollection services)
    {
        services.AddSingleton(sp => new Lazy<KeyEncryptionKeyRing>(() => Ring(
            sp.GetRequiredService<IOptions<AuthServiceOptions>>().Value, sp.GetRequiredService<UsersDatabaseOptions>(), sp.GetRequiredService<IHostEnvironment>())));
        services.AddSingleton(sp => sp.GetRequiredService<Lazy<KeyEncryptionKeyRing>>().Value);
        services.AddSingleton<SigningKeySet>();
        services.AddSingleton<SigningKeyAudit>();
        services.AddSingleton<SigningKeyStore>();
        services.AddSingleton<IPreparationStep>(sp => sp.GetRequiredService<SigningKeyStore>());
        services.AddSingleton<SigningKeySchedule>();
        services.AddSingleton<SigningKeyNews>();
        services.AddSingleton<SigningKeyMetrics>();
        services.AddSingleton<SigningKeyRotation>();
        services.AddHostedService<SigningKeyWorker>();
        return services;
    }

    private static KeyEncryptionKeyRing Ring(AuthServiceOptions options, UsersDatabaseOptions database, IHostEnvironment environment)
    {
        if (options.KeyEncryptionKeys.Count > 0) return new KeyEncryptionKeyRing(options.KeyEncryptionKeys, KeysSetting);
        if (environment.IsDevelopment() && database.Sqlite is { } sqlite)
            return new KeyEncryptionKeyRing([DevelopmentKeyFile.ReadOrCreate(sqlite.DataSource + ".key")], KeysSetting);
        throw new OptionsValidationException(AuthServiceOptions.Section, typeof(AuthServiceOptions),
            [$"{KeysSetting} is required with PostgreSQL: list at least one key (make one with `openssl rand -base64 32`)."]);
    }
}
