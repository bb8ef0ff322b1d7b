using Bench.Load;

// usage: LoadBench peers|sizes|hosting|startup [ROUNDS] [SECONDS] [--only NAME;...]; LoadBench peer KIND [SETTING...] is one of those it measures.
return args switch
{
    ["peer", var kind, .. var settings] => await Peer.RunAsync(kind, settings),
    ["peers", .. var rest] => await PeerComparison.RunAsync(Options.Read(rest)),
    ["sizes", .. var rest] => await SizeComparison.RunAsync(Options.Read(rest)),
    ["hosting", .. var rest] => await HostingComparison.RunAsync(Options.Read(rest)),
    ["startup", .. var rest] => await Startup.RunAsync(Options.Read(rest, rounds: 5)),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: LoadBench peers|sizes|hosting|startup [ROUNDS] [SECONDS] [--only NAME;...]");
    return 2;
}
