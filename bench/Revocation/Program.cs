using Bench.Revocation;

// usage: RevocationBench PORT_BASE [SESSIONS]: the stack of deploy/local/up.sh --gateways 3 on that port base.
if (args is not [var port, ..] || !int.TryParse(port, out var portBase) || !int.TryParse(args.ElementAtOrDefault(1) ?? "1000", out var sessions))
{
    Console.Error.WriteLine("usage: RevocationBench PORT_BASE [SESSIONS]");
    return 2;
}
var table = new Table();
ReplicaCost.Measure(table);
await new Propagation(portBase, gateways: 3).MeasureAsync(sessions, table);
return table.HasMisses ? 1 : 0;
