using System.Globalization;
using StackExchange.Redis;

namespace RevocationProtocol;

/// <summary>The steps of the protocol as scripts (<see cref="RevocationScripts"/>).</summary>
internal sealed class RedisRevocationServer(RedisConnection redis, RevocationKeys keys) : IRevocationServer
{
    public async Task<RevocationPage> ReadOnAsync(RevocationQuestion question, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var answer = (RedisResult[])(await redis.EvaluateAsync(
            RevocationScripts.ReadOn,
            keys.All,
            [
                question.GatewayId, (long)question.MaxStaleness.TotalMilliseconds, question.Registration, question.Applied.ToString(), question.From,
                question.PageSize,
            ],
            timeout,
            cancellationToken))!;
        var first = (string?)answer[3];
        var rows = (RedisResult[])answer[5]!;
        var entries = new List<(StreamId, RevocationEntry?)>(rows.Length);
        foreach (var row in rows)
        {
            var parts = (RedisResult[])row!;
            entries.Add((StreamId.Parse((string)parts[0]!), RevocationCodec.Read((RedisResult[])parts[1]!)));
        }
        return new RevocationPage(
            (string)answer[0]!, (long)answer[1] == 1, Number(answer[2]), string.IsNullOrEmpty(first) ? null : StreamId.Parse(first),
            StreamId.Parse((string)answer[4]!), entries);
    }

    public async Task<RevocationAppend> AppendAsync(
        IReadOnlyCollection<RevocationEntry> entries, long? rowNumber, TimeSpan? maxCutOffLead, CancellationToken cancellationToken)
    {
        var arguments = new List<RedisValue>(2 + (entries.Count * RevocationCodec.ValuesPerEntry))
        {
            rowNumber?.ToString(CultureInfo.InvariantCulture) ?? "",
            maxCutOffLead is { } lead ? (long)lead.TotalMilliseconds : "",
        };
        foreach (var entry in entries)
            RevocationCodec.Append(arguments, entry);
        try
        {
            var answer = (RedisResult[])(await redis.EvaluateAsync(RevocationScripts.Append, keys.All, [.. arguments], cancellationToken))!;
            var status = Status(answer, marker: "");
            return new RevocationAppend(status.Last, status);
        }
        catch (RedisServerException e) when (e.Message.StartsWith("CUTOFF", StringComparison.Ordinal))
        {
            throw new ArgumentException($"A cut-off lies more than {maxCutOffLead} in the future. {e.Message}", nameof(entries), e);
        }
    }

    public async Task<RevocationStatus> InspectAsync(CancellationToken cancellationToken)
    {
        var answer = (RedisResult[])(await redis.EvaluateAsync(RevocationScripts.Inspect, keys.All, [], cancellationToken))!;
        return Status(answer, (string?)answer[5] ?? "");
    }

    public Task<bool> RaiseMarkAsync(string identity, long rowNumber, CancellationToken cancellationToken) =>
        IsOneAsync(RevocationScripts.Raise, keys.All, [identity, rowNumber], cancellationToken);

    public Task<bool> LockRefillAsync(string owner, TimeSpan life, bool keep, CancellationToken cancellationToken) =>
        IsOneAsync(RevocationScripts.LockRefill, KeysWithLock(), [owner, (long)life.TotalMilliseconds, keep ? "keep" : "take"], cancellationToken);

    public Task<bool> MarkAsync(string identity, long rowNumber, string owner, CancellationToken cancellationToken) =>
        IsOneAsync(RevocationScripts.Mark, KeysWithLock(), [identity, rowNumber, owner], cancellationToken);

    public Task SignOffAsync(string gatewayId, CancellationToken cancellationToken) =>
        redis.EvaluateAsync(RevocationScripts.SignOff, keys.All, [gatewayId], cancellationToken);

    public Task SubscribeToStreamAsync(Action readOn, CancellationToken cancellationToken) =>
        redis.SubscribeAsync(keys.StreamChannel, _ => readOn(), cancellationToken);

    public Task SubscribeToAcknowledgementsAsync(Action<string, StreamId, string> acknowledged, CancellationToken cancellationToken) =>
        redis.SubscribeAsync(
            keys.AppliedChannel,
            message =>
            {
                if (message.Split(' ') is [var gateway, var applied, var registration])
                    acknowledged(gateway, StreamId.Parse(applied), registration);
            },
            cancellationToken);

    private async Task<bool> IsOneAsync(string script, RedisKey[] scriptKeys, RedisValue[] arguments, CancellationToken cancellationToken) =>
        (long)await redis.EvaluateAsync(script, scriptKeys, arguments, cancellationToken) == 1;

    private RedisKey[] KeysWithLock() => [.. keys.All, keys.RefillLock];

    private static long Number(RedisResult text) => long.Parse((string)text!, CultureInfo.InvariantCulture);

    private static RevocationStatus Status(RedisResult[] answer, string marker)
    {
        var fields = (RedisResult[])answer[4]!;
        var gateways = new List<RegisteredGateway>(fields.Length / 2);
        for (var i = 0; i + 1 < fields.Length; i += 2)
        {
            if (((string)fields[i + 1]!).Split(' ') is [var heartbeat, var staleness, var applied, var registration])
            {
                gateways.Add(new RegisteredGateway(
                    (string)fields[i]!, long.Parse(heartbeat, CultureInfo.InvariantCulture), StreamId.Parse(applied), registration,
                    TimeSpan.FromMilliseconds(long.Parse(staleness, CultureInfo.InvariantCulture))));
            }
        }
        var filled = (long)answer[1] == 1;
        var number = filled && marker.Length > 0 ? long.Parse(marker.AsSpan(marker.LastIndexOf(':') + 1), CultureInfo.InvariantCulture) : -1;
        return new RevocationStatus((string)answer[0]!, filled, Number(answer[2]), StreamId.Parse((string)answer[3]!), gateways, number);
    }
}
