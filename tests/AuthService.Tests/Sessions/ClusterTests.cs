using System.Net;
using AuthService.Sessions;
using AuthService.Tests.Tokens;
using Microsoft.Extensions.Logging.Abstractions;
using RevocationProtocol;
using Testing;

namespace AuthService.Tests.Sessions;

/// <summary>The essentials of sessions and revocation, the whole service on a Redis Cluster of three masters.</summary>
public sealed class ClusterTests : IAsyncLifetime
{
    private readonly RedisClusterFixture _cluster = new();
    private readonly SessionKeys _keys = new("gw:");
    private readonly RevocationKeys _revocationKeys = new("gw:");
    private RunningService _service = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await _cluster.StartAsync();
        _service = new RunningService { Cluster = _cluster, Settings = ["AuthService:SignInLimit:FailuresPerAddressAndAccount=3"] };
        await _service.InitializeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _service.DisposeAsync();
        await _cluster.DisposeAsync();
    }

    [Fact]
    public async Task Sessions_on_every_node_rotate_repeat_end_and_lie_with_their_outbox()
    {
        await using var connection = new RedisConnection(_cluster.Endpoints, TimeProvider.System);
        var store = new SessionStore(new SessionsConnection(connection, isOwn: false), _keys, new SessionScripts(), SessionWorld.Policy);
        var nodes = new HashSet<RedisFixture>();
        for (var i = 0; i < 24; i++)
        {
            var session = await store.StartAsync(SessionWorld.NewSession(), Cancellation);
            nodes.Add(await _cluster.NodeOfAsync(_keys.Session(session.Sid).ToString()));
            var first = await store.RotateAsync(session.Token, 0, SessionWorld.Someone, Cancellation);
            Assert.Equal((RotationKind.Rotated, RotationKind.Repeated), (first.Kind, (await store.RotateAsync(session.Token, 0, SessionWorld.Someone, Cancellation)).Kind));
            Assert.Equal(RotationKind.Rotated, (await store.RotateAsync(first.Successor!, 0, SessionWorld.Someone, Cancellation)).Kind);
            var reused = await store.RotateAsync(session.Token, 0, SessionWorld.Someone, Cancellation);
            Assert.Equal(RotationKind.Reused, reused.Kind);
            Assert.NotNull(reused.OutboxId);
        }

        Assert.Equal(3, nodes.Count);
    }

    [Fact]
    public async Task Sign_in_refresh_reuse_logout_and_list_work_and_revocations_reach_a_reader()
    {
        await using var connection = new RedisConnection(_cluster.Endpoints, TimeProvider.System);
        using var stop = new CancellationTokenSource();
        var replica = new RevocationReplica(TimeSpan.FromSeconds(30), TimeProvider.System);
        var reader = new RevocationReader(connection, _revocationKeys, replica, "gateway", NullLogger<RevocationReader>.Instance, TimeProvider.System);
        var reading = reader.RunAsync(stop.Token);
        await Eventually.TrueAsync(() => replica.IsLoaded, "the reader has loaded", Cancellation);

        var (first, second, third) = (await _service.SignInAsync(), await _service.SignInAsync(), await _service.SignInAsync());
        Assert.Equal(3, (await RunningService.JsonAsync(await _service.SendAsync(HttpMethod.Get, "/api/sessions", first.Access))).GetArrayLength());
        var logout = await RunningService.JsonAsync(await _service.SendAsync(HttpMethod.Post, "/api/logout", first.Access));
        Assert.Equal("""{"revoked":1,"gateways":1,"acknowledged":1,"durable":true}""", logout.GetRawText());
        Assert.Equal(RevocationVerdict.Revoked, replica.Check(Revocable(first)));

        var next = await _service.RefreshAsync((await _service.RefreshAsync(second.Refresh)).Refresh);
        Assert.Equal(RevocationVerdict.Live, replica.Check(Revocable(next)));
        Assert.Equal(401, await _service.RefreshStatusAsync(second.Refresh));
        await Eventually.TrueAsync(() => replica.Check(Revocable(next)) == RevocationVerdict.Revoked, "the reuse reaches the reader", Cancellation);
        Assert.Equal(401, await _service.RefreshStatusAsync(next.Refresh));

        var all = await RunningService.JsonAsync(await _service.SendAsync(HttpMethod.Delete, "/api/sessions", third.Access));
        Assert.Equal((1, 1), (all.GetProperty("revoked").GetInt32(), all.GetProperty("acknowledged").GetInt32()));
        Assert.Equal(RevocationVerdict.Revoked, replica.Check(Revocable(third)));

        await stop.CancelAsync();
        await reading.ContinueWith(_ => { }, TaskScheduler.Default);
    }

    [Fact]
    public async Task Limits_hold()
    {
        for (var i = 0; i < 3; i++) Assert.Equal(HttpStatusCode.Unauthorized, (await SignInAsync()).StatusCode);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await SignInAsync()).StatusCode);

        Task<HttpResponseMessage> SignInAsync() => _service.PostAsync("/api/token/", new { username = "alice", password = "wrong" });
    }

    [Fact]
    public async Task Lost_script_caches_and_a_moved_slot_go_unnoticed()
    {
        var session = await _service.SignInAsync();
        foreach (var node in _cluster.Nodes) await node.RunCliAsync("script", "flush");
        session = await _service.RefreshAsync(session.Refresh);

        var before = session;
        var to = await _cluster.MoveAsync(_keys.Session(session.Sid).ToString());
        // The client of the service still asks the old node, and is sent on to one that does not know the script.
        session = await _service.RefreshAsync(session.Refresh);
        Assert.Equal(1, int.Parse(await to.RunCliAsync("exists", _keys.Session(session.Sid).ToString())));
        // The lost answer too: the same successor again.
        Assert.Equal(session.Refresh, (await _service.RefreshAsync(before.Refresh)).Refresh);
        await _service.SendAsync(HttpMethod.Post, "/api/logout", session.Access);
        Assert.Equal(401, await _service.RefreshStatusAsync(session.Refresh));
    }

    [Fact]
    public async Task Revocations_lost_with_their_node_are_refilled_and_no_revoked_token_is_accepted()
    {
        var session = await _service.SignInAsync();
        await _service.SendAsync(HttpMethod.Post, "/api/logout", session.Access);
        var node = await _cluster.NodeOfAsync(_revocationKeys.Marker);
        var marker = await node.RunCliAsync("get", _revocationKeys.Marker);

        await node.KillAsync();
        await Eventually.TrueAsync(async () => await _service.RefreshStatusAsync(session.Refresh) == 503, "the cluster is known to be away", Cancellation);
        Assert.Equal(401, await _service.RefreshStatusAsync(session.Refresh[..^1]));
        await node.StartAsync();
        await _cluster.CompleteAsync();

        await Eventually.TrueAsync(async () => await node.RunCliAsync("get", _revocationKeys.Marker) is { Length: > 0 } now && now != marker, "Redis is refilled", Cancellation);
        await _service.ReadyAsync();
        Assert.Equal("1", await node.RunCliAsync("xlen", _revocationKeys.Stream));
        Assert.Equal(401, await _service.RefreshStatusOnceAvailableAsync(session.Refresh));
        Assert.Equal(401, await _service.VerifyStatusAsync(session.Access));
        Assert.Equal(200, await _service.RefreshStatusOnceAvailableAsync((await _service.SignInAsync()).Refresh));
    }

    [Fact]
    public async Task Node_of_a_session_away_is_503_and_the_token_works_afterwards()
    {
        await _service.DisposeAsync();
        await using var cluster = new RedisClusterFixture { AppendOnly = true };
        await cluster.StartAsync();
        _service = new RunningService { Cluster = cluster };
        await _service.InitializeAsync();
        var session = await _service.SignInAsync();
        var node = await cluster.NodeOfAsync(_keys.Session(session.Sid).ToString());

        await node.KillAsync();
        var refused = await _service.PostAsync("/api/token/refresh/", new { refresh = session.Refresh });
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.NotNull(refused.Headers.RetryAfter);
        await node.StartAsync();
        await cluster.CompleteAsync();

        await Eventually.TrueAsync(async () => await _service.RefreshStatusAsync(session.Refresh) == 200, "the token works again", Cancellation);
        await _service.DisposeAsync();
        _service = new RunningService { Cluster = _cluster };
        await _service.InitializeAsync();
    }

    private static RevocableToken Revocable(RunningService.Pair pair)
    {
        var claims = pair.Claims;
        string Text(string name) => claims.GetProperty(name).GetString()!;
        return new RevocableToken(Text("iss"), Text("jti"), Text("sid"), null, Text("sub"), Text("client_id"), IssueTimeOf(Text("jti")));
    }

    private static long IssueTimeOf(string jti) => Convert.ToInt64(jti.Replace("-", "", StringComparison.Ordinal)[..12], 16);
}
