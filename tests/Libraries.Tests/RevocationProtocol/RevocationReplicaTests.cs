using RevocationProtocol;

namespace Libraries.Tests.RevocationProtocol;

public class RevocationReplicaTests
{
    private const string Issuer = "http://issuer.test";

    private readonly ManualTime _time = new();
    private readonly RevocationReplica _replica;

    public RevocationReplicaTests() => _replica = new RevocationReplica(TimeSpan.FromSeconds(30), _time);

    [Fact]
    public void Entries_are_counted_by_kind_and_leave_the_count_when_they_expire()
    {
        var time = new ManualTime();
        var replica = new RevocationReplica(TimeSpan.FromSeconds(30), time);
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var kinds = Enum.GetValues<RevocationKind>();
        foreach (var kind in kinds)
            replica.Apply([.. Enumerable.Range(0, 1 + (int)kind).Select(n => new RevocationEntry("i", kind, $"{n}", kind >= RevocationKind.Sub ? now : 0, null, now + 10_000))]);
        Assert.Equal(kinds.Select(kind => 1 + (int)kind), kinds.Select(replica.CountOf));
        time.Advance(TimeSpan.FromSeconds(20));
        replica.Sweep(now + 20_000);
        Assert.All(kinds, kind => Assert.Equal(0, replica.CountOf(kind)));
    }

    [Fact]
    public void Replica_before_its_first_load_knows_nothing() =>
        Assert.Equal(RevocationVerdict.Unknown, _replica.Check(Token()));

    [Theory]
    [InlineData(RevocationKind.Jti, "jti-1")]
    [InlineData(RevocationKind.Sid, "sid-1")]
    [InlineData(RevocationKind.Kid, "kid-1")]
    [InlineData(RevocationKind.Sub, "sub-1")]
    [InlineData(RevocationKind.Client, "client-1")]
    [InlineData(RevocationKind.All, "")]
    public void Replica_each_kind_kills_what_it_names_and_nothing_else(RevocationKind kind, string id)
    {
        _replica.Prove(_time.GetTimestamp());
        Assert.Equal(RevocationVerdict.Live, _replica.Check(Token()));
        Revoke(kind, id, cutOffMs: kind >= RevocationKind.Sub ? _time.NowMs : 0);
        Assert.Equal(RevocationVerdict.Revoked, _replica.Check(Token()));
        Assert.Equal(RevocationVerdict.Live, _replica.Check(new RevocableToken("http://other.test", "jti-1", "sid-1", "kid-1", "sub-1", "client-1", _time.NowMs)));
        if (kind != RevocationKind.All)
            Assert.Equal(RevocationVerdict.Live, _replica.Check(new RevocableToken(Issuer, "jti-2", "sid-2", "kid-2", "sub-2", "client-2", _time.NowMs)));
    }

    [Fact]
    public void Replica_the_same_text_under_another_kind_is_another_thing()
    {
        _replica.Prove(_time.GetTimestamp());
        Revoke(RevocationKind.Client, "sub-1", _time.NowMs);
        Revoke(RevocationKind.Sid, "jti-1");
        Assert.Equal(RevocationVerdict.Live, _replica.Check(Token()));
    }

    [Fact]
    public void Replica_a_token_of_the_millisecond_after_the_cut_off_lives()
    {
        _replica.Prove(_time.GetTimestamp());
        Revoke(RevocationKind.Sub, "sub-1", _time.NowMs);
        Assert.Equal(RevocationVerdict.Revoked, _replica.Check(Token(_time.NowMs)));
        Assert.Equal(RevocationVerdict.Live, _replica.Check(Token(_time.NowMs + 1)));
    }

    [Fact]
    public void Replica_a_later_cut_off_that_spares_another_session_revives_nothing()
    {
        _replica.Prove(_time.GetTimestamp());
        var issued = _time.NowMs;
        Revoke(RevocationKind.Sub, "sub-1", issued + 10, except: "sid-2");
        Revoke(RevocationKind.Sub, "sub-1", issued + 20, except: "sid-1");
        Assert.Equal(RevocationVerdict.Revoked, _replica.Check(Token(issued)));
        Assert.Equal(RevocationVerdict.Live, _replica.Check(Token(issued + 15)));
    }

    [Fact]
    public void Replica_a_revoked_token_stays_revoked_when_the_state_is_stale()
    {
        _replica.Prove(_time.GetTimestamp());
        Revoke(RevocationKind.Jti, "jti-1");
        _time.Advance(TimeSpan.FromSeconds(31));
        Assert.Equal(RevocationVerdict.Revoked, _replica.Check(Token()));
    }

    [Fact]
    public void Replica_failing_reads_serve_on_until_the_staleness_is_reached()
    {
        _replica.Prove(_time.GetTimestamp());
        for (var waited = TimeSpan.Zero; waited < TimeSpan.FromSeconds(30); waited += RevocationReplica.ReadInterval)
        {
            Assert.Equal(RevocationVerdict.Live, _replica.Check(Token()));
            _time.Advance(RevocationReplica.ReadInterval);
            _replica.ReadWithoutProof();
        }
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(RevocationVerdict.Unknown, _replica.Check(Token()));
    }

    [Fact]
    public void Replica_a_process_that_was_stopped_knows_nothing_until_a_read_succeeds()
    {
        _replica.Prove(_time.GetTimestamp());
        _time.Advance(RevocationReplica.ReadInterval + RevocationReplica.ReadLateness + TimeSpan.FromMilliseconds(1));
        Assert.Equal(RevocationVerdict.Unknown, _replica.Check(Token()));
        _replica.ReadWithoutProof();
        Assert.Equal(RevocationVerdict.Unknown, _replica.Check(Token()));
        _replica.Prove(_time.GetTimestamp());
        Assert.Equal(RevocationVerdict.Live, _replica.Check(Token()));
    }

    [Fact]
    public void Replica_a_read_that_ends_in_the_midst_of_a_check_does_not_vouch_for_what_the_check_has_not_seen()
    {
        _replica.Prove(_time.GetTimestamp());
        _time.Advance(TimeSpan.FromSeconds(10));
        _time.Read = () =>
        {
            _time.Read = null;
            Revoke(RevocationKind.Jti, "jti-1");
            _replica.Prove(_time.GetTimestamp());
        };
        Assert.NotEqual(RevocationVerdict.Live, _replica.Check(Token()));
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    public void Replica_any_set_of_cut_offs_kills_exactly_what_one_of_them_kills(int seed)
    {
        var random = new Random(seed);
        _replica.Prove(_time.GetTimestamp());
        var model = new List<RevocationEntry>();
        for (var step = 0; step < 3000; step++)
        {
            var kind = (RevocationKind)random.Next((int)RevocationKind.Sub, (int)RevocationKind.All + 1);
            var id = kind switch { RevocationKind.Sub => "sub-1", RevocationKind.Client => "client-1", _ => "" };
            var entry = new RevocationEntry(
                Issuer, kind, id, _time.NowMs + random.Next(-50, 50), random.Next(2) == 0 ? null : $"sid-{random.Next(3)}", _time.NowMs + random.Next(1, 400));
            _replica.Apply([entry]);
            model.Add(entry);
            if (random.Next(5) == 0)
            {
                _time.Advance(TimeSpan.FromMilliseconds(random.Next(100)));
                _replica.Sweep(_time.NowMs);
                _replica.Prove(_time.GetTimestamp());
                model.RemoveAll(known => known.ExpiresMs <= _time.NowMs);
            }
            var token = new RevocableToken(Issuer, "jti-1", $"sid-{random.Next(4)}", "kid-1", "sub-1", "client-1", _time.NowMs + random.Next(-100, 100));
            var dead = model.Any(known => token.IssueTimeMs <= known.CutOffMs && known.ExceptSid != token.SessionId);
            Assert.Equal(dead ? RevocationVerdict.Revoked : RevocationVerdict.Live, _replica.Check(token));
        }
    }

    private void Revoke(RevocationKind kind, string id, long cutOffMs = 0, string? except = null) =>
        _replica.Apply([new RevocationEntry(Issuer, kind, id, cutOffMs, except, _time.NowMs + 300_000)]);

    private RevocableToken Token(long? issuedMs = null) => new(Issuer, "jti-1", "sid-1", "kid-1", "sub-1", "client-1", issuedMs ?? _time.NowMs);
}
