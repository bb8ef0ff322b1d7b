namespace Bench.Load;

/// <summary>The gateway alone: what a request costs beside few and beside many tokens, revocations and routes.</summary>
internal static class SizeComparison
{
    /// <summary>Tokens, revocations, routes.</summary>
    private const string Usual = "1,000 tokens, 10,000 revocations, 3 routes";

    /// <summary>
    /// Identity tokens that outlive the run: a caller's first request in every 45 s pays a signature, which is a matter of
    /// time and not of size. How much that is with 100,000 callers stands beside it.
    /// </summary>
    private const string LongIdentityLife = "00:15:00";

    /// <summary>
    /// Plain YARP with our hosting under the same requests: what more tokens cost that looks at none. A server keeps the text of a
    /// header that a connection repeats, which is so with one token only.
    /// </summary>
    private const string Plain = "YARP without authentication, ";

    private const string Renewing = "100,000 tokens, identity tokens of 60 s";

    private static readonly (string Name, string What, int Size, Func<Contenders, string, Task<Contender>> Start)[] All =
    [
        (Usual, "", 0, (all, name) => all.GatewayAsync(name, identityLifetime: LongIdentityLife)),
        ("1 token", "tokens", 1, (all, name) => all.GatewayAsync(name, tokens: 1, identityLifetime: LongIdentityLife)),
        ("100,000 tokens", "tokens", 100_000, (all, name) => all.GatewayAsync(name, tokens: 100_000, identityLifetime: LongIdentityLife)),
        (Renewing, "", 0, (all, name) => all.GatewayAsync(name, tokens: 100_000)),
        (Plain + "1 token", "", 0, (all, name) => all.PeerAsync(name, Peer.Plain, Tokens.Es256, likeGateway: true, tokens: 1)),
        (Plain + "100,000 tokens", "", 0, (all, name) => all.PeerAsync(name, Peer.Plain, Tokens.Es256, likeGateway: true, tokens: 100_000)),
        ("0 revocations", "revocations", 1, (all, name) => all.GatewayAsync(name, revocations: 0, identityLifetime: LongIdentityLife)),
        ("1,000,000 revocations", "revocations", 1_000_000, (all, name) => all.GatewayAsync(name, revocations: 1_000_000, identityLifetime: LongIdentityLife)),
        ("100 routes", "routes", 100, (all, name) => all.GatewayAsync(name, routes: 100, identityLifetime: LongIdentityLife)),
        ("1,000 routes", "routes", 1_000, (all, name) => all.GatewayAsync(name, routes: 1_000, identityLifetime: LongIdentityLife)),
    ];

    public static async Task<int> RunAsync(Options options)
    {
        await using var world = await World.StartAsync();
        var all = new Contenders(world);
        var contenders = new List<Contender>();
        foreach (var (name, _, _, start) in All.Where(contender => options.Wants(contender.Name))) contenders.Add(await start(all, name));
        var results = await new Comparison(world).RunAsync(contenders, options);

        var table = new Table();
        table.Add($"load by size, {options.Rounds} rounds of {options.Seconds} s", results);
        table.Header("CPU a request at");
        table.Add("100,000 tokens against 1", Ratio("100,000 tokens", "1 token"), bar: 1.10);
        table.Add("the same of plain YARP, which looks at none", Ratio(Plain + "100,000 tokens", Plain + "1 token"));
        table.Add("1,000,000 revocations against 0", Ratio("1,000,000 revocations", "0 revocations"), bar: 1.10);
        table.Add("1,000 routes against 3", Ratio("1,000 routes", Usual), bar: 1.10);
        table.Add("100,000 tokens whose identity tokens are renewed, against 1", Ratio(Renewing, "1 token"));
        if (options.Only.Count == 0) Plot.Write(Path.Combine(World.Repository, "bench", "load-sizes.svg"), Series(results));
        return table.HasMisses ? 1 : 0;

        double Ratio(string one, string other) =>
            results.TryGetValue(one, out var a) && results.TryGetValue(other, out var b) ? Comparison.Ratio(a, b) : double.NaN;
    }

    /// <summary>One line each for tokens, revocations and routes; the usual sizes are a point of all three.</summary>
    private static IEnumerable<Plot.Series> Series(Dictionary<string, Measurements> results)
    {
        (string What, int Usual)[] axes = [("tokens", Contenders.UsualTokens), ("revocations", Contenders.UsualRevocations), ("routes", Contenders.UsualRoutes)];
        foreach (var (what, usual) in axes)
        {
            var sizes = All.Where(contender => contender.What == what).Select(contender => (contender.Size, contender.Name)).Append((Size: usual, Name: Usual));
            yield return new Plot.Series(what, [.. sizes.OrderBy(size => size.Size).Select(size => Point(size.Size, results[size.Name].Cpu))]);
        }
    }

    private static Plot.Point Point(int size, List<double> cpu) => new(size, Comparison.Median(cpu), cpu.Min(), cpu.Max());
}
