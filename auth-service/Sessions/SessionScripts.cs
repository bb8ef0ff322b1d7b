using AuthService.Audit;

namespace AuthService.Sessions;

/// <summary>
/// The scripts that decide about sessions, each atomic on one hash slot: KEYS[1] is the session's record, KEYS[2] the
/// outbox of its partition (see <see cref="SessionKeys"/>). Time is Redis <c>TIME</c>, so that all replicas agree; no
/// script trusts the expiry of a key alone. What the record is:
/// <code>
/// live:      user client scope epoch auth_time created seen expires idle gen rotated identity address agent
///            (next_epoch next_epoch_until while a re-stamp is under way)
/// tombstone: user client expires ended ended_at outbox
/// </code>
/// <c>gen</c> is the generation that is current, <c>rotated</c> when it became so, <c>identity</c> the Redis it was
/// written under. The record's size does not depend on how often the session was refreshed, and it holds no token.
/// </summary>
internal sealed class SessionScripts
{
    /// <summary>
    /// What the scripts know of the world around them. <c>identity</c> is run id and replication id: a restart, a
    /// failover or a restored backup changes at least one, and then writes may be lost. Its SHA-1 stands for it, which
    /// keeps a record in Redis's compact encoding (values up to 64 bytes).
    /// </summary>
    public const string World = """
        local function now_ms()
          local t = redis.call('TIME')
          return t[1] * 1000 + math.floor(t[2] / 1000)
        end
        local function identity()
          local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
          local replication = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
          return redis.sha1hex(run .. ':' .. replication)
        end

        """;

    /// <summary>Reads the record into a table of strings, empty if there is none.</summary>
    public const string Read = """
        local function read(key)
          local flat, record = redis.call('HGETALL', key), {}
          for i = 1, #flat, 2 do record[flat[i]] = flat[i + 1] end
          return record
        end
        local function expires_at(record)
          return math.min(tonumber(record.expires), record.seen + record.idle)
        end

        """;

    /// <summary>
    /// Turns the record into a tombstone and writes, in the same breath, what the rest of the system must learn: the
    /// revocation of the sid, the row of the ended session, the audit event.
    /// </summary>
    public const string End = """
        local function end_session(now, s, reason, audit)
          redis.call('DEL', KEYS[1])
          redis.call('HSET', KEYS[1], 'user', s.user, 'client', s.client, 'expires', s.expires, 'ended', reason, 'ended_at', now)
          redis.call('PEXPIREAT', KEYS[1], s.expires)
          local actor = audit.actor ~= '' and audit.actor or cjson.null
          local address = audit.address ~= '' and audit.address or cjson.null
          local trace = audit.trace_id ~= '' and audit.trace_id or cjson.null
          local id = redis.call('XADD', KEYS[2], '*', 'data', cjson.encode({
            eid = audit.eid,
            revocation = { iss = audit.issuer, kind = 'sid', id = s.sid, cut_off = cjson.null, except = cjson.null, exp = now + audit.token_life },
            session_end = { sid = s.sid, sub = s.user, client_id = s.client, reason = reason, ended_at_ms = now, expires_ms = tonumber(s.expires) },
            audit = { type = audit.type, at_ms = now, actor = actor, subject = s.user, client_id = s.client, sid = s.sid,
                      address = address, trace_id = trace, detail = audit.detail },
          }))
          redis.call('HSET', KEYS[1], 'outbox', id)
          return id
        end

        """;

    /// <summary>Begins a session. ARGV: user, client, scope, epoch, auth_time, idle ms, absolute ms, address, agent. Returns the
    /// absolute expiry.</summary>
    public const string Begin = """
        local function begin_session(now)
          local expires = now + ARGV[7]
          redis.call('DEL', KEYS[1])
          redis.call('HSET', KEYS[1], 'user', ARGV[1], 'client', ARGV[2], 'scope', ARGV[3], 'epoch', ARGV[4], 'auth_time', ARGV[5],
            'created', now, 'seen', now, 'expires', expires, 'idle', ARGV[6], 'gen', 1, 'rotated', now, 'identity', identity(),
            'address', ARGV[8], 'agent', ARGV[9])
          redis.call('PEXPIREAT', KEYS[1], math.min(expires, now + ARGV[6]))
          return expires
        end

        """;

    /// <summary>ARGV[1..9] as <see cref="Begin"/>; then sid, event id, event type, trace id. The last of the keys is the audit outbox.
    /// Returns the absolute expiry.</summary>
    private const string StartBody = """
        local now = now_ms()
        local expires = begin_session(now)
        audit(now, { eid = ARGV[11], type = ARGV[12], actor = ARGV[1], subject = ARGV[1], client_id = ARGV[2], sid = ARGV[10],
          address = ARGV[8], trace_id = ARGV[13] })
        return expires
        """;

    /// <summary>
    /// Says what a presented generation is to a record; shared by rotation and verification so that they cannot differ.
    /// ARGV[1..4]: user, client, epoch of the user now, presented generation; ARGV[5]: grace ms.
    /// </summary>
    private const string Judge = """
        local function judge(now, s, moved)
          if not s.user or s.ended or s.user ~= ARGV[1] or s.client ~= ARGV[2] or now >= expires_at(s) then return 'refused' end
          if s.epoch ~= ARGV[3] and not (s.next_epoch == ARGV[3] and now < tonumber(s.next_epoch_until)) then return 'refused' end
          local presented, current = tonumber(ARGV[4]), tonumber(s.gen)
          if presented == current then return 'rotated' end
          if presented > current then
            -- The writes that made it may be lost with the Redis they were made under; the same Redis lost nothing.
            return moved and 'moved' or 'future'
          end
          -- Without the time of the last rotation before a failover being certain, grace starts at the first presentation after it.
          if presented == current - 1 and (moved or now - s.rotated <= tonumber(ARGV[5])) then return 'repeated' end
          return 'reused'
        end

        """;

    /// <summary>
    /// ARGV[6..]: sid, entry id, issuer, longest life of an access token (with skew) in ms, address, trace id, whether
    /// the refresh is audited (1 or 0). The last of the keys is the audit outbox. Returns verdict, successor generation or outbox id, scope, auth_time, absolute expiry.
    /// </summary>
    private const string RotateBody = """
        local now, s = now_ms(), read(KEYS[1])
        local here = identity()
        local moved = s.identity ~= here
        local verdict = judge(now, s, moved)
        if verdict == 'refused' then return { verdict } end
        if verdict == 'reused' or verdict == 'future' then
          s.sid = ARGV[6]
          return { verdict, end_session(now, s, 'token_reused', {
            eid = ARGV[7], issuer = ARGV[8], token_life = ARGV[9], actor = '', address = ARGV[10], trace_id = ARGV[11],
            type = verdict == 'reused' and 'session.token_reused' or 'session.token_from_the_future',
            detail = { severity = verdict == 'reused' and 'warning' or 'critical', presented = tonumber(ARGV[4]), current = tonumber(s.gen) },
          }) }
        end
        local generation = ARGV[4] + 1
        if verdict ~= 'repeated' or moved then
          redis.call('HSET', KEYS[1], 'gen', generation, 'rotated', now, 'identity', here)
        end
        redis.call('HSET', KEYS[1], 'seen', now)
        if s.next_epoch == ARGV[3] then
          redis.call('HSET', KEYS[1], 'epoch', ARGV[3])
          redis.call('HDEL', KEYS[1], 'next_epoch', 'next_epoch_until')
        end
        s.seen = now
        redis.call('PEXPIREAT', KEYS[1], expires_at(s))
        if ARGV[12] == '1' then
          audit(now, { eid = ARGV[7], type = 'session.refreshed', actor = s.user, subject = s.user, client_id = s.client, sid = ARGV[6],
            address = ARGV[10], trace_id = ARGV[11], detail = verdict ~= 'rotated' and { verdict = verdict } or nil })
        end
        return { verdict, generation, s.scope, tonumber(s.auth_time), tonumber(s.expires) }
        """;

    /// <summary>Changes nothing. Returns 1 if presenting the token for a refresh would be answered with tokens.</summary>
    private const string IsLiveBody = """
        local s = read(KEYS[1])
        local verdict = judge(now_ms(), s, s.identity ~= identity())
        return (verdict == 'rotated' or verdict == 'repeated' or verdict == 'moved') and 1 or 0
        """;

    /// <summary>
    /// ARGV: user, client, sid, reason, entry id, issuer, longest life of an access token in ms, absolute expiry to assume
    /// when Redis has no record (0: none known), longest life of a session in ms, actor, address, trace id. Returns
    /// whether this ended the session, and the outbox id of its end, by whomever. Without a record the end is written all
    /// the same: Redis may have lost it, and an older copy of it may come back.
    /// </summary>
    private const string EndBody = """
        local now, s = now_ms(), read(KEYS[1])
        if s.user and (s.user ~= ARGV[1] or s.client ~= ARGV[2]) then return { 0 } end
        if s.ended then return { 0, s.outbox } end
        if not s.user then
          local expires = tonumber(ARGV[8])
          if expires == 0 then expires = now + ARGV[9] end
          if expires <= now then return { 0 } end
          s = { user = ARGV[1], client = ARGV[2], expires = string.format('%.0f', expires) }
        end
        s.sid = ARGV[3]
        return { 1, end_session(now, s, ARGV[4], { eid = ARGV[5], issuer = ARGV[6], token_life = ARGV[7], actor = ARGV[10],
          address = ARGV[11], trace_id = ARGV[12], type = 'session.ended', detail = { severity = 'info', reason = ARGV[4] } }) }
        """;

    /// <summary>
    /// ARGV: user, epoch, next epoch, ms for which the record passes under both. Returns 1 if the session is live under
    /// the first: a session that an earlier change cut off is never brought back by a later one. The time limit keeps a
    /// change that was never committed from sparing this session at the next.
    /// </summary>
    private const string AllowEpochBody = """
        local now, s = now_ms(), read(KEYS[1])
        if not s.user or s.ended or s.user ~= ARGV[1] or s.epoch ~= ARGV[2] or now >= expires_at(s) then return 0 end
        redis.call('HSET', KEYS[1], 'next_epoch', ARGV[3], 'next_epoch_until', now + ARGV[4])
        return 1
        """;

    /// <summary>ARGV: user, epoch, next epoch. The record carries the next one from now on. Returns 1 if it does.</summary>
    private const string StampEpochBody = """
        local s = read(KEYS[1])
        if not s.user or s.ended or s.user ~= ARGV[1] then return 0 end
        if s.epoch == ARGV[3] then return 1 end
        if s.epoch ~= ARGV[2] then return 0 end
        redis.call('HSET', KEYS[1], 'epoch', ARGV[3])
        redis.call('HDEL', KEYS[1], 'next_epoch', 'next_epoch_until')
        return 1
        """;

    /// <summary>Returns client, epoch, created, seen, expiry by what is known now, address, agent, scope of a live session, else nothing.</summary>
    private const string ShowBody = """
        local s = read(KEYS[1])
        if not s.user or s.ended or s.user ~= ARGV[1] or now_ms() >= expires_at(s) then return false end
        return { s.client, s.epoch, s.created, s.seen, string.format('%.0f', expires_at(s)), s.address, s.agent, s.scope }
        """;

    /// <summary>ARGV: user. Removes the record of a session whose end the database has. Returns 1 if there was one.</summary>
    private const string ForgetBody = """
        return redis.call('HGET', KEYS[1], 'user') == ARGV[1] and redis.call('DEL', KEYS[1]) or 0
        """;

    /// <summary>Returns user and client of a session, an ended one too, else nothing.</summary>
    private const string OwnerBody = """
        local s = read(KEYS[1])
        return s.user and { s.user, s.client } or false
        """;

    /// <summary>KEYS[1]: index. ARGV: sid, its expiry. Drops what has expired; the key lives as long as its longest session.</summary>
    private const string AddToIndexBody = """
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_ms())
        redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
        redis.call('PEXPIREAT', KEYS[1], redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2])
        return 1
        """;

    /// <summary>KEYS[1]: index. ARGV: how many at most, -1 for all. Returns the sids that expire last.</summary>
    private const string ReadIndexBody = """
        return redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', '(' .. string.format('%.0f', now_ms()), 'LIMIT', 0, ARGV[1])
        """;

    /// <summary>KEYS[1]: index. ARGV: sids of sessions that are over.</summary>
    private const string RemoveFromIndexBody = """
        for i = 1, #ARGV do redis.call('ZREM', KEYS[1], ARGV[i]) end
        return 1
        """;

    /// <param name="world">Lua that defines <c>now_ms</c> and <c>identity</c>: <see cref="World"/>, or what a test steers.</param>
    public SessionScripts(string world = World)
    {
        Start = world + Begin + AuditOutbox.Lua + StartBody;
        Rotate = world + Read + AuditOutbox.Lua + End + Judge + RotateBody;
        IsLive = world + Read + Judge + IsLiveBody;
        EndSession = world + Read + End + EndBody;
        AllowEpoch = world + Read + AllowEpochBody;
        StampEpoch = world + Read + StampEpochBody;
        Show = world + Read + ShowBody;
        Forget = ForgetBody;
        Owner = world + Read + OwnerBody;
        AddToIndex = world + AddToIndexBody;
        ReadIndex = world + ReadIndexBody;
        RemoveFromIndex = RemoveFromIndexBody;
    }

    public string Start { get; }

    public string Rotate { get; }

    public string IsLive { get; }

    public string EndSession { get; }

    public string AllowEpoch { get; }

    public string StampEpoch { get; }

    public string Show { get; }

    public string Forget { get; }

    public string Owner { get; }

    public string AddToIndex { get; }

    public string ReadIndex { get; }

    public string RemoveFromIndex { get; }
}
