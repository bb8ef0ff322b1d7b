using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Gateway.Authentication;
using Microsoft.Extensions.Options;
using RevocationProtocol;

namespace Gateway.Revocation;

/// <summary>
/// The running requests that may outlive their token: WebSockets, and transfers whose length is unknown or large. Each is
/// ended when its token is revoked or expires. Ordinary requests never come here. Revocations that come together share
/// one look at the registry, and looks are spaced by what they cost, so that many streams and many revocations do not
/// multiply.
/// </summary>
internal sealed partial class LongRequests : BackgroundService
{
    private static readonly TimeSpan ExpiryInterval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LookSpacing = TimeSpan.FromMilliseconds(10);

    private readonly ConcurrentDictionary<LongRequest, byte> _running = new();
    private readonly Wakeup _revocations;
    private readonly RevocationReplica _replica;
    private readonly TimeSpan _allowance;
    private readonly TimeProvider _time;
    private readonly ILogger<LongRequests> _logger;
    private readonly Counter<long> _cut;

    public LongRequests(RevocationReplica replica, IOptions<LongRequestOptions> options, IMeterFactory meters, TimeProvider time, ILogger<LongRequests> logger)
    {
        _replica = replica;
        _allowance = options.Value.ExpiryAllowance;
        _time = time;
        _revocations = new Wakeup(time);
        _logger = logger;
        var meter = meters.Create("Gateway.Revocation");
        _cut = meter.CreateCounter<long>("gateway.long_requests.cut", "{request}", "Requests ended because their token was revoked or expired.");
        meter.CreateObservableGauge("gateway.long_requests.running", () => Running, "{request}", "WebSockets and long transfers under watch.");
        replica.Applied += _ => _revocations.Call();
    }

    /// <summary>Requests under watch.</summary>
    internal int Running => _running.Count;

    /// <summary>Watches a request until it ends. One whose token died since it was checked is ended here and now.</summary>
    /// <param name="webSocket">Closes it politely, where it is a WebSocket; anything else is aborted.</param>
    public void Watch(HttpContext context, AuthenticatedCaller caller, WebSocketCloser? webSocket = null)
    {
        var request = new LongRequest(context, caller, webSocket);
        _running.TryAdd(request, 0);
        context.Response.OnCompleted(() =>
        {
            _running.TryRemove(request, out _);
            request.Complete();
            return Task.CompletedTask;
        });
        EndIfDead(request);
    }

    /// <summary>Whether a request with this token may not go on; the allowance counts.</summary>
    public bool IsOver(AuthenticatedCaller caller) => ReasonToEnd(caller) is not null;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var began = _time.GetTimestamp();
            foreach (var (request, _) in _running)
                EndIfDead(request);
            var cost = _time.GetElapsedTime(began);
            await Task.Delay(cost * 9 + LookSpacing, _time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await _revocations.WaitAsync(ExpiryInterval, stoppingToken);
        }
    }

    private void EndIfDead(LongRequest request)
    {
        if (ReasonToEnd(request.Caller) is not { } reason || !request.TryEnd())
            return;
        _running.TryRemove(request, out _);
        _cut.Add(1, new TagList { { "reason", reason } });
        Log.Cut(_logger, reason);
    }

    private string? ReasonToEnd(AuthenticatedCaller caller) =>
        _replica.Check(caller.Revocable) == RevocationVerdict.Revoked ? "token_revoked"
        : _time.GetUtcNow() >= caller.ExpiresAt + _allowance ? "token_expired"
        : null;

    private static partial class Log
    {
        [LoggerMessage(1310, LogLevel.Information, "A long request was ended: {Reason}")]
        public static partial void Cut(ILogger logger, string reason);
    }
}

/// <summary>
/// One running request under watch. Its context belongs to another request as soon as it has completed, hence the lock.
/// </summary>
internal sealed class LongRequest(HttpContext context, AuthenticatedCaller caller, WebSocketCloser? webSocket)
{
    private readonly Lock _ending = new();
    private bool _ended;
    private bool _completed;

    public AuthenticatedCaller Caller => caller;

    /// <summary>Ends the request unless that was done before.</summary>
    public bool TryEnd()
    {
        lock (_ending)
        {
            if (_ended || _completed)
                return false;
            _ended = true;
        }
        if (webSocket is null)
            Abort();
        else
            _ = webSocket.CloseAsync(Abort);
        return true;
    }

    /// <summary>The request has completed: from now on nothing is done to it.</summary>
    public void Complete()
    {
        lock (_ending)
            _completed = true;
    }

    private void Abort()
    {
        lock (_ending)
        {
            if (!_completed)
                context.Abort();
        }
    }
}
