using System.Diagnostics;

namespace AuthService.Tests.Users;

public sealed class SignInTimeTests(Databases databases)
{
    private const int Tries = 30;

    /// <summary>Measured in turns, so that whatever else the machine does happens to both; a machine that is very busy gets more
    /// than one chance.</summary>
    [Fact]
    public async Task Unknown_user_takes_as_long_as_a_wrong_password()
    {
        await using var service = await RunningService.StartAsync(
            await databases.CreateAsync(Databases.Sqlite), "--AuthService:SignInLimit:FailuresPerAddress=0",
            "--AuthService:SignInLimit:FailuresPerAddressAndAccount=0", "--AuthService:SignInLimit:FailuresPerAccount=0");
        for (var i = 0; i < 5; i++) await Task.WhenAll(TimeAsync(service, "alice"), TimeAsync(service, $"nobody-{i}"));

        var ratio = 0.0;
        for (var attempt = 0; attempt < 4 && ratio is not (> 0.9 and < 1.1); attempt++)
        {
            var (known, unknown) = (new List<TimeSpan>(), new List<TimeSpan>());
            for (var i = 0; i < Tries; i++)
            {
                known.Add(await TimeAsync(service, "alice"));
                unknown.Add(await TimeAsync(service, $"nobody-{attempt}-{i}"));
            }
            ratio = Median(unknown) / Median(known);
        }
        Assert.InRange(ratio, 0.9, 1.1);
    }

    private static async Task<TimeSpan> TimeAsync(RunningService service, string userName)
    {
        var clock = Stopwatch.StartNew();
        var (status, body) = await service.SendAsync(HttpMethod.Post, "/api/token/", new { username = userName, password = "not-the-password" });
        Assert.Equal((401, "no_active_account"), (status, body.GetProperty("code").GetString()));
        return clock.Elapsed;
    }

    private static TimeSpan Median(List<TimeSpan> times) => times.Order().ElementAt(times.Count / 2);
}
