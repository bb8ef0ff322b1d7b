using System.Globalization;
using AuthService.Sessions;
using RevocationProtocol;
using StackExchange.Redis;

namespace AuthService.Revocation;

/// <summary>The outboxes beside the sessions in Redis. An entry leaves only when stream and database both have it.</summary>
internal sealed class Outbox(SessionsConnection sessions, SessionKeys keys)
{
    private const string ReadScript = "return redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[2], 'COUNT', ARGV[3])";
    private const string RemoveScript = "return redis.call('XDEL', KEYS[1], ARGV[1])";
    private const int BatchSize = 100;

    /// <summary>One entry; null if another replica has dealt with it.</summary>
    public async Task<OutboxItem?> ReadAsync(string partition, string id, CancellationToken ct) =>
        (await ReadAsync(partition, id, id, 1, ct)) is [var item] ? item : null;

    /// <summary>The oldest entries of a partition.</summary>
    public Task<IReadOnlyList<OutboxItem>> ReadAsync(string partition, CancellationToken ct) => ReadAsync(partition, "-", "+", BatchSize, ct);

    public Task RemoveAsync(OutboxItem item, CancellationToken ct) =>
        sessions.Redis.EvaluateAsync(RemoveScript, [keys.Outbox(item.Partition)], [item.Id], ct);

    /// <summary>All partitions.</summary>
    public static IEnumerable<string> Partitions { get; } =
        [.. Enumerable.Range(0, 256).Select(n => n.ToString("x2", CultureInfo.InvariantCulture))];

    private async Task<IReadOnlyList<OutboxItem>> ReadAsync(string partition, string from, string to, int count, CancellationToken ct)
    {
        var rows = (RedisResult[])(await sessions.Redis.EvaluateAsync(ReadScript, [keys.Outbox(partition)], [from, to, count], ct))!;
        var items = new List<OutboxItem>(rows.Length);
        foreach (var row in rows)
        {
            var parts = (RedisResult[])row!;
            var fields = (RedisResult[])parts[1]!;
            items.Add(new OutboxItem(partition, (string)parts[0]!, OutboxEntry.Parse((string?)fields[1] ?? "")));
        }
        return items;
    }
}

/// <param name="Entry">Null if this version cannot read it; it then stays for one that can.</param>
internal sealed record OutboxItem(string Partition, string Id, OutboxEntry? Entry);
