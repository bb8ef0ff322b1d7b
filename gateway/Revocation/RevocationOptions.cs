using Microsoft.Extensions.Options;

namespace Gateway.Revocation;

/// <summary>How this gateway keeps its copy of the revocations. Section <c>Gateway:Revocation</c>.</summary>
internal sealed class RevocationOptions
{
    public const string Section = "Gateway:Revocation";

    /// <summary>
    /// Age of the last proof of contact with Redis from which on protected routes answer 503. Default 30 s. Longer keeps
    /// serving through longer outages, and is the longest a revocation can be missed by a gateway cut off from Redis.
    /// </summary>
    public TimeSpan MaxStaleness { get; set; } = TimeSpan.FromSeconds(30);
}

internal sealed class RevocationOptionsValidator : IValidateOptions<RevocationOptions>
{
    public ValidateOptionsResult Validate(string? name, RevocationOptions options)
    {
        var errors = new ValidateOptionsResultBuilder();
        if (options.MaxStaleness < TimeSpan.FromSeconds(2) || options.MaxStaleness > TimeSpan.FromDays(1))
            errors.AddError($"is {options.MaxStaleness}; it must lie between 2 seconds and 1 day.", "Gateway:Revocation:MaxStaleness");
        return errors.Build();
    }
}
