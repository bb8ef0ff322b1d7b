namespace RevocationProtocol;

/// <summary>
/// Remembers the gateways that a Redis which lost its data no longer lists: they go on serving, and an answer that left
/// them out would claim too much. Each is remembered until it signs off or must have refused by its own staleness.
/// </summary>
internal sealed class GatewayRegister(TimeProvider time)
{
    // As in the registry's script: the gateway's clock and Redis's may run at slightly different speeds.
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, (RegisteredGateway Gateway, long SeenAt)> _known = [];

    /// <summary>The status with the gateways that Redis does not list, without those that have signed off.</summary>
    public RevocationStatus Complete(RevocationStatus status)
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            foreach (var gateway in status.Gateways)
            {
                if (gateway.HasSignedOff)
                    _known.Remove(gateway.Id);
                else if (!_known.TryGetValue(gateway.Id, out var known) || known.Gateway.HeartbeatMs != gateway.HeartbeatMs)
                    _known[gateway.Id] = (gateway, now);
            }
            foreach (var (id, known) in _known)
            {
                if (time.GetElapsedTime(known.SeenAt, now) > known.Gateway.MaxStaleness + Margin)
                    _known.Remove(id);
            }
            var listed = status.Gateways.Where(gateway => !gateway.HasSignedOff).ToList();
            var lost = _known.Values.Select(known => known.Gateway with { Registration = "" }).ExceptBy(listed.Select(gateway => gateway.Id), gateway => gateway.Id);
            return status with { Gateways = [.. listed, .. lost] };
        }
    }
}
