using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace RevocationProtocol;

/// <summary>How many gateways may still serve requests, and how many of them are known to refuse the revoked tokens.</summary>
/// <param name="Gateways">Registered gateways, those that cannot be reached included.</param>
/// <param name="Acknowledged">Those that have applied the entry.</param>
public readonly record struct Acknowledgement(int Gateways, int Acknowledged);

/// <summary>
/// Waits until every live gateway has applied an append, at most <see cref="MaxWait"/>. Acknowledgements arrive by
/// push; the registry in Redis is asked again before giving up, since a push can be lost.
/// </summary>
/// <param name="writer">Asks for the registry.</param>
/// <param name="logger">Log.</param>
/// <param name="time">Clock.</param>
public sealed partial class AcknowledgementTracker(RevocationWriter writer, ILogger<AcknowledgementTracker> logger, TimeProvider time)
{
    /// <summary>The longest an answer is held back for acknowledgements: 250 ms.</summary>
    public static readonly TimeSpan MaxWait = TimeSpan.FromMilliseconds(250);

    // Without a heartbeat for this long nobody waits for a gateway; it still counts as unacknowledged.
    private const long LiveHeartbeatMs = 5000;

    private static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(100);

    private readonly ConcurrentDictionary<string, (StreamId Applied, string Registration)> _applied = new();
    private volatile TaskCompletionSource _changed = NewSignal();
    private int _subscribed;

    /// <summary>Waits for the gateways that were registered when the entries were appended.</summary>
    /// <param name="append">What was appended.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    public async Task<Acknowledgement> WaitAsync(RevocationAppend append, CancellationToken cancellationToken)
    {
        await SubscribeAsync(cancellationToken);
        var began = time.GetTimestamp();
        var gateways = append.Status.Gateways;
        var nowMs = append.Status.NowMs;
        while (true)
        {
            var changed = _changed.Task;
            // Each gateway is looked at once: one that answers between two looks would be neither counted nor waited for.
            var (acknowledged, awaited) = (0, 0);
            foreach (var gateway in gateways)
            {
                if (HasApplied(gateway, append.Position))
                    acknowledged++;
                else if (gateway.HeartbeatMs >= nowMs - LiveHeartbeatMs)
                    awaited++;
            }
            var waited = time.GetElapsedTime(began);
            if (awaited == 0 || waited >= MaxWait)
                return new Acknowledgement(gateways.Count, acknowledged);
            var left = MaxWait - waited;
            try
            {
                await changed.WaitAsync(left < AskAgain ? left : AskAgain, time, cancellationToken);
            }
            catch (TimeoutException)
            {
                gateways = await AskRegistryAsync(gateways, cancellationToken);
            }
        }
    }

    /// <summary>Subscribes to acknowledgements; called once at start, and again by itself if that failed.</summary>
    /// <param name="cancellationToken">Gives up waiting.</param>
    public async Task SubscribeAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _subscribed, 1) == 1)
            return;
        try
        {
            await writer.Server.SubscribeToAcknowledgementsAsync(OnApplied, cancellationToken);
        }
        catch (RedisUnavailableException e)
        {
            _subscribed = 0;
            Log.NotSubscribed(logger, e.Message);
        }
    }

    /// <summary>Those of the gateways that are known to have applied the stream up to there.</summary>
    internal IEnumerable<RegisteredGateway> Acknowledging(IReadOnlyList<RegisteredGateway> gateways, StreamId position) =>
        gateways.Where(gateway => HasApplied(gateway, position));

    /// <summary>
    /// The gateways as Redis lists them now, without those that signed off or can serve no more. One that registered anew
    /// counts as it was: Redis may have lost the entry before that gateway read it. Whoever joined since is not waited for.
    /// </summary>
    internal async Task<IReadOnlyList<RegisteredGateway>> AskRegistryAsync(IReadOnlyList<RegisteredGateway> gateways, CancellationToken cancellationToken)
    {
        try
        {
            var listed = (await writer.InspectAsync(cancellationToken)).Gateways.ToDictionary(gateway => gateway.Id);
            foreach (var gone in _applied.Keys.Except(listed.Keys))
                _applied.TryRemove(gone, out _);
            return [.. gateways.Where(gateway => listed.ContainsKey(gateway.Id))
                .Select(gateway => listed[gateway.Id] is var now && now.Registration == gateway.Registration ? now : gateway)];
        }
        catch (RedisUnavailableException)
        {
            return gateways;
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private bool HasApplied(RegisteredGateway gateway, StreamId position) =>
        gateway.Registration.Length > 0
        && (gateway.Applied >= position
            || (_applied.TryGetValue(gateway.Id, out var pushed) && pushed.Registration == gateway.Registration && pushed.Applied >= position));

    private void OnApplied(string gateway, StreamId position, string registration)
    {
        _applied.AddOrUpdate(
            gateway,
            (position, registration),
            (_, known) => known.Registration == registration && known.Applied > position ? known : (position, registration));
        Interlocked.Exchange(ref _changed, NewSignal()).TrySetResult();
    }

    private static partial class Log
    {
        [LoggerMessage(3010, LogLevel.Warning, "Acknowledgements cannot be received now; the registry is asked instead: {Reason}")]
        public static partial void NotSubscribed(ILogger logger, string reason);
    }
}
