using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using Testing;

namespace EndToEnd.Tests.SigningKeys;

/// <summary>Signing keys change while three gateways and two replicas of the auth-service carry load.</summary>
public sealed class KeyChangeTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rotation_on_sqlite_fails_no_request_and_withdrawal_kills_every_token_within_a_second() => await CheckAsync(database: null);

    [Fact]
    public async Task Rotation_on_postgresql_fails_no_request_and_withdrawal_kills_every_token_within_a_second()
    {
        Assert.SkipWhen(PostgresFixture.MissingReason is not null, PostgresFixture.MissingReason ?? "");
        await using var postgres = new PostgresFixture();
        await postgres.StartAsync();
        await CheckAsync(await postgres.CreateDatabaseAsync());
    }

    private static async Task CheckAsync(string? database)
    {
        await using var stack = await Stack.StartAsync(
            new StackOptions
            {
                Gateways = 3,
                AuthServices = 2,
                Database = database,
                AuthServiceEnvironment = new Dictionary<string, string> { ["AuthService__SigningKeys__AnnouncePeriod"] = "00:00:02" },
            },
            Cancellation);
        await RotateAsync(stack);
        await WithdrawAsync(stack);
    }

    private static async Task RotateAsync(Stack stack)
    {
        var admin = await stack.SignInAsync("admin", cancellationToken: Cancellation);
        await using var load = await RefreshingLoad.StartAsync(stack);
        var announced = await stack.Client.AskAsync(HttpMethod.Post, "/api/admin/keys/rotate", admin.Access);
        Assert.Equal((200, "announced"), (announced.Status, announced.Json.GetProperty("state").GetString()));
        var next = announced.Json.GetProperty("kid").GetString()!;
        // Every gateway carries tokens of both keys, from either replica.
        await Eventually.TrueAsync(() => load.Passed(next) >= 3 * 20, "the gateways carry tokens of the new key", Cancellation);
        await load.StopAsync();
        Assert.Empty(load.Failures);
        Assert.True(load.Passed(Kid(admin.Access)) > 20, "the load was none before the change");
        Assert.Equal(200, (await stack.Client.GetAsync("/hello/", admin.Access)).Status);
    }

    private static async Task WithdrawAsync(Stack stack)
    {
        var (admin, user) = (await stack.SignInAsync("admin", cancellationToken: Cancellation), await stack.SignInAsync("bob", cancellationToken: Cancellation));
        var kid = Kid(user.Access);
        var clients = stack.Gateways.Select(gateway => Stack.NewClient(gateway.Address)).ToList();
        foreach (var client in clients) Assert.Equal(200, (await client.GetAsync("/hello/", user.Access)).Status);

        var answer = await stack.Client.AskAsync(HttpMethod.Post, $"/api/admin/keys/{kid}/withdraw", admin.Access);
        var answered = Stopwatch.GetTimestamp();
        Assert.Equal(200, answer.Status);
        foreach (var client in clients)
        {
            await Eventually.TrueAsync(
                async _ => (await client.GetAsync("/hello/", user.Access)) is { Status: 401, Code: "token_revoked" },
                TimeSpan.FromSeconds(1) - Stopwatch.GetElapsedTime(answered),
                () => $"a gateway accepts a token of a withdrawn key; the answer was {answer}",
                Cancellation);
        }

        // The session goes on with the new key, everywhere; so it does after any fetch.
        var refreshed = (await clients[1].RefreshAsync(user.Refresh)).Tokens;
        Assert.Equal(answer.Json.GetProperty("active").GetString(), Kid(refreshed.Access));
        foreach (var client in clients)
        {
            Assert.Equal(200, (await client.GetAsync("/hello/", refreshed.Access)).Status);
            Assert.Equal(401, (await client.GetAsync("/hello/", user.Access)).Status);
            client.Dispose();
        }
    }

    private static string Kid(string token)
    {
        using var header = JsonDocument.Parse(Base64Url.DecodeFromChars(token.Split('.')[0]));
        return header.RootElement.GetProperty("kid").GetString()!;
    }

    /// <summary>One user a gateway, who refreshes and uses the new token at every gateway, without pause.</summary>
    private sealed class RefreshingLoad : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly ConcurrentDictionary<string, int> _passed = new();
        private readonly Task[] _running;

        private RefreshingLoad(Stack stack, IReadOnlyList<TokenPair> users) =>
            _running = [.. users.Select((user, i) => Task.Run(() => RunAsync(stack, i, user)))];

        public ConcurrentQueue<string> Failures { get; } = [];

        public static async Task<RefreshingLoad> StartAsync(Stack stack)
        {
            var users = new List<TokenPair>();
            foreach (var _ in stack.Gateways) users.Add(await stack.SignInAsync(cancellationToken: Cancellation));
            var load = new RefreshingLoad(stack, users);
            await Eventually.TrueAsync(() => load._passed.Values.Sum() > 20, "the load runs", Cancellation);
            return load;
        }

        public int Passed(string kid) => _passed.GetValueOrDefault(kid);

        public async Task StopAsync()
        {
            await _stop.CancelAsync();
            await Task.WhenAll(_running);
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _stop.Dispose();
        }

        private async Task RunAsync(Stack stack, int own, TokenPair tokens)
        {
            var clients = stack.Gateways.Select(gateway => Stack.NewClient(gateway.Address)).ToList();
            while (!_stop.IsCancellationRequested)
            {
                var refreshed = await clients[own].RefreshAsync(tokens.Refresh);
                if (refreshed.Status == 200) tokens = refreshed.Tokens;
                else Failures.Enqueue($"refresh: {refreshed}");
                foreach (var client in clients)
                {
                    var answer = await client.GetAsync("/hello/", tokens.Access);
                    if (answer.Status == 200) _passed.AddOrUpdate(Kid(tokens.Access), 1, (_, count) => count + 1);
                    else Failures.Enqueue($"request: {answer}");
                }
            }

            clients.ForEach(client => client.Dispose());
        }
    }
}
