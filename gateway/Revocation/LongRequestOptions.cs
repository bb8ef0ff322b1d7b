using Microsoft.Extensions.Options;

namespace Gateway.Revocation;

/// <summary>How requests end that outlive their token. Section <c>Gateway:LongRequests</c>.</summary>
internal sealed class LongRequestOptions
{
    public const string Section = "Gateway:LongRequests";

    /// <summary>
    /// How long after its token's <c>exp</c> a WebSocket, event stream or transfer may go on. Default 0. A client cannot
    /// hand in a fresh token on a running request, so a stream that should outlive its token needs an allowance here;
    /// revocation ends it at once all the same.
    /// </summary>
    public TimeSpan ExpiryAllowance { get; set; }
}

internal sealed class LongRequestOptionsValidator : IValidateOptions<LongRequestOptions>
{
    public ValidateOptionsResult Validate(string? name, LongRequestOptions options)
    {
        var errors = new ValidateOptionsResultBuilder();
        if (options.ExpiryAllowance < TimeSpan.Zero || options.ExpiryAllowance > TimeSpan.FromDays(1))
            errors.AddError($"is {options.ExpiryAllowance}; it must lie between 0 and 1 day.", "Gateway:LongRequests:ExpiryAllowance");
        return errors.Build();
    }
}
