using KeyEncryption;
using Microsoft.Extensions.Options;

namespace Gateway.Forwarding;

/// <summary><c>Gateway:Identity</c>: the tokens by which backends know that an identity comes from the gateway.</summary>
internal sealed class IdentityOptions
{
    public const string Section = "Gateway:Identity";
    public const string KeyEncryptionKeysSetting = $"{Section}:{nameof(KeyEncryptionKeys)}";

    /// <summary>The longest life that may be configured: keys are published for so long after their last signature.</summary>
    public static readonly TimeSpan LongestLifetime = TimeSpan.FromMinutes(15);

    private static readonly TimeSpan ShortestLifetime = TimeSpan.FromSeconds(5);

    /// <summary>
    /// <c>iss</c> of identity tokens: the public address, the same on all gateways. Default: the issuer of the own
    /// auth-service (<c>Gateway:Issuers:0:Issuer</c>).
    /// </summary>
    public string? Issuer { get; set; }

    /// <summary>
    /// How long an identity token lives, unless the access token ends before. 5 seconds to 15 minutes, default 60 seconds. A
    /// backend that passes it on cannot be kept from using it for so long after a revocation.
    /// </summary>
    public TimeSpan TokenLifetime { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// <c>aud</c> of the identity token in an answer of <c>/verify</c>, where no cluster says who it is for. Default
    /// <c>verify</c>.
    /// </summary>
    public string VerifyAudience { get; set; } = "verify";

    /// <summary>
    /// Base64 texts of 32 random bytes. The first seals the signing keys that all gateways share in Redis, all unseal; so they
    /// are the same on all gateways. Required outside Development, where without one a key is made up for this process alone.
    /// </summary>
    public IList<string> KeyEncryptionKeys { get; } = [];

    internal sealed class Validator : IValidateOptions<IdentityOptions>
    {
        public ValidateOptionsResult Validate(string? name, IdentityOptions options)
        {
            var errors = new ValidateOptionsResultBuilder();
            if (options.Issuer is not null && string.IsNullOrWhiteSpace(options.Issuer)) errors.AddError("must not be blank.", $"{Section}:Issuer");
            if (options.TokenLifetime < ShortestLifetime || options.TokenLifetime > LongestLifetime)
                errors.AddError($"must be from {ShortestLifetime:c} to {LongestLifetime:c}.", $"{Section}:TokenLifetime");
            if (string.IsNullOrWhiteSpace(options.VerifyAudience)) errors.AddError("must not be blank.", $"{Section}:VerifyAudience");
            foreach (var fault in KeyEncryptionKeyRing.Faults([.. options.KeyEncryptionKeys], KeyEncryptionKeysSetting)) errors.AddError(fault);
            return errors.Build();
        }
    }

    /// <summary>Gateways that keep keys in Redis must be able to seal them.</summary>
    internal sealed class SealingValidator(IHostEnvironment environment) : IValidateOptions<IdentityOptions>
    {
        public ValidateOptionsResult Validate(string? name, IdentityOptions options) =>
            options.KeyEncryptionKeys.Count > 0 || environment.IsDevelopment()
                ? ValidateOptionsResult.Success
                : ValidateOptionsResult.Fail(
                    $"{KeyEncryptionKeysSetting}: is missing. Set the base64 text of 32 random bytes (`openssl rand -base64 32`), the same on all gateways.");
    }
}
