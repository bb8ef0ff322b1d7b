using System.Diagnostics.Metrics;

namespace AuthService.SigningKeys;

/// <summary>Meter <c>AuthService.SigningKeys</c>.</summary>
internal sealed class SigningKeyMetrics
{
    public const string Meter = "AuthService.SigningKeys";

    private readonly TimeProvider _time;
    private long _nextChangeAtMs = -1;

    public SigningKeyMetrics(IMeterFactory meters, SigningKeySet keys, TimeProvider time)
    {
        _time = time;
        var meter = meters.Create(Meter);
        meter.CreateObservableGauge("auth_service.signing_keys.published", () => keys.Count, "{key}", "Keys in the key set.");
        meter.CreateObservableGauge("auth_service.signing_keys.active_age", () => Since(keys.ActiveSinceMs), "s", "How long the active key has been signing; -1 before keys are loaded.");
        meter.CreateObservableGauge("auth_service.signing_keys.next_change", () => Until(Volatile.Read(ref _nextChangeAtMs)), "s", "Until a key is announced, becomes active or goes; -1 if nothing is planned.");
        meter.CreateObservableGauge("auth_service.signing_keys.reading_age", () => keys.Age?.TotalSeconds ?? -1, "s", "Since the keys were read from the database; from 30 s on nothing is signed. -1 before the first time.");
    }

    /// <summary>When something is due next.</summary>
    public DateTimeOffset? NextChangeAt
    {
        set => Volatile.Write(ref _nextChangeAtMs, value?.ToUnixTimeMilliseconds() ?? -1);
    }

    private double Since(long? ms) => ms is null ? -1 : (_time.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(ms.Value)).TotalSeconds;

    private double Until(long ms) => ms < 0 ? -1 : Math.Max(0, -Since(ms));
}
