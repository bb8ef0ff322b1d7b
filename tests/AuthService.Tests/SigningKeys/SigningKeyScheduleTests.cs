using AuthService.Audit;
using AuthService.SigningKeys;
using AuthService.Tests.Tokens;
using AuthService.Tests.Users;
using KeyEncryption;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Tests.SigningKeys;

public sealed class SigningKeyScheduleTests(Databases databases)
{
    private static readonly TimeSpan Announce = TimeSpan.FromMinutes(2);

    /// <summary>The longest life of a token, and what may be wrong with clocks.</summary>
    private static readonly TimeSpan Retire = TimeSpan.FromMinutes(5) + TimeSpan.FromSeconds(1) + TimeSpan.FromMinutes(10);

    private readonly (string, string) _wrapping = ("AuthService:KeyEncryptionKeys:0", KeyEncryptionKeyRing.NewKey());
    private readonly FixedTime _time = new(1_790_000_000_000);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Databases.Kinds), MemberType = typeof(Databases))]
    public async Task Key_is_announced_before_it_signs_and_published_until_its_last_token_is_over(string kind)
    {
        await using var replica = await Replica.StartAsync(await databases.CreateAsync(kind), time: _time, settings: _wrapping);
        var old = replica.Keys.Active.Kid;
        var start = _time.GetUtcNow();
        Assert.Equal(start + TimeSpan.FromDays(90) - Announce, await AdvanceAsync(replica));
        Assert.Single(replica.Keys.Published);

        await AtAsync(replica, start + TimeSpan.FromDays(90) - Announce);
        Assert.Equal(old, replica.Keys.Active.Kid);
        var next = Assert.Single(replica.Keys.Published.Keys, kid => kid != old);

        await AtAsync(replica, start + TimeSpan.FromDays(90) - TimeSpan.FromMilliseconds(1));
        Assert.Equal(old, replica.Keys.Active.Kid);
        await AtAsync(replica, start + TimeSpan.FromDays(90));
        Assert.Equal(next, replica.Keys.Active.Kid);
        Assert.Equal(2, replica.Keys.Published.Count);

        await AtAsync(replica, start + TimeSpan.FromDays(90) + Retire - TimeSpan.FromMilliseconds(1));
        Assert.Equal(2, replica.Keys.Published.Count);
        await AtAsync(replica, start + TimeSpan.FromDays(90) + Retire);
        Assert.Equal([next], replica.Keys.Published.Keys);

        await using var database = replica.Open();
        var gone = await database.SigningKeys.SingleAsync(key => key.Kid == old, Cancellation);
        Assert.Equal((SigningKeyState.Gone, ""), (gone.State, gone.SealedPrivateKey));
        var audit = await database.AuditEvents.Where(row => row.Type.StartsWith("signing_key.")).OrderBy(row => row.Id).ToListAsync(Cancellation);
        Assert.Equal(
            [(AuditTypes.SigningKeyCreated, old), (AuditTypes.SigningKeyCreated, next), (AuditTypes.SigningKeyRetired, old), (AuditTypes.SigningKeyActivated, next)],
            audit.Select(row => (row.Type, row.Subject)));
    }

    // A token issued under an earlier, longer setting outlives the present one.
    [Fact]
    public async Task Key_is_published_for_the_longest_life_that_tokens_ever_had()
    {
        await using var replica = await Replica.StartAsync(await databases.CreateAsync(Databases.Sqlite), time: _time, settings: _wrapping);
        var old = replica.Keys.Active.Kid;
        await using (var database = replica.Open())
            await database.CutOffs.ExecuteUpdateAsync(set => set.SetProperty(row => row.LongestTokenLifeMs, (long)TimeSpan.FromHours(12).TotalMilliseconds), Cancellation);
        await AtAsync(replica, _time.GetUtcNow() + TimeSpan.FromDays(90));
        await AtAsync(replica, _time.GetUtcNow() + Announce);
        Assert.NotEqual(old, replica.Keys.Active.Kid);
        await AtAsync(replica, _time.GetUtcNow() + TimeSpan.FromHours(12));
        Assert.Contains(old, replica.Keys.Published.Keys);
        await AtAsync(replica, _time.GetUtcNow() + TimeSpan.FromMinutes(10));
        Assert.DoesNotContain(old, replica.Keys.Published.Keys);
    }

    [Theory]
    [MemberData(nameof(Databases.Kinds), MemberType = typeof(Databases))]
    public async Task Replicas_that_all_find_the_key_due_rotate_once(string kind)
    {
        var connectionString = await databases.CreateAsync(kind);
        var replicas = new List<Replica>();
        for (var i = 0; i < 4; i++) replicas.Add(await Replica.StartAsync(connectionString, time: _time, settings: _wrapping));
        try
        {
            foreach (var step in (TimeSpan[])[TimeSpan.FromDays(90) - Announce, Announce, Retire])
            {
                _time.NowMs += (long)step.TotalMilliseconds;
                await Task.WhenAll(replicas.Select(replica => Task.Run(() => AdvanceAsync(replica), Cancellation)));
            }
            await using var database = replicas[0].Open();
            var states = await database.SigningKeys.Select(key => key.State).ToListAsync(Cancellation);
            Assert.Equal([SigningKeyState.Active, SigningKeyState.Gone], states.Order());
            Assert.Equal(4, await database.AuditEvents.CountAsync(row => row.Type.StartsWith("signing_key."), Cancellation));
            Assert.Single(replicas.Select(replica => replica.Keys.Active.Kid).Distinct());
        }
        finally
        {
            foreach (var replica in replicas) await replica.DisposeAsync();
        }
    }

    [Fact]
    public async Task Period_of_zero_leaves_the_key_in_use()
    {
        await using var replica = await Replica.StartAsync(
            await databases.CreateAsync(Databases.Sqlite), time: _time, settings: [_wrapping, ("AuthService:SigningKeys:RotationPeriod", "0:0:0")]);
        var kid = replica.Keys.Active.Kid;
        _time.NowMs += (long)TimeSpan.FromDays(4000).TotalMilliseconds;
        Assert.Null(await AdvanceAsync(replica));
        Assert.Equal([kid], replica.Keys.Published.Keys);
    }

    [Fact]
    public async Task Other_algorithm_is_announced_at_start_and_takes_over()
    {
        var connectionString = await databases.CreateAsync(Databases.Sqlite);
        await using (await Replica.StartAsync(connectionString, time: _time, settings: _wrapping))
        {
        }
        await using var replica = await Replica.StartAsync(connectionString, time: _time, settings: [_wrapping, ("AuthService:SigningAlgorithm", "RS256")]);
        Assert.Equal("ES256", replica.Keys.Active.Algorithm);
        Assert.Equal(2, replica.Keys.Published.Count);
        await AtAsync(replica, _time.GetUtcNow() + Announce);
        Assert.Equal("RS256", replica.Keys.Active.Algorithm);
    }

    // A replica that can neither read nor hear must not sign for ever with a key that the others have taken out of use.
    [Fact]
    public async Task Keys_not_read_for_too_long_sign_no_more_but_stay_published()
    {
        var clock = new SteppedTime();
        await using var replica = await Replica.StartAsync(await databases.CreateAsync(Databases.Sqlite), time: clock, settings: _wrapping);
        clock.Advance(SigningKeySet.MaxAge);
        var active = replica.Keys.Active;
        clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Throws<SigningKeysUnavailableException>(() => replica.Keys.Active);
        Assert.Equal([active.Kid], replica.Keys.Published.Keys);
        await replica.Get<SigningKeyStore>().LoadAsync(Cancellation);
        Assert.Same(active, replica.Keys.Active);
    }

    [Theory]
    [InlineData("RotationPeriod", "00:03:00", "AuthService:SigningKeys:RotationPeriod must be 0 or at least twice AnnouncePeriod")]
    [InlineData("AnnouncePeriod", "0:0:0", "AuthService:SigningKeys:AnnouncePeriod must be from")]
    [InlineData("Rotation", "90", "AuthService:SigningKeys:Rotation is not a setting")]
    public async Task Wrong_setting_is_named_at_start(string setting, string value, string expected)
    {
        await using var replica = Replica.Create(await databases.CreateAsync(Databases.Sqlite), settings: [_wrapping, ($"AuthService:SigningKeys:{setting}", value)]);
        var exception = Assert.Throws<Microsoft.Extensions.Options.OptionsValidationException>(
            () => replica.Get<Microsoft.Extensions.Options.IOptions<SigningKeyOptions>>().Value);
        Assert.Contains(expected, Assert.Single(exception.Failures), StringComparison.Ordinal);
    }

    private async Task AtAsync(Replica replica, DateTimeOffset at)
    {
        _time.NowMs = at.ToUnixTimeMilliseconds();
        await AdvanceAsync(replica);
    }

    private static async Task<DateTimeOffset?> AdvanceAsync(Replica replica)
    {
        var due = await replica.Get<SigningKeySchedule>().AdvanceAsync(Cancellation);
        await replica.Get<SigningKeyStore>().LoadAsync(Cancellation);
        return due;
    }

    /// <summary>A monotonic clock that is stepped; the time of day stays the real one.</summary>
    private sealed class SteppedTime : TimeProvider
    {
        private long _timestamp = 1;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _timestamp;

        public void Advance(TimeSpan by) => _timestamp += by.Ticks;
    }
}
