using System.Net;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace SampleBackend.Authentication;

/// <summary>Section <c>Identity</c>: from whom this backend takes the identity of a caller.</summary>
internal sealed class ForwardedHeadersOptions : AuthenticationSchemeOptions
{
    /// <summary>
    /// Networks (CIDR) of the gateways. Identity headers from any other peer are as good as absent. Empty (the default): no
    /// peer is trusted, every request that is not under /public is refused. Anything that can open a connection from one of
    /// these networks can claim to be any user, so name the gateways alone.
    /// </summary>
    public List<string> TrustedNetworks { get; set; } = [];
}

internal sealed class ForwardedHeadersOptionsValidator : IValidateOptions<ForwardedHeadersOptions>
{
    public ValidateOptionsResult Validate(string? name, ForwardedHeadersOptions options)
    {
        var errors = new ValidateOptionsResultBuilder();
        for (var i = 0; i < options.TrustedNetworks.Count; i++)
        {
            if (!IPNetwork.TryParse(options.TrustedNetworks[i], out _))
                errors.AddError($"'{options.TrustedNetworks[i]}' is not a network such as 10.0.0.0/8.", $"Identity:TrustedNetworks:{i}");
        }

        return errors.Build();
    }
}
