namespace RevocationProtocol;

/// <summary>
/// The scripts of the revocation protocol. KEYS are always stream, marker, gateways; each script is atomic and touches
/// one cluster slot. A Redis identifies itself as <c>run_id:master_replid</c>: a restart changes the first, a failover
/// both, and whatever is bound to an identity (marker, acknowledgements) dies with it.
/// </summary>
internal static class RevocationScripts
{
    private const string Prelude = """
        local identity = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') .. ':'
          .. string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local marker = redis.call('GET', KEYS[2]) or ''
        local filled = string.match(marker, '^(%w+:%w+):%d+$') == identity
        local function last_id()
          if redis.call('EXISTS', KEYS[1]) == 0 then return '0-0' end
          local info = redis.call('XINFO', 'STREAM', KEYS[1])
          for i = 1, #info, 2 do
            if info[i] == 'last-generated-id' then return info[i + 1] end
          end
        end

        """;

    // A gateway leaves the registry once even its own staleness rule has made it refuse: heartbeat + MaxStaleness + 1 s.
    private const string Registry = """
        local function registry()
          local live = {}
          local all = redis.call('HGETALL', KEYS[3])
          for i = 1, #all, 2 do
            local heartbeat, staleness = string.match(all[i + 1], '^(%d+) (%d+) ')
            if not heartbeat or now > heartbeat + staleness + 1000 then
              redis.call('HDEL', KEYS[3], all[i])
            else
              live[#live + 1] = all[i]
              live[#live + 1] = all[i + 1]
            end
          end
          return live
        end

        """;

    /// <summary>
    /// Appends entries and says "read on". ARGV: highest row number or '', latest allowed lead of a cut-off in ms or '',
    /// then 7 values an entry. Answers identity, filled, now, id of the last entry, registry.
    /// </summary>
    public const string Append = Prelude + Registry + """
        for i = 3, #ARGV, 7 do
          if ARGV[2] ~= '' and tonumber(ARGV[i + 4]) > now + tonumber(ARGV[2]) then
            return redis.error_reply('CUTOFF ahead of the clock: ' .. ARGV[i + 4] .. ' at ' .. string.format('%d', now))
          end
        end
        local id
        for i = 3, #ARGV, 7 do
          id = redis.call('XADD', KEYS[1], '*', 'v', ARGV[i], 'issuer', ARGV[i + 1], 'kind', ARGV[i + 2], 'id', ARGV[i + 3],
            'cut-off', ARGV[i + 4], 'except', ARGV[i + 5], 'expires', ARGV[i + 6])
        end
        if filled and ARGV[1] ~= '' and tonumber(ARGV[1]) > tonumber(string.match(marker, '%d+$')) then
          redis.call('SET', KEYS[2], identity .. ':' .. ARGV[1])
        end
        redis.call('PUBLISH', KEYS[1], id)
        return {identity, filled and 1 or 0, string.format('%d', now), id, registry()}
        """;

    /// <summary>
    /// A reader's one question. ARGV: gateway id ('' for a reader that is no gateway), its MaxStaleness in ms, the
    /// registration it applied under, the position it has applied, where to read from, page size. Answers registration,
    /// filled, now, first id of the stream, its last generated id, entries. Registers, beats and acknowledges in the same
    /// step. A registration lives as long as the data beside it: what was applied under another one is no claim here.
    /// </summary>
    public const string ReadOn = Prelude + """
        local registration = identity
        if ARGV[1] ~= '' then
          registration = string.match(redis.call('HGET', KEYS[3], ARGV[1]) or '', ' (%S+)$') or ''
          if string.match(registration, '^[^/]*') ~= identity then
            registration = identity .. '/' .. time[1] .. '-' .. time[2]
          end
          local applied = ARGV[3] == registration and ARGV[4] or '0-0'
          redis.call('HSET', KEYS[3], ARGV[1], string.format('%d', now) .. ' ' .. ARGV[2] .. ' ' .. applied .. ' ' .. registration)
          if applied ~= '0-0' then redis.call('PUBLISH', KEYS[3], ARGV[1] .. ' ' .. applied .. ' ' .. registration) end
        end
        local head = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
        return {registration, filled and 1 or 0, string.format('%d', now), head[1] and head[1][1] or '', last_id(),
          redis.call('XRANGE', KEYS[1], ARGV[5], '+', 'COUNT', ARGV[6])}
        """;

    /// <summary>Answers identity, filled, now, last id ever given by the stream, registry, marker.</summary>
    public const string Inspect = Prelude + Registry + """
        return {identity, filled and 1 or 0, string.format('%d', now), last_id(), registry(), marker}
        """;

    /// <summary>
    /// Raises the row number of a valid marker. ARGV: identity, n. Answers 1 if Redis still has that identity and is filled.
    /// </summary>
    public const string Raise = Prelude + """
        if not filled or identity ~= ARGV[1] then return 0 end
        if tonumber(ARGV[2]) > tonumber(string.match(marker, '%d+$')) then redis.call('SET', KEYS[2], identity .. ':' .. ARGV[2]) end
        return 1
        """;

    /// <summary>Answers the server's eviction policy. KEYS: any key on that server.</summary>
    public const string EvictionPolicy = "return string.match(redis.call('INFO', 'memory'), 'maxmemory_policy:([%w-]+)')";

    /// <summary>
    /// A gateway says that it serves no more. That is said, not left out, because a registry that lost its data leaves
    /// gateways out, too. ARGV: gateway id.
    /// </summary>
    public const string SignOff = Prelude + """
        local staleness = string.match(redis.call('HGET', KEYS[3], ARGV[1]) or '', '^%d+ (%d+) ')
        if staleness then redis.call('HSET', KEYS[3], ARGV[1], string.format('%d', now) .. ' ' .. staleness .. ' 0-0 signed-off') end
        return staleness and 1 or 0
        """;

    /// <summary>
    /// Takes the refill lock, or prolongs it if it is still held: what was filled in before the lock was lost may be lost
    /// with it. KEYS also refill lock; ARGV: owner, ms, 'take' or 'keep'. Answers 1 if it is the owner's.
    /// </summary>
    public const string LockRefill = """
        local owner = redis.call('GET', KEYS[4])
        if owner and owner ~= ARGV[1] or not owner and ARGV[3] == 'keep' then return 0 end
        redis.call('SET', KEYS[4], ARGV[1], 'PX', ARGV[2])
        return 1
        """;

    /// <summary>
    /// Marks this Redis as complete up to row n, if it still is the one that was filled, under a lock never lost. KEYS also
    /// refill lock; ARGV: identity, n, owner. Answers 1 if marked.
    /// </summary>
    public const string Mark = Prelude + """
        if identity ~= ARGV[1] or redis.call('GET', KEYS[4]) ~= ARGV[3] then return 0 end
        redis.call('SET', KEYS[2], identity .. ':' .. ARGV[2])
        redis.call('DEL', KEYS[4])
        return 1
        """;

    /// <summary>
    /// Trims the stream below its oldest unexpired entry. An entry that never expires would hold everything behind it:
    /// while one stands at the head with expired ones behind, it is appended anew and the old copy goes; readers merge
    /// copies. ARGV: most entries to look at, the asker's clock (expired is what is so by both clocks). Answers the number
    /// removed.
    /// </summary>
    public const string Trim = Prelude + """
        now = math.min(now, tonumber(ARGV[2]))
        local removed = 0
        local moved = false
        local head = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1])
        local expired = 0
        for i = 1, #head do
          local fields = head[i][2]
          local expires
          for f = 1, #fields, 2 do if fields[f] == 'expires' then expires = fields[f + 1] end end
          local stays = not expires or tonumber(expires) > now
          if stays and expires ~= '9223372036854775807' then break end
          if not stays then expired = i end
        end
        for i = 1, expired do
          local fields = head[i][2]
          local forever = false
          for f = 1, #fields, 2 do forever = forever or (fields[f] == 'expires' and fields[f + 1] == '9223372036854775807') end
          if forever then
            redis.call('XADD', KEYS[1], '*', unpack(fields))
            moved = true
          else
            removed = removed + 1
          end
          redis.call('XDEL', KEYS[1], head[i][1])
        end
        if moved then redis.call('PUBLISH', KEYS[1], 'moved') end
        return removed
        """;
}
