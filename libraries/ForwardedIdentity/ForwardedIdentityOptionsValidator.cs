using System.Net;
using Microsoft.Extensions.Options;

namespace ForwardedIdentity;

/// <summary>Lists every fault at once, each with its key.</summary>
internal sealed class ForwardedIdentityOptionsValidator : IValidateOptions<ForwardedIdentityOptions>
{
    private static readonly TimeSpan LargestSkew = TimeSpan.FromMinutes(1);

    public ValidateOptionsResult Validate(string? name, ForwardedIdentityOptions options)
    {
        var errors = new ValidateOptionsResultBuilder();
        if (options.Gateway is null)
            errors.AddError("is required: the address of the gateway, such as https://api.example.com.", Key(nameof(options.Gateway)));
        if (string.IsNullOrWhiteSpace(options.Audience))
            errors.AddError("is required: the id of this service's cluster in the gateway's configuration.", Key(nameof(options.Audience)));
        if (options.ClockSkew < TimeSpan.Zero || options.ClockSkew > LargestSkew)
            errors.AddError($"must be from 00:00:00 to {LargestSkew}, not {options.ClockSkew}.", Key(nameof(options.ClockSkew)));
        if (options.ClientId is null != options.ClientSecret is null)
            errors.AddError("belong together: set both or none.", $"{Key(nameof(options.ClientId))} and {Key(nameof(options.ClientSecret))}");
        CheckAddress(errors, options, nameof(options.Gateway), options.Gateway);
        CheckAddress(errors, options, nameof(options.KeysAddress), options.KeysAddress);
        CheckAddress(errors, options, nameof(options.TokenEndpoint), options.TokenEndpoint);
        for (var i = 0; i < options.TrustedNetworks.Count; i++)
        {
            if (!IPNetwork.TryParse(options.TrustedNetworks[i], out _))
                errors.AddError($"'{options.TrustedNetworks[i]}' is not a network such as 10.0.0.0/8.", $"{Key(nameof(options.TrustedNetworks))}:{i}");
        }

        return errors.Build();
    }

    private static void CheckAddress(ValidateOptionsResultBuilder errors, ForwardedIdentityOptions options, string member, Uri? address)
    {
        if (address is null) return;
        if (!address.IsAbsoluteUri || address.Scheme is not ("https" or "http") || address.UserInfo.Length > 0)
            errors.AddError($"must be an address such as https://api.example.com, not '{address}'.", Key(member));
        else if (options.RequireHttps && address.Scheme != "https" && !address.IsLoopback)
            errors.AddError($"must be https, not '{address}'; or set {Key(nameof(options.RequireHttps))} to false if nobody can interfere on the way.", Key(member));
    }

    private static string Key(string member) => $"{ForwardedIdentityDefaults.ConfigurationSection}:{member}";
}
