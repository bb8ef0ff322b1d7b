using System.Diagnostics.Metrics;
using AuthService.Users;
using RevocationProtocol;

namespace AuthService.Revocation;

/// <summary>
/// Whether the Redis in use holds every revocation there is. Until it does (first start, restart, failover, restored
/// backup) no token is issued, and gateways do not count reading it as proof of contact: section by section it is filled
/// from the database, then marked under its identity.
/// </summary>
internal sealed partial class RevocationState(
    RevocationWriter writer, RevocationStore store, IMeterFactory meters, ILogger<RevocationState> logger, TimeProvider time)
{
    private static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(2);

    // A part of it: a database that does not answer is not to make Redis seem silent.
    private static readonly TimeSpan DatabaseWait = TimeSpan.FromMilliseconds(500);

    private readonly RevocationRefill _refill = new(writer, store);
    private readonly Counter<long> _refills = meters.Create("AuthService.Revocation").CreateCounter<long>(
        "auth_service.revocation.refills", "{refill}", "Times this process filled a Redis from the database and marked it complete.");
    private volatile Known? _known;
    private Task<long>? _reading;

    /// <summary>Why revocations cannot be published now, or null.</summary>
    public string? UnavailableReason => _known switch
    {
        null => "Redis has not answered yet.",
        var known when time.GetElapsedTime(known.At) > MaxAge => "Redis does not answer.",
        { Complete: false } => "Redis does not hold all revocations yet; they are being refilled from the database.",
        _ => null,
    };

    /// <summary>The identity of Redis when it was last asked, or null.</summary>
    public string? Identity => _known?.Status.Identity;

    /// <summary>Gateways registered when Redis was last asked.</summary>
    public int Gateways => _known?.Status.Gateways.Count ?? 0;

    /// <summary>Difference of this process's clock to Redis's when it was last asked, ms; null before.</summary>
    public long? ClockDifferenceMs => _known?.ClockDifferenceMs;

    /// <summary>Redis failed a caller: do not let others find out one by one.</summary>
    public void ReportUnavailable() => _known = null;

    /// <summary>Asks Redis who it is, and refills it if it must be. One caller at a time.</summary>
    public async Task RefreshAsync(CancellationToken ct)
    {
        // Before Redis is asked: what it answers is then as young as it can be.
        var published = await ReadPublishedNumberAsync(ct);
        var sentMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        var sentAt = time.GetTimestamp();
        var status = await writer.InspectAsync(ct);
        var clockDifference = sentMs + ((long)time.GetElapsedTime(sentAt).TotalMilliseconds / 2) - status.NowMs;
        var complete = status.Filled && (published is not { } number || status.MarkedNumber >= number);
        _known = new Known(status, complete, sentAt, clockDifference);
        if (!complete)
            await RefillAsync(status, ct);
    }

    /// <summary>What the marker must cover; null while the database does not say: the marker is of this very Redis and was
    /// complete when it was written, and only the cross-check is missing.</summary>
    /// <remarks>A question that is late is left to its own time limit and its answer taken the next time, since the number only
    /// grows: one that is cut off twice a second would leave the connections of requests in an unknown state.</remarks>
    private async Task<long?> ReadPublishedNumberAsync(CancellationToken ct)
    {
        var reading = _reading ??= store.ReadPublishedNumberAsync(CancellationToken.None);
        try
        {
            await Task.WhenAny(reading, Task.Delay(DatabaseWait, time, ct));
            ct.ThrowIfCancellationRequested();
            return reading.IsCompleted ? await reading : null;
        }
        catch (Exception e) when (UsersDatabaseFaults.IsAway(e))
        {
            return null;
        }
        finally
        {
            if (reading.IsCompleted) _reading = null;
        }
    }

    private async Task RefillAsync(RevocationStatus status, CancellationToken ct)
    {
        Log.Incomplete(logger, status.Identity);
        if (await _refill.RunAsync(status.Identity, ct) is not var (count, number))
            return;
        _refills.Add(1);
        Log.RefillDone(logger, status.Identity, count, number);
    }

    private sealed record Known(RevocationStatus Status, bool Complete, long At, long ClockDifferenceMs);

    private static partial class Log
    {
        [LoggerMessage(2500, LogLevel.Warning, "Redis {Identity} does not hold all revocations (new, restarted, failed over or restored): refilling it from the database. Sign-in and refresh wait.")]
        public static partial void Incomplete(ILogger logger, string identity);

        [LoggerMessage(2501, LogLevel.Information, "Redis {Identity} was refilled with {Count} revocations and marked complete up to row {Number}.")]
        public static partial void RefillDone(ILogger logger, string identity, int count, long number);
    }
}
