namespace Bench.Load;

/// <summary>
/// The gateway under other settings of the runtime than its own, by the runtime's environment variables: what the choice in
/// its project file rests on.
/// </summary>
internal static class HostingComparison
{
    private const string AsItIs = "as it is";

    private static readonly (string Name, Dictionary<string, string> Environment)[] All =
    [
        (AsItIs, []),
        ("heaps adapted to the load", new() { ["DOTNET_GCDynamicAdaptationMode"] = "1" }),
        ("workstation GC", new() { ["DOTNET_gcServer"] = "0" }),
        ("workstation GC; not concurrent", new() { ["DOTNET_gcServer"] = "0", ["DOTNET_gcConcurrent"] = "0" }),
        ("not concurrent", new() { ["DOTNET_gcConcurrent"] = "0" }),
        ("generation 0 of 64 MiB", new() { ["DOTNET_GCgen0size"] = "4000000" }),
        ("idle pool threads spin", new() { ["DOTNET_ThreadPool_UnfairSemaphoreSpinLimit"] = "46" }),
        ("requests on pool threads, not on the sockets' own", new() { ["DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS"] = "0" }),
        ("without profile-guided compilation", new() { ["DOTNET_TieredPGO"] = "0" }),
        ("precompiled code compiled anew", new() { ["DOTNET_ReadyToRun"] = "0" }),
    ];

    public static async Task<int> RunAsync(Options options)
    {
        await using var world = await World.StartAsync();
        var all = new Contenders(world);
        var contenders = new List<Contender>();
        foreach (var (name, environment) in All.Where(variant => options.Wants(variant.Name))) contenders.Add(await all.GatewayAsync(name, environment: environment));
        var results = await new Comparison(world).RunAsync(contenders, options);

        var table = new Table();
        table.Add($"hosting, {options.Rounds} rounds of {options.Seconds} s", results);
        table.Header($"CPU a request, against {AsItIs}");
        foreach (var (name, values) in results) table.Add(name, results.TryGetValue(AsItIs, out var asItIs) ? Comparison.Ratio(values, asItIs) : double.NaN);
        return 0;
    }
}
