using System.Globalization;
using AuthService.Tests.Tokens;
using AuthService.Users;
using Microsoft.EntityFrameworkCore;
using Testing;

namespace AuthService.Tests.Sessions;

/// <summary>Lifetimes of sessions as a client has them; a service of its own, since the client is everybody's.</summary>
public sealed class LifetimeTests : IAsyncLifetime
{
    private readonly RunningService _service = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => _service.InitializeAsync();

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    [Fact]
    public async Task Session_has_the_lifetimes_of_the_settings_unless_its_client_has_its_own()
    {
        var before = await _service.SignInAsync();
        await SetLifetimesAsync(idle: 3600, absolute: 7200);
        var after = await _service.SignInAsync();

        Assert.Equal((86_400_000L, 30 * 86_400_000L), await LifetimesAsync(before));
        Assert.Equal((3_600_000L, 7_200_000L), await LifetimesAsync(after));
    }

    [Fact]
    public async Task Unused_session_ends_after_its_idle_life()
    {
        await SetLifetimesAsync(idle: 2, absolute: 3600);
        var session = await _service.SignInAsync();
        Assert.Equal(200, await _service.VerifyStatusAsync(session.Refresh));

        await Eventually.TrueAsync(async () => await _service.VerifyStatusAsync(session.Refresh) == 401, "the session ends unused", Cancellation);
        Assert.Equal(401, await _service.RefreshStatusAsync(session.Refresh));
    }

    [Fact]
    public async Task Session_in_use_ends_after_its_absolute_life()
    {
        await SetLifetimesAsync(idle: 4, absolute: 5);
        var session = await _service.SignInAsync();
        var started = TimeProvider.System.GetTimestamp();
        var refreshes = 0;
        await Eventually.TrueAsync(
            async () =>
            {
                var answer = await _service.PostAsync("/api/token/refresh/", new { refresh = session.Refresh });
                if ((int)answer.StatusCode == 401) return true;
                session = session with { Refresh = (await RunningService.JsonAsync(answer)).GetProperty("refresh").GetString()! };
                refreshes++;
                return false;
            },
            "the session ends however often it is used", Cancellation);
        Assert.True(refreshes > 1);
        Assert.InRange(TimeProvider.System.GetElapsedTime(started).TotalSeconds, 4.9, 15);
    }

    private Task SetLifetimesAsync(long idle, long absolute) => _service.InDatabaseAsync(async database =>
    {
        var client = await database.Clients.SingleAsync(row => row.ClientId == Client.Api, Cancellation);
        client.RefreshTokenLifetimeSeconds = idle;
        client.SessionLifetimeSeconds = absolute;
    });

    private async Task<(long Idle, long Absolute)> LifetimesAsync(RunningService.Pair pair)
    {
        var fields = (await _service.Redis.RunCliAsync("hmget", $"gw:session:{{{pair.Sid[..2]}}}:{pair.Sid}", "idle", "created", "expires"))
            .Split('\n').Select(text => long.Parse(text, CultureInfo.InvariantCulture)).ToList();
        return (fields[0], fields[2] - fields[1]);
    }
}
