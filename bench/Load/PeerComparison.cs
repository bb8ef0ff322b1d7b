namespace Bench.Load;

/// <summary>The gateway beside the proxies that people would use otherwise.</summary>
internal static class PeerComparison
{
    private const string Plain = "YARP without authentication (default hosting)";
    private const string PlainLikeGateway = "YARP without authentication (our hosting)";
    private const string JwtBearer = "YARP + JwtBearer RS256";
    private const string JwtBearerAndRedis = "YARP + JwtBearer RS256 + Redis EXISTS";
    private const string HaproxyRs256 = "HAProxy jwt_verify RS256";
    private const string HaproxyEs256 = "HAProxy jwt_verify ES256";
    private const string Gateway = "gateway ES256";
    private const string GatewayRs256 = "gateway RS256";
    private const string GatewaySilent = "gateway ES256 without completion log";

    private static readonly (string Name, Func<Contenders, Task<Contender>> Start)[] All =
    [
        (Plain, all => all.PeerAsync(Plain, Peer.Plain, Tokens.Es256)),
        (PlainLikeGateway, all => all.PeerAsync(PlainLikeGateway, Peer.Plain, Tokens.Es256, likeGateway: true)),
        (JwtBearer, all => all.PeerAsync(JwtBearer, Peer.JwtBearer, Tokens.Rs256)),
        (JwtBearerAndRedis, all => all.PeerAsync(JwtBearerAndRedis, Peer.JwtBearerAndRedis, Tokens.Rs256)),
        (HaproxyRs256, all => all.HaproxyAsync(HaproxyRs256, Tokens.Rs256)),
        (HaproxyEs256, all => all.HaproxyAsync(HaproxyEs256, Tokens.Es256)),
        (Gateway, all => all.GatewayAsync(Gateway)),
        (GatewayRs256, all => all.GatewayAsync(GatewayRs256, Tokens.Rs256)),
        (GatewaySilent, all => all.GatewayAsync(GatewaySilent, logs: false)),
    ];

    public static async Task<int> RunAsync(Options options)
    {
        await using var world = await World.StartAsync();
        var all = new Contenders(world);
        var contenders = new List<Contender>();
        foreach (var (_, start) in All.Where(contender => options.Wants(contender.Name))) contenders.Add(await start(all));
        var results = await new Comparison(world).RunAsync(contenders, options);

        var table = new Table();
        table.Add($"load, {options.Rounds} rounds of {options.Seconds} s", results);
        table.Header("CPU a request, gateway ES256 against");
        table.Add(PlainLikeGateway, Ratio(Gateway, PlainLikeGateway), bar: 1.10);
        table.Add(Plain, Ratio(Gateway, Plain), bar: 1.00);
        table.Add(JwtBearerAndRedis, Ratio(Gateway, JwtBearerAndRedis), bar: 0.40);
        table.Add(HaproxyRs256, Ratio(Gateway, HaproxyRs256), bar: 0.70);
        table.Add(HaproxyEs256, Ratio(Gateway, HaproxyEs256), bar: 0.35);
        table.Add(JwtBearer, Ratio(Gateway, JwtBearer));
        table.Add(GatewayRs256, Ratio(Gateway, GatewayRs256));
        table.Add($"{PlainLikeGateway}, without the completion log", Ratio(GatewaySilent, PlainLikeGateway));
        table.Add("bytes a request added by authentication, headers and log", Bytes(Gateway) - Bytes(PlainLikeGateway), bar: 1024);
        return table.HasMisses ? 1 : 0;

        double Ratio(string one, string other) =>
            results.TryGetValue(one, out var a) && results.TryGetValue(other, out var b) ? Comparison.Ratio(a, b) : double.NaN;

        double Bytes(string name) => results.TryGetValue(name, out var values) ? Comparison.Median(values.Allocated) : double.NaN;
    }
}
