using System.Globalization;

namespace Testing;

/// <summary>
/// Redis Cluster of three masters, each a redis-server of the distribution with a third of the slots. Nodes may be killed
/// and restarted one by one; they know their slots again. A master that has a replica is replaced by it.
/// </summary>
public sealed class RedisClusterFixture : IAsyncDisposable
{
    private const int Slots = 16384;
    private const int Masters = 3;

    private readonly List<PortLease> _busPorts = [];

    /// <summary>The nodes, masters first by the order of their slots, then their replicas in the same order; empty before the start.</summary>
    public IReadOnlyList<RedisFixture> Nodes { get; private set; } = [];

    /// <summary>Connection string that names every node.</summary>
    public string Endpoints => string.Join(',', Nodes.Select(node => node.Endpoint));

    /// <summary>Whether each master has a replica, which takes its place when it dies.</summary>
    public bool WithReplicas { get; init; }

    /// <summary>Whether every write survives a kill; see <see cref="RedisFixture.AppendOnly"/>.</summary>
    public bool AppendOnly { get; init; }

    /// <summary>Starts the nodes, gives out the slots and returns when every node finds the cluster complete.</summary>
    public async Task StartAsync()
    {
        if (Nodes.Count > 0) return;
        _busPorts.AddRange(Enumerable.Range(0, WithReplicas ? 2 * Masters : Masters).Select(_ => PortLease.Take()));
        Nodes = [.. _busPorts.Select(port => new RedisFixture
        {
            AppendOnly = AppendOnly,
            ExtraArguments = ["--cluster-enabled", "yes", "--cluster-port", $"{port.Port}", "--cluster-node-timeout", "2000"],
        })];
        foreach (var node in Nodes) await node.StartAsync();
        for (var i = 0; i < Masters; i++)
        {
            await Nodes[i].RunCliAsync("cluster", "addslotsrange", $"{Slots * i / Masters}", $"{(Slots * (i + 1) / Masters) - 1}");
            // Different epochs from the start, so that no two nodes can claim a slot with the same one.
            await Nodes[i].RunCliAsync("cluster", "set-config-epoch", $"{i + 1}");
        }

        foreach (var other in Nodes.Skip(1))
            await Nodes[0].RunCliAsync("cluster", "meet", "127.0.0.1", $"{other.Port}", $"{_busPorts[IndexOf(other)].Port}");
        await Eventually.TrueAsync(IsServedAsync, "every node finds every slot served");
        for (var i = Masters; i < Nodes.Count; i++) await Nodes[i].RunCliAsync("cluster", "replicate", await Nodes[i - Masters].RunCliAsync("cluster", "myid"));
        await CompleteAsync();
    }

    /// <summary>Waits until every node finds every slot served, and every replica follows.</summary>
    public Task CompleteAsync() => Eventually.TrueAsync(
        async () =>
        {
            var following = 0;
            foreach (var node in Nodes)
                following += (await node.RunCliAsync("info", "replication")).Contains("master_link_status:up", StringComparison.Ordinal) ? 1 : 0;
            return await IsServedAsync() && following == Nodes.Count - Masters;
        },
        "the cluster is complete");

    /// <summary>Whether every running node finds every slot served.</summary>
    public async Task<bool> IsServedAsync()
    {
        foreach (var node in Nodes.Where(node => node.Running))
        {
            var info = await node.RunCliAsync("cluster", "info");
            if (!info.Contains("cluster_state:ok", StringComparison.Ordinal) || !info.Contains($"cluster_known_nodes:{Nodes.Count}", StringComparison.Ordinal)) return false;
        }

        return true;
    }

    /// <summary>The node that serves a key now.</summary>
    public async Task<RedisFixture> NodeOfAsync(string key) =>
        await FindNodeOfAsync(key) ?? throw new InvalidOperationException($"No node serves the slot of {key}.");

    /// <summary>The running node that serves a key now; null while none does.</summary>
    public async Task<RedisFixture?> FindNodeOfAsync(string key)
    {
        var slot = await SlotOfAsync(key);
        foreach (var node in Nodes.Where(node => node.Running))
        {
            var myself = (await node.RunCliAsync("cluster", "nodes")).Split('\n').Single(line => line.Contains("myself", StringComparison.Ordinal));
            foreach (var range in myself.Split(' ').Skip(8).Where(range => !range.StartsWith('[')))
            {
                var ends = range.Split('-').Select(end => int.Parse(end, CultureInfo.InvariantCulture)).ToList();
                if (slot >= ends[0] && slot <= ends[^1]) return node;
            }
        }

        return null;
    }

    /// <summary>Moves the slot of a key, with all its keys, to another node, as resharding does; returns that node.</summary>
    public async Task<RedisFixture> MoveAsync(string key)
    {
        var from = await NodeOfAsync(key);
        var to = Nodes[(IndexOf(from) + 1) % Masters];
        var slot = $"{await SlotOfAsync(key)}";
        var target = await to.RunCliAsync("cluster", "myid");
        await to.RunCliAsync("cluster", "setslot", slot, "importing", await from.RunCliAsync("cluster", "myid"));
        await from.RunCliAsync("cluster", "setslot", slot, "migrating", target);
        var keys = (await from.RunCliAsync("cluster", "getkeysinslot", slot, "100000")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (keys.Length > 0) await from.RunCliAsync(["migrate", "127.0.0.1", $"{to.Port}", "", "0", "5000", "KEYS", .. keys]);
        foreach (var node in Nodes.OrderByDescending(node => node == to)) await node.RunCliAsync("cluster", "setslot", slot, "node", target);
        return to;
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        foreach (var node in Nodes) await node.DisposeAsync();
        _busPorts.ForEach(port => port.Dispose());
    }

    private async Task<int> SlotOfAsync(string key) => int.Parse(await Nodes.First(node => node.Running).RunCliAsync("cluster", "keyslot", key), CultureInfo.InvariantCulture);

    private int IndexOf(RedisFixture node) => Enumerable.Range(0, Nodes.Count).Single(i => Nodes[i] == node);
}
