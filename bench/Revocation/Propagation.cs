using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Bench.Revocation;

/// <summary>
/// Logs out 200 sessions a second and asks every gateway with the dead token from the moment of the answer on. What is
/// measured ends when the last gateway's refusal has arrived, so it holds a round trip; that round trip alone stands beside it.
/// </summary>
internal sealed class Propagation
{
    private const int Rate = 200;
    private const int SignInsAtOnce = 8;

    private const int RoundTripEvery = 10;

    /// <summary>Of the sessions, this share is logged out in the time of the warm-up, before anything counts.</summary>
    private const double UncountedShare = 0.5;

    /// <summary>Of requests, and again of logouts: until the services' code is compiled as it will stay.</summary>
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(15);

    private static readonly TimeProvider Time = TimeProvider.System;
    private static readonly TimeSpan GiveUp = TimeSpan.FromSeconds(40);

    private readonly HttpClient _authService;
    private readonly HttpClient[] _gateways;

    public Propagation(int portBase, int gateways)
    {
        _authService = Client(portBase + 1);
        _gateways = [.. Enumerable.Range(0, gateways).Select(i => Client(portBase + (100 * i)))];
    }

    public async Task MeasureAsync(int sessions, Table table)
    {
        var tokens = await SignInAsync(sessions);
        await Parallel.ForEachAsync(tokens, RequireAcceptedAsync);
        await WarmUpAsync(tokens);

        var uncounted = (int)(sessions * UncountedShare);
        await LogOutAsync(tokens.Take(uncounted).ToList(), rate: uncounted / WarmUp.TotalSeconds);
        var began = Time.GetTimestamp();
        var samples = await LogOutAsync(tokens.Skip(uncounted).ToList(), Rate);
        var rate = samples.Count / Time.GetElapsedTime(began).TotalSeconds;

        table.Add("revocations a second", rate);
        table.Add("answer to the client → refused at all 3 gateways, p50, ms", Percentile(samples, 0.50, sample => sample.Refused));
        table.Add("the same, p99, ms", Percentile(samples, 0.99, sample => sample.Refused), bar: 10);
        table.Add("of that, one refused request at all 3 on its own, p50, ms", Percentile(samples, 0.50, sample => sample.RoundTrip));
        table.Add("the same, p90, ms", Percentile(samples, 0.90, sample => sample.RoundTrip));
        table.Add("logout, request to answer, p50, ms", Percentile(samples, 0.50, sample => sample.Answer));
        table.Add("the same, p99, ms", Percentile(samples, 0.99, sample => sample.Answer));
        table.Add("logouts measured", samples.Count);
        table.Add("of these acknowledged by 3 of 3 gateways", samples.Count(sample => sample.IsAcknowledged));
        table.Add("of these durable", samples.Count(sample => sample.IsDurable));
        table.Add("requests that passed after an answer that counted all gateways", samples.Where(sample => sample.IsAcknowledged).Sum(sample => sample.Passed), bar: 0);
        table.Add("requests that passed after another answer", samples.Where(sample => !sample.IsAcknowledged).Sum(sample => sample.Passed));
    }

    /// <summary>Logs out with each token, so many a second.</summary>
    private async Task<IReadOnlyList<Sample>> LogOutAsync(List<string> tokens, double rate)
    {
        var began = Time.GetTimestamp();
        var pending = new List<Task<Sample>>(tokens.Count);
        for (var i = 0; i < tokens.Count; i++)
        {
            // By the clock, not after the answer before: a slow answer must not slow the load.
            var due = TimeSpan.FromSeconds(i / rate) - Time.GetElapsedTime(began);
            if (due > TimeSpan.Zero)
                await Task.Delay(due);
            pending.Add(LogOutAsync(_gateways[i % _gateways.Length], tokens[i], timesRoundTrip: i % RoundTripEvery == 0));
        }
        return await Task.WhenAll(pending);
    }

    private static HttpClient Client(int port) => new(new SocketsHttpHandler { UseProxy = false, UseCookies = false, PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan })
    {
        BaseAddress = new Uri($"http://127.0.0.1:{port}"),
    };

    private async Task<IReadOnlyList<string>> SignInAsync(int sessions)
    {
        var tokens = new ConcurrentBag<string>();
        await Parallel.ForAsync(0, sessions, new ParallelOptions { MaxDegreeOfParallelism = SignInsAtOnce }, async (_, cancellationToken) =>
        {
            using var body = new StringContent("""{"username":"alice","password":"alice-password-1"}""", Encoding.UTF8, "application/json");
            using var answer = await _authService.PostAsync("/api/token/", body, cancellationToken);
            answer.EnsureSuccessStatusCode();
            using var pair = JsonDocument.Parse(await answer.Content.ReadAsStreamAsync(cancellationToken));
            tokens.Add(pair.RootElement.GetProperty("access").GetString()!);
        });
        return [.. tokens];
    }

    /// <summary>Each gateway has seen and accepted the token: what follows is a change of its mind, the hard case.</summary>
    private async ValueTask RequireAcceptedAsync(string token, CancellationToken cancellationToken)
    {
        foreach (var gateway in _gateways)
        {
            if (await AskAsync(gateway, token, cancellationToken) is not HttpStatusCode.OK and var status)
                throw new InvalidOperationException($"A live token was answered {status} by {gateway.BaseAddress}.");
        }
    }

    /// <summary>Requests that pass, that are refused, and that the auth-service answers.</summary>
    private async Task WarmUpAsync(IReadOnlyList<string> tokens)
    {
        var began = Time.GetTimestamp();
        await Parallel.ForAsync(0, _gateways.Length, async (i, cancellationToken) =>
        {
            while (Time.GetElapsedTime(began) < WarmUp)
            {
                var token = tokens[Random.Shared.Next(tokens.Count)];
                await AskAsync(_gateways[i], token, cancellationToken);
                await AskAsync(_gateways[i], "no-token", cancellationToken);
                using var request = Request(HttpMethod.Get, "/api/users/me", token);
                using var answer = await _gateways[i].SendAsync(request, cancellationToken);
            }
        });
    }

    private async Task<Sample> LogOutAsync(HttpClient gateway, string token, bool timesRoundTrip)
    {
        var sent = Time.GetTimestamp();
        using var request = Request(HttpMethod.Post, "/api/logout", token);
        using var answer = await gateway.SendAsync(request);
        var answered = Time.GetTimestamp();
        answer.EnsureSuccessStatusCode();
        var refusals = _gateways.Select(other => PassedUntilRefusedAsync(other, token, answered)).ToArray();
        using var receipt = JsonDocument.Parse(await answer.Content.ReadAsStreamAsync());
        var passed = (await Task.WhenAll(refusals)).Sum();
        var refused = Time.GetTimestamp();
        if (timesRoundTrip)
            await Task.WhenAll(_gateways.Select(other => AskAsync(other, token, CancellationToken.None)));
        var root = receipt.RootElement;
        return new Sample(
            Time.GetElapsedTime(sent, answered), Time.GetElapsedTime(answered, refused), timesRoundTrip ? Time.GetElapsedTime(refused) : null, passed,
            root.GetProperty("gateways").GetInt32() == _gateways.Length && root.GetProperty("acknowledged").GetInt32() == _gateways.Length,
            root.GetProperty("durable").GetBoolean());
    }

    /// <summary>Asks until the gateway refuses; answers how many requests passed before.</summary>
    private static async Task<int> PassedUntilRefusedAsync(HttpClient gateway, string token, long since)
    {
        for (var passed = 0; ; passed++)
        {
            switch (await AskAsync(gateway, token, CancellationToken.None))
            {
                case HttpStatusCode.Unauthorized:
                    return passed;
                case HttpStatusCode.OK when Time.GetElapsedTime(since) < GiveUp:
                    continue;
                case var status:
                    throw new InvalidOperationException($"A revoked token was answered {status} by {gateway.BaseAddress}.");
            }
        }
    }

    private static async Task<HttpStatusCode> AskAsync(HttpClient gateway, string token, CancellationToken cancellationToken)
    {
        using var request = Request(HttpMethod.Get, "/hello/", token);
        using var answer = await gateway.SendAsync(request, cancellationToken);
        return answer.StatusCode;
    }

    private static HttpRequestMessage Request(HttpMethod method, string path, string token) =>
        new(method, path) { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", token) } };

    private static double Percentile(IReadOnlyList<Sample> samples, double rank, Func<Sample, TimeSpan?> time)
    {
        var ordered = samples.Select(time).OfType<TimeSpan>().Order().ToArray();
        return ordered[(int)Math.Ceiling(rank * ordered.Length) - 1].TotalMilliseconds;
    }

    private sealed record Sample(TimeSpan Answer, TimeSpan Refused, TimeSpan? RoundTrip, int Passed, bool IsAcknowledged, bool IsDurable);
}
