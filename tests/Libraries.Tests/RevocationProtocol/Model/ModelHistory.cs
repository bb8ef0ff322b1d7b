using RevocationProtocol;

namespace Libraries.Tests.RevocationProtocol.Model;

/// <summary>One random history of the whole protocol, and what must hold after each of its events.</summary>
internal sealed class ModelHistory
{
    private const string Issuer = "http://issuer.test";
    private const long TokenLifeMs = 120_000;
    private static readonly TimeSpan MaxStaleness = TimeSpan.FromSeconds(8);

    private readonly Random _random;
    private readonly ModelTime _time = new();
    private readonly ModelRedis _redis;
    private readonly ModelDatabase _database;
    private readonly List<ModelGateway> _gateways = [];
    private readonly ModelAuthService[] _authServices;
    private readonly List<ModelData> _backups = [new()];
    private readonly List<ModelRevocation> _revocations = [];
    private readonly List<Token> _tokens = [];
    private readonly List<Waiting> _waiting = [];
    private readonly bool _turnsRedisClock;
    private readonly List<string> _log = [];
    private int _ids;

    public ModelHistory(int seed)
    {
        _random = new Random(seed);
        _redis = new ModelRedis(_time);
        _database = new ModelDatabase(_time);
        _authServices = [NewAuthService(), NewAuthService()];
        // A gateway forgets what is expired by its clock and by Redis's: one of them is right.
        _turnsRedisClock = _random.Next(2) == 0;
        for (var i = 0; i < 3; i++)
            Join();
    }

    public IReadOnlyList<string> Log => _log;

    /// <summary>Verdicts by kind, to prove that the history said something.</summary>
    public Dictionary<RevocationVerdict, int> Verdicts { get; } = [];

    public int Acknowledged { get; private set; }

    public void Run(int events)
    {
        for (var i = 0; i < events; i++)
        {
            Pass(_random.Next(20) == 0 ? _random.Next(1000, 4000) : _random.Next(0, 50));
            if (Event(_random.Next(100)) is { } what)
                _log.Add($"{_time.TrueMs % 10_000_000}: {what}");
            Answer();
            Check();
        }
        _gateways.ForEach(gateway => gateway.Dispose());
    }

    /// <summary>Lets time pass in steps that no gateway could miss a read in, unless it is stopped.</summary>
    private void Pass(int ms)
    {
        for (; ms >= 0; ms -= 50)
        {
            _time.Advance(Math.Min(ms, 50));
            foreach (var gateway in _gateways)
            {
                gateway.Run(pushed: false);
                if (ms > 50 && _random.Next(2) == 0)
                    gateway.DeliverAnswer();
            }
        }
    }

    private string? Event(int kind)
    {
        switch (kind)
        {
            case < 12: Issue(); return null;
            case < 26: return Revoke();
            case < 34: Any(_authServices).Do(auth => auth.WatchAsync()); return null;
            case < 48: Any(_gateways).Run(pushed: true); return null;
            case < 66: Any(_gateways).DeliverAnswer(); return null;
            case < 78: Any(_authServices).Connection.DeliverPush(); return null;
            case < 84: return With(Any(_authServices), auth => { if (auth.Connection.HasHeld) auth.Connection.Release(_random.Next(5) > 0); }, null);
            case 84: return With(Any(_gateways), gateway => gateway.Pause(), "pause");
            case < 88: return With(Any(_gateways), gateway => gateway.Resume(), "resume");
            case 88: return With(Any(_gateways), gateway => gateway.Connection.Cut = true, "cut");
            case < 92: return With(Any(_gateways), gateway => gateway.Connection.Cut = false, "heal");
            case 92: return Leave();
            case 93: return Join();
            case 94: return TurnClock();
            case 95: _backups.Add(_redis.Data.Copy()); return "backup";
            case 96: _redis.Trim(_time.TrueMs); return "trim";
            case 97: return Crash();
            default: return Redis();
        }
    }

    private string Redis()
    {
        var kind = _random.Next(6);
        if (!_redis.Running || kind == 0)
        {
            // The same data, older data (its marker and registry in it), or none.
            var data = _random.Next(3) switch { 0 => _redis.Data.Copy(), 1 => Any(_backups).Copy(), _ => new ModelData() };
            _redis.Start(data);
            return $"redis starts as {_redis.Identity} with {data.Stream.Count} entries";
        }
        if (kind == 1)
        {
            _redis.Flush();
            return "redis is flushed";
        }
        _redis.Kill();
        return "redis is killed";
    }

    private string Crash()
    {
        var i = _random.Next(_authServices.Length);
        _redis.Connections.Remove(_authServices[i].Connection);
        _waiting.RemoveAll(waiting => waiting.By == _authServices[i]);
        _authServices[i] = NewAuthService();
        return $"auth-service {i} crashes";
    }

    private string? Join()
    {
        if (_gateways.Count >= 5)
            return null;
        var gateway = new ModelGateway($"g{++_ids}", _redis, _time, MaxStaleness, _random);
        _gateways.Add(gateway);
        return $"{gateway.Id} joins";
    }

    private string? Leave()
    {
        if (_gateways.Count < 2)
            return null;
        var gateway = Any(_gateways);
        _gateways.Remove(gateway);
        _redis.Connections.Remove(gateway.Connection);
        gateway.Dispose();
        if (_random.Next(2) == 0)
            gateway.SignOff();
        return $"{gateway.Id} leaves";
    }

    private string TurnClock()
    {
        var offset = _random.Next(2) == 0 ? 0 : _random.Next(-600_000, 600_000);
        if (_turnsRedisClock)
            _redis.ClockOffsetMs = offset;
        else
            Any(_gateways).Time.OffsetMs = offset;
        return $"a clock is off by {offset} ms";
    }

    private void Issue()
    {
        var (jti, sid, sub) = ($"j{++_ids}", $"s{_random.Next(6)}-{_time.TrueMs / 60_000}", $"u{_random.Next(3)}");
        var issued = Math.Max(_time.TrueMs, 1 + _revocations.Where(known => known.Entry.Kind == RevocationKind.Sub && known.Entry.Id == sub).Select(known => known.Entry.CutOffMs).DefaultIfEmpty().Max());
        _tokens.Add(new Token(new RevocableToken(Issuer, jti, sid, "k", sub, "c", issued), jti, sub, _time.TrueMs + TokenLifeMs));
        _tokens.RemoveAll(token => token.ExpiresMs <= _time.TrueMs);
    }

    private string? Revoke()
    {
        if (_tokens.Count == 0)
            return null;
        var token = Any(_tokens);
        var expires = _time.TrueMs + TokenLifeMs + 6000;
        var revocation = new ModelRevocation(_random.Next(3) switch
        {
            0 => new RevocationEntry(Issuer, RevocationKind.Jti, token.Jti, 0, null, expires),
            1 => new RevocationEntry(Issuer, RevocationKind.Sid, token.Revocable.SessionId!, 0, null, expires),
            _ => new RevocationEntry(Issuer, RevocationKind.Sub, token.Sub, _time.TrueMs + 1000, _random.Next(2) == 0 ? token.Revocable.SessionId : null, expires),
        });
        _revocations.Add(revocation);
        var rowFirst = _random.Next(2) == 0;
        Any(_authServices).Do(auth => rowFirst ? StageAsync(auth, revocation) : FromSessionAsync(auth, revocation));
        return $"revoke {revocation.Entry.Kind} {revocation.Entry.Id} {(rowFirst ? "row first" : "stream first")}";
    }

    /// <summary>Row, then stream: what changes in the database.</summary>
    private async Task StageAsync(ModelAuthService by, ModelRevocation revocation)
    {
        var row = _database.Insert(revocation);
        try
        {
            var append = await by.Writer.AppendRowsAsync([revocation.Entry], row.Number, CancellationToken.None);
            if (append.Status.Filled)
                row.MarkPublished();
            _waiting.Add(new Waiting(by, revocation, append, _time.TrueMs, new Dictionary<string, long>(by.Connection.Told)));
        }
        catch (RedisUnavailableException)
        {
            // Published by a watch.
        }
    }

    /// <summary>Stream, then row: what changes in a session.</summary>
    private async Task FromSessionAsync(ModelAuthService by, ModelRevocation revocation)
    {
        try
        {
            var append = await by.Writer.AppendAsync([revocation.Entry], CancellationToken.None);
            _waiting.Add(new Waiting(by, revocation, append, _time.TrueMs, new Dictionary<string, long>(by.Connection.Told)));
            // A database that is away now and then: not durable.
            if (_random.Next(6) == 0)
                return;
            var row = _database.Insert(revocation);
            if (await by.Writer.TryRaiseMarkAsync(append.Status.Identity, row.Number, CancellationToken.None))
                row.MarkPublished();
        }
        catch (RedisUnavailableException)
        {
            // 503, or unpublished.
        }
    }

    /// <summary>Answers to the revocations that are waiting for acknowledgements.</summary>
    private void Answer()
    {
        foreach (var waiting in _waiting.ToList())
        {
            if (_time.TrueMs - waiting.SinceMs < 250 && _random.Next(10) > 0)
                continue;
            _waiting.Remove(waiting);
            waiting.By.Do(_ => AnswerAsync(waiting));
        }
    }

    private async Task AnswerAsync(Waiting waiting)
    {
        var gateways = await waiting.By.Tracker.AskRegistryAsync(waiting.Append.Status.Gateways, CancellationToken.None);
        foreach (var gateway in waiting.By.Tracker.Acknowledging(gateways, waiting.Append.Position))
        {
            waiting.Revocation.AcknowledgedBy.Add(gateway.Id);
            Acknowledged++;
        }
        // Whoever may still serve is among those counted, if this process has looked since that gateway was last proven.
        foreach (var gateway in _gateways.Where(gateway => gateway.Replica.IsCurrent && waiting.Told.GetValueOrDefault(gateway.Id) >= gateway.ProvenMs))
            Assert.True(gateways.Any(counted => counted.Id == gateway.Id), $"{gateway.Id} may serve and was not counted");
    }

    private void Check()
    {
        foreach (var gateway in _gateways.Where(gateway => !gateway.Paused))
        {
            foreach (var token in _tokens.Where(token => token.ExpiresMs > _time.TrueMs))
                Check(gateway, token);
        }
    }

    private void Check(ModelGateway gateway, Token token)
    {
        var verdict = gateway.Replica.Check(token.Revocable);
        Verdicts[verdict] = Verdicts.GetValueOrDefault(verdict) + 1;
        var covering = _revocations.Where(revocation => revocation.Covers(token.Revocable, token.Jti, token.Sub)).ToList();
        if (verdict == RevocationVerdict.Revoked)
        {
            Assert.True(covering.Count > 0, $"{gateway.Id} refuses {token.Jti}, which nobody revoked");
            return;
        }
        foreach (var revocation in covering)
            Assert.False(revocation.AcknowledgedBy.Contains(gateway.Id), $"{gateway.Id} was counted for {revocation.Entry} and says {verdict}");
        if (verdict == RevocationVerdict.Live)
        {
            foreach (var revocation in covering)
            {
                Assert.False(
                    revocation.Row?.PublishedMs < _time.TrueMs - (long)MaxStaleness.TotalMilliseconds,
                    $"{gateway.Id} lets {token.Jti} pass {_time.TrueMs - revocation.Row?.PublishedMs} ms after {revocation.Entry} was published");
            }
        }
        else
        {
            Assert.False(
                gateway.IsReadingInTime && _time.TrueMs - gateway.ProvenMs <= (long)MaxStaleness.TotalMilliseconds,
                $"{gateway.Id} does not know of {token.Jti}, though it was proven {_time.TrueMs - gateway.ProvenMs} ms ago and reads in time");
        }
    }

    private ModelAuthService NewAuthService() => new(_redis, _time, _database, _random);

    private T Any<T>(IReadOnlyList<T> list) => list[_random.Next(list.Count)];

    private static string? With<T>(T actor, Action<T> act, string? what)
    {
        act(actor);
        return what is null ? null : $"{(actor as ModelGateway)?.Id} {what}";
    }

    private sealed record Token(RevocableToken Revocable, string Jti, string Sub, long ExpiresMs);

    private sealed record Waiting(ModelAuthService By, ModelRevocation Revocation, RevocationAppend Append, long SinceMs, IReadOnlyDictionary<string, long> Told);
}

internal static class ModelAuthServiceDoing
{
    /// <summary>Begins something; what fails in it unexpectedly fails the history.</summary>
    public static void Do(this ModelAuthService auth, Func<ModelAuthService, Task> work)
    {
        foreach (var done in auth.Doing.Where(task => task.IsCompleted).ToList())
        {
            done.GetAwaiter().GetResult();
            auth.Doing.Remove(done);
        }
        auth.Doing.Add(work(auth));
    }
}
