using AuthService.Tests.Tokens;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Tests.Sessions;

public sealed class MaxSessionsTests
{
    [Fact]
    public async Task Sign_in_beyond_the_maximum_ends_the_oldest_session_and_its_access_tokens()
    {
        var service = new RunningService { Settings = ["AuthService:MaxSessionsPerUser=2"] };
        await using (service)
        {
            await service.InitializeAsync();
            var bob = await service.SignInAsync("bob");
            var first = await service.SignInAsync();
            var second = await service.SignInAsync();
            // Used lately or not: age is what counts.
            first = await service.RefreshAsync(first.Refresh);
            var third = await service.SignInAsync();

            Assert.Equal(401, await service.RefreshStatusAsync(first.Refresh));
            Assert.Equal(401, await service.VerifyStatusAsync(first.Access));
            foreach (var live in (RunningService.Pair[])[second, third, bob])
            {
                Assert.Equal(200, await service.VerifyStatusAsync(live.Access));
                Assert.Equal(200, await service.RefreshStatusAsync(live.Refresh));
            }

            await service.InDatabaseAsync(async database => Assert.Equal(
                "too_many", (await database.EndedSessions.SingleAsync(row => row.Sid == first.Sid, TestContext.Current.CancellationToken)).Reason));

            // However many sign in at one moment, the maximum is left, and its members are good.
            var many = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => service.SignInAsync()));
            var statuses = await Task.WhenAll(many.Select(pair => service.RefreshStatusAsync(pair.Refresh)));
            Assert.Equal(2, statuses.Count(status => status == 200));
        }
    }
}
