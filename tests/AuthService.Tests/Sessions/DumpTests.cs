using System.Text;
using System.Text.RegularExpressions;
using AuthService.Tests.Tokens;
using Testing;

namespace AuthService.Tests.Sessions;

public sealed partial class DumpTests
{
    [Fact]
    public async Task Nothing_in_a_dump_of_Redis_is_accepted_by_any_endpoint()
    {
        var service = new RunningService { Redis = new RedisFixture(), Settings = ["AuthService:SignInLimit:RefreshesPerAddress=20"] };
        await using (service)
        {
            await service.InitializeAsync();
            var (session, ended) = (await service.SignInAsync(), await service.SignInAsync());
            for (var i = 0; i < 5; i++) session = await service.RefreshAsync(session.Refresh);
            await service.SendAsync(HttpMethod.Post, "/api/logout", ended.Access);
            await service.PostAsync("/api/token/", new { username = "bob-password-1", password = "alice" });

            var dump = Encoding.Latin1.GetString(await service.Redis.SnapshotAsync());
            var candidates = Candidate().Matches(dump).Select(match => match.Value).Distinct().ToList();

            // The dump was looked at: keys, session ids, the identity of Redis.
            Assert.Contains(candidates, text => text.Contains(session.Sid, StringComparison.Ordinal));
            Assert.Contains("gw:limit:", dump, StringComparison.Ordinal);
            Assert.True(candidates.Count > 20, $"{candidates.Count}");
            Assert.DoesNotContain("password", dump, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("gwr_", dump, StringComparison.Ordinal);
            foreach (var text in candidates.SelectMany(text => (string[])[text, "gwr_" + text]))
            {
                Assert.Equal(401, await service.VerifyStatusAsync(text));
                Assert.Equal(401, await service.RefreshStatusAsync(text));
                Assert.Equal(401, (int)(await service.PostAsync("/api/token/blacklist/", new { refresh = text })).StatusCode);
                Assert.Equal(401, (int)(await service.SendAsync(HttpMethod.Get, "/api/sessions", text)).StatusCode);
            }

            Assert.Equal(200, await service.RefreshStatusAsync(session.Refresh));
        }
    }

    /// <summary>Whatever could be a token, code or id.</summary>
    [GeneratedRegex("[A-Za-z0-9_.=+/:{}-]{8,}", RegexOptions.None, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Candidate();
}
