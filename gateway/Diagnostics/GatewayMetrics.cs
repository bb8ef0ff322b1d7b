using System.Diagnostics.Metrics;
using Gateway.Authentication;

namespace Gateway.Diagnostics;

/// <summary>Meter <c>Gateway</c>: what is known of tokens and keys, and how old that is.</summary>
internal sealed class GatewayMetrics
{
    public const string Meter = "Gateway";

    public GatewayMetrics(IMeterFactory meters, IssuerRegistry issuers, TokenCache cache, TokenValidator validator)
    {
        var meter = meters.Create(Meter);
        meter.CreateObservableCounter("gateway.tokens.first_sights", () => validator.FirstSights, "{token}", "Tokens that were read and verified; all others were known.");
        meter.CreateObservableGauge("gateway.token_cache.entries", () => cache.Size.Entries, "{token}", "Validated tokens that are remembered.");
        meter.CreateObservableGauge("gateway.token_cache.size", () => cache.Size.Bytes, "By", "About what they take in memory.");
        meter.CreateObservableGauge("gateway.issuer_keys.age", () => issuers.All.Select(issuer =>
            new Measurement<double>(issuer.Keys.Age?.TotalSeconds ?? -1, new KeyValuePair<string, object?>("issuer", issuer.Name))), "s", "Since the issuer's keys were fetched; -1 before the first time.");
        meter.CreateObservableGauge("gateway.issuer_keys.count", () => issuers.All.Select(issuer =>
            new Measurement<int>(issuer.Keys.Known.Count, new KeyValuePair<string, object?>("issuer", issuer.Name))), "{key}", "Keys of the issuer.");
    }
}
