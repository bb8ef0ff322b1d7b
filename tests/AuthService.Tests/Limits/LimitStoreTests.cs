using System.Globalization;
using AuthService.Limits;
using AuthService.Tests.Sessions;
using RevocationProtocol;
using Testing;

namespace AuthService.Tests.Limits;

public sealed class LimitStoreTests(SessionWorld world) : IClassFixture<SessionWorld>
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);
    private readonly LimitStore _store = new(new SessionsConnection(world.Connection, isOwn: false));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Tries_at_one_moment_on_several_replicas_pass_as_often_as_the_limit_says()
    {
        await using var other = new RedisConnection(world.Redis.Endpoint, TimeProvider.System);
        LimitStore[] replicas = [_store, new(new SessionsConnection(other, isOwn: false))];
        var limit = NewLimit(20, Hour);

        var waits = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => replicas[i % 2].TakeAsync(1, [limit], Cancellation)));

        Assert.Equal(20, waits.Count(wait => wait == TimeSpan.Zero));
        // One comes back after a twentieth of the hour.
        Assert.All(waits.Where(wait => wait > TimeSpan.Zero), wait => Assert.InRange(wait, TimeSpan.FromSeconds(150), TimeSpan.FromMinutes(3)));
        Assert.True(await _store.IsUsedUpAsync(limit, Cancellation));
    }

    [Fact]
    public async Task Limit_comes_back_steadily_and_its_key_goes_with_it()
    {
        var limit = NewLimit(10, TimeSpan.FromSeconds(2));
        Assert.Equal(TimeSpan.Zero, await _store.TakeAsync(10, [limit], Cancellation));
        Assert.InRange(await _store.TakeAsync(1, [limit], Cancellation), TimeSpan.FromTicks(1), TimeSpan.FromMilliseconds(200));
        Assert.InRange(long.Parse(await world.Redis.RunCliAsync("pttl", limit.Key), CultureInfo.InvariantCulture), 1, 2000);

        await Eventually.TrueAsync(async () => await _store.TakeAsync(1, [limit], Cancellation) == TimeSpan.Zero, "one comes back", Cancellation);
        await Eventually.TrueAsync(async () => await world.Redis.RunCliAsync("exists", limit.Key) == "0", "the key goes", Cancellation);
    }

    [Fact]
    public async Task Take_from_several_limits_takes_from_all_or_none()
    {
        var (wide, narrow) = (NewLimit(3, Hour), NewLimit(1, Hour));
        Assert.Equal(TimeSpan.Zero, await _store.TakeAsync(1, [wide, narrow], Cancellation));
        for (var i = 0; i < 5; i++) Assert.NotEqual(TimeSpan.Zero, await _store.TakeAsync(1, [wide, narrow], Cancellation));

        Assert.Equal(TimeSpan.Zero, await _store.TakeAsync(2, [wide], Cancellation));
        Assert.NotEqual(TimeSpan.Zero, await _store.TakeAsync(1, [wide], Cancellation));
    }

    [Fact]
    public async Task What_is_given_back_can_be_taken_again_and_never_more()
    {
        var limit = NewLimit(2, Hour);
        await _store.TakeAsync(1, [limit], Cancellation);
        for (var i = 0; i < 3; i++) await _store.GiveBackAsync([limit], Cancellation);
        Assert.Equal("0", await world.Redis.RunCliAsync("exists", limit.Key));

        Assert.Equal(TimeSpan.Zero, await _store.TakeAsync(2, [limit], Cancellation));
        Assert.NotEqual(TimeSpan.Zero, await _store.TakeAsync(1, [limit], Cancellation));
        await _store.GiveBackAsync([limit], Cancellation);
        Assert.Equal(TimeSpan.Zero, await _store.TakeAsync(1, [limit], Cancellation));
    }

    [Fact]
    public async Task Limit_of_zero_is_off()
    {
        var limit = NewLimit(0, Hour);
        for (var i = 0; i < 100; i++) Assert.Equal(TimeSpan.Zero, await _store.TakeAsync(1, [limit], Cancellation));
        Assert.False(await _store.IsUsedUpAsync(limit, Cancellation));
        Assert.Equal("0", await world.Redis.RunCliAsync("exists", limit.Key));
    }

    private static Limit NewLimit(int size, TimeSpan period) => new($"limit:{Guid.NewGuid():N}", size, period);
}
