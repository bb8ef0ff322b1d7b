using System.Net.Http.Json;
using System.Text.Json;
using AuthService.Audit;
using AuthService.Revocation;
using AuthService.SigningKeys;
using AuthService.Tests.Tokens;
using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using RevocationProtocol;
using Testing;

namespace AuthService.Tests.SigningKeys;

/// <summary>Keys changed by hand while two replicas serve one database and one Redis.</summary>
public sealed class SigningKeyRotationTests : IAsyncLifetime
{
    private static readonly TimeSpan Propagation = TimeSpan.FromSeconds(1);

    private readonly RunningService _service = new() { Settings = ["AuthService:SigningKeys:AnnouncePeriod=00:00:02"] };
    private WebApplication _second = null!;
    private HttpClient _secondClient = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await _service.InitializeAsync();
        _second = await _service.StartReplicaAsync();
        _secondClient = new HttpClient { BaseAddress = new Uri(_second.Configuration["Kestrel:Endpoints:Http:Url"]!) };
        await Eventually.TrueAsync(() => _second.Services.GetRequiredService<RevocationState>().UnavailableReason is null, "the second replica is ready", Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        _secondClient.Dispose();
        await _service.DisposeAsync();
    }

    [Fact]
    public async Task Withdrawn_key_takes_its_tokens_with_it_at_every_replica_and_sessions_go_on()
    {
        var before = await _service.SignInAsync();
        var kid = Kid(before.Access);
        var announced = await First.RotateAsync("admin", Cancellation);
        var withdrawal = (await First.WithdrawAsync(kid, "admin", Cancellation))!;

        Assert.Equal([kid, announced.Kid], withdrawal.Withdrawn);
        Assert.Equal(2, withdrawal.Receipt.Revoked);
        Assert.Equal(SigningKeyState.Active, withdrawal.Active.State);
        Assert.Equal(401, await _service.VerifyStatusAsync(before.Access));
        await Eventually.TrueAsync(
            async _ => await VerifyStatusAtSecondAsync(before.Access) == 401, Propagation, () => "the second replica still accepts the token", Cancellation);
        await Eventually.TrueAsync(
            async _ => (await KeySetAsync()).SetEquals([withdrawal.Active.Kid]), Propagation, () => "the second replica still publishes the key", Cancellation);

        // The session outlives the key, at either replica.
        var refreshed = await _service.RefreshAsync(before.Refresh);
        Assert.Equal(withdrawal.Active.Kid, Kid(refreshed.Access));
        Assert.Equal(200, await VerifyStatusAtSecondAsync(refreshed.Access));

        await _service.InDatabaseAsync(async database =>
        {
            var rows = await database.SigningKeys.AsNoTracking().Where(row => row.Withdrawn).ToListAsync(Cancellation);
            Assert.Equal([kid, announced.Kid], rows.OrderBy(row => row.CreatedAtMs).Select(row => row.Kid));
            Assert.All(rows, row => Assert.Equal((SigningKeyState.Gone, ""), (row.State, row.SealedPrivateKey)));
            var revocations = await database.Revocations.AsNoTracking().Where(row => row.Kind == "kid").ToListAsync(Cancellation);
            Assert.Equal([kid, announced.Kid], revocations.Select(row => row.Id));
            Assert.All(revocations, row => Assert.Equal(RevocationEntry.Never, row.ExpiresMs));
            Assert.Equal(2, await database.AuditEvents.CountAsync(row => row.Type == AuditTypes.SigningKeyWithdrawn && row.Actor == "admin", Cancellation));
        });
    }

    [Fact]
    public async Task Withdrawal_repeated_or_of_an_unknown_key_changes_nothing()
    {
        var kid = _service.Services.GetRequiredService<SigningKeySet>().Active.Kid;
        var first = (await First.WithdrawAsync(kid, null, Cancellation))!;
        var again = (await Second.WithdrawAsync(kid, null, Cancellation))!;
        Assert.Empty(again.Withdrawn);
        Assert.Equal(first.Active.Kid, again.Active.Kid);
        Assert.Null(await First.WithdrawAsync("no-such-key", null, Cancellation));
        Assert.Equal(2, (await First.ListAsync(Cancellation)).Count);
    }

    [Fact]
    public async Task Replicas_that_withdraw_and_rotate_at_the_same_time_agree_on_one_key()
    {
        var kid = _service.Services.GetRequiredService<SigningKeySet>().Active.Kid;
        await Task.WhenAll(
            Task.Run(() => First.WithdrawAsync(kid, "one", Cancellation)), Task.Run(() => Second.WithdrawAsync(kid, "two", Cancellation)),
            Task.Run(() => First.RotateAsync("three", Cancellation)), Task.Run(() => Second.RotateAsync("four", Cancellation)));

        var keys = await First.ListAsync(Cancellation);
        Assert.Single(keys, key => key.State == SigningKeyState.Active);
        Assert.InRange(keys.Count(key => key.State == SigningKeyState.Announced), 0, 1);
        Assert.Contains(keys, key => key.Kid == kid && key.Withdrawn);
        await _service.InDatabaseAsync(async database =>
            Assert.Single(await database.Revocations.Where(row => row.Kind == "kid" && row.Id == kid).ToListAsync(Cancellation)));
    }

    [Fact]
    public async Task Key_rotated_by_hand_is_published_at_once_and_signs_after_the_announce_period_everywhere()
    {
        var old = _service.Services.GetRequiredService<SigningKeySet>().Active.Kid;
        var announced = await Second.RotateAsync("admin", Cancellation);
        Assert.Equal(announced.Kid, (await First.RotateAsync("admin", Cancellation)).Kid);
        Assert.Equal(announced.NextChangeAt, announced.CreatedAt + TimeSpan.FromSeconds(2));
        await Eventually.TrueAsync(async _ => (await KeySetAsync()).SetEquals([old, announced.Kid]), Propagation, () => "the key is not published", Cancellation);
        Assert.Equal(old, Kid((await _service.SignInAsync()).Access));

        await Eventually.TrueAsync(
            () => Active(_service.Services) == announced.Kid && Active(_second.Services) == announced.Kid, "both replicas sign with it", Cancellation);
        Assert.True((await KeySetAsync()).SetEquals([old, announced.Kid]));
    }

    [Fact]
    public async Task Withdrawal_while_redis_is_known_to_be_away_changes_nothing()
    {
        var kid = _service.Services.GetRequiredService<SigningKeySet>().Active.Kid;
        await _service.Redis.KillAsync();
        await Eventually.TrueAsync(() => _service.Services.GetRequiredService<RevocationState>().UnavailableReason is not null, "it is known", Cancellation);
        await Assert.ThrowsAsync<RedisUnavailableException>(() => First.WithdrawAsync(kid, null, Cancellation));
        Assert.Equal([kid], (await First.ListAsync(Cancellation)).Select(key => key.Kid));
    }

    [Fact]
    public void Instruments_are_documented_and_exported()
    {
        using var instruments = new Instruments(SigningKeyMetrics.Meter);
        Assert.Equal(4, instruments.Published.Count);
        Assert.Equal(Instruments.Documented("deploy/docs/keys.md", SigningKeyMetrics.Meter), instruments.Published);
        Assert.Contains(SigningKeyMetrics.Meter, Program.Service.TelemetrySources);
    }

    private SigningKeyRotation First => _service.Services.GetRequiredService<SigningKeyRotation>();

    private SigningKeyRotation Second => _second.Services.GetRequiredService<SigningKeyRotation>();

    private static string Active(IServiceProvider services) => services.GetRequiredService<SigningKeySet>().Active.Kid;

    private static string Kid(string token) =>
        JsonDocument.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(token.Split('.')[0])).RootElement.GetProperty("kid").GetString()!;

    /// <summary>What the replica publishes that was told nothing.</summary>
    private async Task<HashSet<string>> KeySetAsync()
    {
        var keys = await _secondClient.GetFromJsonAsync<JsonElement>("/.well-known/jwks.json", Cancellation);
        return [.. keys.GetProperty("keys").EnumerateArray().Select(key => key.GetProperty("kid").GetString()!)];
    }

    private async Task<int> VerifyStatusAtSecondAsync(string token)
    {
        using var response = await _secondClient.PostAsJsonAsync("/api/token/verify/", new { token }, Cancellation);
        return (int)response.StatusCode;
    }
}
