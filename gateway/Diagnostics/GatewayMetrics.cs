using System.Diagnostics.Metrics;
using Gateway.Authentication;

namespace Gateway.Diagnostics;

/// <summary>Meter <c>Gateway</c>: what was refused and why, and how old the knowledge is that decides.</summary>
internal sealed class GatewayMetrics
{
    public const string Meter = "Gateway";

    private readonly Counter<long> _refusals;

    public GatewayMetrics(IMeterFactory meters, IssuerRegistry issuers, TokenCache cache, TokenValidator validator)
    {
        var meter = meters.Create(Meter);
        _refusals = meter.CreateCounter<long>("gateway.refusals", "{request}", "Requests refused, by reason.");
        meter.CreateObservableCounter("gateway.tokens.first_sights", () => validator.FirstSights, "{token}", "Tokens that were read and verified; all others were known.");
        meter.CreateObservableGauge("gateway.token_cache.entries", () => cache.Size.Entries, "{token}", "Validated tokens that are remembered.");
        meter.CreateObservableGauge("gateway.token_cache.size", () => cache.Size.Bytes, "By", "About what they take in memory.");
        meter.CreateObservableGauge("gateway.issuer_keys.age", () => issuers.All.Select(issuer =>
            new Measurement<double>(issuer.Keys.Age?.TotalSeconds ?? -1, new KeyValuePair<string, object?>("issuer", issuer.Name))), "s", "Since the issuer's keys were fetched; -1 before the first time.");
        meter.CreateObservableGauge("gateway.issuer_keys.count", () => issuers.All.Select(issuer =>
            new Measurement<int>(issuer.Keys.Known.Count, new KeyValuePair<string, object?>("issuer", issuer.Name))), "{key}", "Keys of the issuer.");
    }

    /// <summary>Counts a refusal.</summary>
    public void Refused(Reason reason) => _refusals.Add(1, new KeyValuePair<string, object?>("reason", reason.Code));
}
