using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using AuthService.Sessions;
using AuthService.Users;
using RevocationProtocol;
using StackExchange.Redis;

namespace AuthService.Audit;

/// <summary>
/// Audit events of what happens without a change of the users database: sign-ins, refreshes, failures. A commit for each
/// would cost more than they do, so they wait in Redis, in a stream beside the sessions of a partition, written by the same
/// script as what they are about; <see cref="AuditDrain"/> brings them into the database in batches.
/// </summary>
internal sealed class AuditOutbox(SessionsConnection connection, SessionKeys keys, AuditLog audit, AuditEvents log)
{
    private const string AddScript = "return redis.call('XADD', KEYS[1], '*', 'data', ARGV[1])";
    private const string ReadScript = "return redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1])";

    /// <summary>Lua that adds an event to the stream that is the last of the script's keys; '' stands for null.</summary>
    public const string Lua = """
        local function audit(now, event)
          event.at_ms = now
          for name, value in pairs(event) do if value == '' then event[name] = nil end end
          redis.call('XADD', KEYS[#KEYS], '*', 'data', cjson.encode(event))
        end

        """;

    private readonly int[] _written = new int[256];

    /// <summary>Records what changed nothing, a failed sign-in say. If Redis goes away meanwhile it is in the log only.</summary>
    public async Task RecordAsync(AuditRecord record, CancellationToken cancellationToken)
    {
        var happened = audit.Create(record);
        log.Write(happened);
        var partition = RandomNumberGenerator.GetHexString(2, lowercase: true);
        try
        {
            await connection.Redis.EvaluateAsync(AddScript, [keys.AuditOutbox(partition)], [Json(happened)], cancellationToken);
            NoteWritten(partition);
        }
        catch (RedisUnavailableException)
        {
            // Nothing came of it that would have to be accounted for.
        }
    }

    /// <summary>A session began: its script wrote the event.</summary>
    public void Started(NewSession session, string sid, string? eventId = null)
    {
        NoteWritten(SessionKeys.Partition(sid));
        var subject = session.UserId.ToString("D");
        log.Write(audit.Create(new AuditRecord(session.AuditType, subject, subject, session.ClientId, sid), eventId));
    }

    /// <summary>A session script of this process wrote an event: it is fetched with the next batch.</summary>
    public void NoteWritten(string partition) => Volatile.Write(ref _written[int.Parse(partition, NumberStyles.AllowHexSpecifier)], 1);

    /// <summary>The partitions noted since the last call.</summary>
    public IReadOnlyList<string> TakeWritten()
    {
        var taken = new List<string>();
        for (var i = 0; i < _written.Length; i++)
        {
            if (Volatile.Read(ref _written[i]) == 1 && Interlocked.Exchange(ref _written[i], 0) == 1) taken.Add(i.ToString("x2", CultureInfo.InvariantCulture));
        }
        return taken;
    }

    /// <summary>The oldest events of a partition.</summary>
    public async Task<IReadOnlyList<WaitingEvent>> ReadAsync(string partition, int count, CancellationToken cancellationToken)
    {
        var rows = (RedisResult[])(await connection.Redis.EvaluateAsync(ReadScript, [keys.AuditOutbox(partition)], [count], cancellationToken))!;
        return [.. rows.Select(row => (RedisResult[])row!).Select(parts => new WaitingEvent(partition, (string)parts[0]!, (string)((RedisResult[])parts[1]!)[1]!))];
    }

    /// <summary>Removes events that the database has.</summary>
    public Task RemoveAsync(string partition, IEnumerable<WaitingEvent> events, CancellationToken cancellationToken)
    {
        RedisValue[] ids = [.. events.Select(waiting => (RedisValue)waiting.Id)];
        return connection.Redis.EvaluateAsync("return redis.call('XDEL', KEYS[1], unpack(ARGV))", [keys.AuditOutbox(partition)], ids, cancellationToken);
    }

    private static string Json(AuditEvent happened)
    {
        var json = new JsonObject
        {
            ["eid"] = happened.EventId,
            ["at_ms"] = happened.AtMs,
            ["type"] = happened.Type,
            ["actor"] = happened.Actor,
            ["subject"] = happened.Subject,
            ["client_id"] = happened.ClientId,
            ["sid"] = happened.Sid,
            ["address"] = happened.Address,
            ["trace_id"] = happened.TraceId,
        };
        if (happened.Detail is { } detail) json["detail"] = JsonNode.Parse(detail);
        return json.ToJsonString(JsonSerializerOptions.Default);
    }
}

/// <param name="Id">Its id in the stream.</param>
/// <param name="Json">The row's columns by name, <c>eid</c> for the event's id.</param>
internal sealed record WaitingEvent(string Partition, string Id, string Json);
