using System.Net;
using System.Text;
using System.Text.Json;
using AuthService.Sessions;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Testing;

namespace AuthService.Tests.Tokens;

public abstract class TokenEndpointTests(RunningService service)
{
    private const string NoActiveAccount = """{"detail":"No active account found with the given credentials","code":"no_active_account"}""";
    private const string TokenNotValid = """{"detail":"Token is invalid or expired","code":"token_not_valid"}""";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/token/")]
    [InlineData("/api/token")]
    public async Task Sign_in_answers_both_tokens_and_forbids_caching(string path)
    {
        var response = await service.PostAsync(path, new { username = "alice", password = "alice-password-1" });

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("no-store", response.Headers.CacheControl?.ToString());
        Assert.Equal(["access", "refresh"], (await RunningService.JsonAsync(response)).EnumerateObject().Select(member => member.Name));
    }

    [Fact]
    public async Task Sign_in_takes_forms_too()
    {
        var form = new Dictionary<string, string>(StringComparer.Ordinal) { ["username"] = "alice", ["password"] = "alice-password-1" };
        using var urlEncoded = new FormUrlEncodedContent(form);
        using var multipart = new MultipartFormDataContent { { new StringContent("alice"), "username" }, { new StringContent("alice-password-1"), "password" } };

        Assert.Equal(HttpStatusCode.OK, (await service.Client.PostAsync("/api/token/", urlEncoded, Cancellation)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await service.Client.PostAsync("/api/token/", multipart, Cancellation)).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await service.PostTextAsync("/api/token/", "username=alice", "application/x-www-form-urlencoded")).StatusCode);
    }

    [Theory]
    [InlineData("--b\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nalice\r\n")]
    [InlineData("--b\r\nContent-Disposition: form-data; name=\"username\"\r\nContent-Type: text/plain; charset=utf-7\r\n\r\nalice\r\n--b--\r\n")]
    [InlineData("--b\r\nnonsense\r\n\r\n--b--\r\n")]
    [InlineData("nonsense")]
    public async Task Malformed_form_is_400(string body) =>
        Assert.Equal(HttpStatusCode.BadRequest, (await service.PostTextAsync("/api/token/", body, "multipart/form-data; boundary=b")).StatusCode);

    /// <summary>The server's own refusal breaks the connection off, which a gateway in front can only take for a fault.</summary>
    [Fact]
    public async Task Header_bytes_that_are_no_UTF_8_are_taken_as_they_are()
    {
        foreach (var header in (string[])["Origin", "User-Agent", "Cookie", "X-Any", "Accept-Language"])
        {
            var answer = await RawConnection.AskAsync(
                service.Client.BaseAddress!, $"GET /.well-known/jwks.json HTTP/1.1\r\nHost: x\r\n{header}: a\u00e3b\r\n\r\n", TimeSpan.FromSeconds(15), Cancellation);

            Assert.Equal((header, 200), (header, answer?.Status));
        }
    }

    [Fact]
    public async Task Sign_in_token_says_who_signed_in_and_when()
    {
        var claims = (await service.SignInAsync("admin")).Claims;

        Assert.Equal("api", claims.GetProperty("client_id").GetString());
        Assert.Equal("gateway", claims.GetProperty("aud").GetString());
        Assert.Equal("profile", claims.GetProperty("scope").GetString());
        Assert.Equal("access", claims.GetProperty("token_type").GetString());
        Assert.Equal(["admin", "user"], claims.GetProperty("roles").EnumerateArray().Select(role => role.GetString()!));
        Assert.Equal(32, claims.GetProperty("sid").GetString()!.Length);
        Assert.InRange(claims.GetProperty("auth_time").GetInt64() - claims.GetProperty("iat").GetInt64(), -5, 0);
    }

    [Theory]
    [InlineData("""{}""", """{"username":["This field is required."],"password":["This field is required."]}""")]
    [InlineData("""{"username":"alice"}""", """{"password":["This field is required."]}""")]
    [InlineData("""{"username":"","password":""}""", """{"username":["This field may not be blank."],"password":["This field may not be blank."]}""")]
    [InlineData("""{"username":"  ","password":"x"}""", """{"username":["This field may not be blank."]}""")]
    [InlineData("""{"username":null,"password":null}""", """{"username":["This field may not be null."],"password":["This field may not be null."]}""")]
    [InlineData("""{"username":{},"password":[1]}""", """{"username":["Not a valid string."],"password":["Not a valid string."]}""")]
    [InlineData("""{"username":true,"password":"x"}""", """{"username":["Not a valid string."]}""")]
    [InlineData("""{"username":"\ud800","password":"x"}""", """{"username":["Not a valid string."]}""")]
    public async Task Sign_in_names_every_field_that_is_wrong(string body, string expected)
    {
        var response = await service.PostTextAsync("/api/token/", body);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal(expected, await response.Content.ReadAsStringAsync(Cancellation));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("nonsense")]
    [InlineData("[]")]
    [InlineData("\"text\"")]
    [InlineData("""{"username":"a","username":"b","password":"c"}""")]
    [InlineData("""{"username":"a","password":"b"} trailing""")]
    [InlineData("""{"user\ud800name":"a","username":"a","password":"b","refresh":"r","token":"t"}""")]
    [InlineData("{\"username\":\"\u00ff\u00fe\",\"password\":\"b\"}")]
    public async Task Malformed_body_is_400_for_every_endpoint(string body)
    {
        foreach (var path in (string[])["/api/token/", "/api/token/refresh/", "/api/token/verify/", "/api/token/blacklist/"])
        {
            var response = await service.PostTextAsync(path, body);

            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
            Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
            Assert.Equal(JsonValueKind.Object, (await RunningService.JsonAsync(response)).ValueKind);
        }
    }

    [Fact]
    public async Task Wrong_unknown_and_disabled_are_answered_byte_for_byte_alike()
    {
        await service.InDatabaseAsync(database => database.Users.Where(user => user.UserName == "bob")
            .ExecuteUpdateAsync(set => set.SetProperty(user => user.Disabled, true), Cancellation));
        object[] bodies =
        [
            new { username = "alice", password = "wrong" },
            new { username = "nobody", password = "wrong" },
            new { username = "bob", password = "bob-password-1" },
            new { username = "alice ", password = "alice-password-1" },
            new { username = "alice", password = " alice-password-1" },
            new { username = "alice\0", password = "alice-password-1\0" },
            new { username = 5, password = 7 },
            new { username = new string('a', 10_000), password = new string('b', 10_000) },
        ];
        foreach (var body in bodies)
        {
            var response = await service.PostAsync("/api/token/", body);

            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
            Assert.Equal(NoActiveAccount, await response.Content.ReadAsStringAsync(Cancellation));
            Assert.Equal("Bearer realm=\"gateway\"", response.Headers.WwwAuthenticate.ToString());
            Assert.Equal("no-store", response.Headers.CacheControl?.ToString());
        }
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("application/x-www-form-urlencoded")]
    public async Task Megabytes_are_413_announced_or_not(string mediaType)
    {
        var body = Encoding.ASCII.GetBytes((mediaType.Contains("json", StringComparison.Ordinal) ? "{\"username\":\"" : "username=") + new string('a', 2_000_000));
        foreach (var chunked in (bool[])[false, true])
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/token/") { Content = new ByteArrayContent(body) };
            request.Content.Headers.ContentType = new(mediaType);
            request.Headers.TransferEncodingChunked = chunked;
            request.Headers.ExpectContinue = true;
            var response = await service.Client.SendAsync(request, Cancellation);

            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        }
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/jsonx")]
    [InlineData("application/json; charset=utf-16")]
    [InlineData("application/json; charset=utf-7")]
    [InlineData("application/x-www-form-urlencoded; charset=utf-7")]
    [InlineData("nonsense")]
    public async Task Other_media_types_are_415(string mediaType) =>
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, (await service.PostTextAsync("/api/token/", "{}", mediaType)).StatusCode);

    [Theory]
    [InlineData("GET")]
    [InlineData("PUT")]
    [InlineData("DELETE")]
    [InlineData("HEAD")]
    public async Task Other_methods_are_405_with_Allow(string method)
    {
        foreach (var path in (string[])["/api/token", "/api/token/refresh/", "/api/token/verify", "/api/token/blacklist/"])
        {
            var response = await service.SendAsync(new HttpMethod(method), path, access: null);

            Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
            Assert.Equal(["POST"], response.Content.Headers.Allow);
        }
    }

    [Fact]
    public async Task Refresh_by_two_hundred_at_once_gives_one_successor_and_good_access_tokens()
    {
        var session = await service.SignInAsync();

        var pairs = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => service.RefreshAsync(session.Refresh)));

        var successor = Assert.Single(pairs.Select(pair => pair.Refresh).Distinct());
        Assert.Equal(200, pairs.Select(pair => pair.Claims.GetProperty("jti").GetString()).Distinct().Count());
        Assert.Equal(200, await service.VerifyStatusAsync(pairs[^1].Access));
        Assert.NotEqual(successor, (await service.RefreshAsync(successor)).Refresh);
    }

    [Fact]
    public async Task Refresh_with_a_used_up_token_kills_the_session_and_its_access_tokens()
    {
        var first = await service.SignInAsync();
        var second = await service.RefreshAsync(first.Refresh);
        var third = await service.RefreshAsync(second.Refresh);

        var response = await service.PostAsync("/api/token/refresh/", new { refresh = first.Refresh });

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal(TokenNotValid, await response.Content.ReadAsStringAsync(Cancellation));
        Assert.StartsWith("Bearer", response.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
        Assert.Equal(401, await service.RefreshStatusAsync(third.Refresh));
        Assert.Equal(401, await service.VerifyStatusAsync(third.Access));
        Assert.Equal(401, await service.VerifyStatusAsync(first.Access));
        await service.InDatabaseAsync(async database =>
        {
            var audit = await database.AuditEvents.SingleAsync(row => row.Sid == first.Sid, Cancellation);
            Assert.Equal("session.token_reused", audit.Type);
            Assert.Equal("127.0.0.1", audit.Address);
            Assert.Equal("token_reused", (await database.EndedSessions.SingleAsync(row => row.Sid == first.Sid, Cancellation)).Reason);
        });
    }

    [Fact]
    public async Task Refresh_reads_roles_and_state_of_the_user_afresh()
    {
        var admin = await service.SignInAsync("admin");
        await service.InDatabaseAsync(async database =>
        {
            var role = await database.Roles.SingleAsync(row => row.Name == "admin", Cancellation);
            await database.UserRoles.Where(row => row.RoleId == role.Id).ExecuteDeleteAsync(Cancellation);
        });
        var refreshed = await service.RefreshAsync(admin.Refresh);
        Assert.Equal(["user"], refreshed.Claims.GetProperty("roles").EnumerateArray().Select(role => role.GetString()!));

        await service.InDatabaseAsync(async database =>
        {
            var role = await database.Roles.SingleAsync(row => row.Name == "admin", Cancellation);
            var user = await database.Users.SingleAsync(row => row.UserName == "admin", Cancellation);
            database.UserRoles.Add(new() { RoleId = role.Id, UserId = user.Id });
            user.Disabled = true;
        });
        Assert.Equal(401, await service.RefreshStatusAsync(refreshed.Refresh));
        Assert.Equal(401, await service.VerifyStatusAsync(refreshed.Refresh));

        await service.InDatabaseAsync(database => database.Users.Where(user => user.UserName == "admin")
            .ExecuteUpdateAsync(set => set.SetProperty(user => user.Disabled, false), Cancellation));
        Assert.Equal(200, await service.RefreshStatusAsync(refreshed.Refresh));
    }

    [Fact]
    public async Task Refresh_of_another_clients_token_is_refused_and_harms_nobody()
    {
        var sessions = service.Services.GetRequiredService<SessionStore>();
        var tokens = service.Services.GetRequiredService<RefreshTokens>();
        var user = Guid.Empty;
        await service.InDatabaseAsync(async database => user = (await database.Users.SingleAsync(row => row.UserName == "alice", Cancellation)).Id);
        var foreign = await sessions.StartAsync(
            new NewSession(user, "demo-spa", "openid", 0, 0, null, null, TimeSpan.FromHours(1), TimeSpan.FromHours(1)), Cancellation);

        Assert.Equal(401, await service.RefreshStatusAsync(tokens.Write(foreign.Token)));
        Assert.Equal(200, await service.VerifyStatusAsync(tokens.Write(foreign.Token)));
    }

    [Fact]
    public async Task Verify_takes_only_what_would_be_accepted_now()
    {
        var session = await service.SignInAsync();
        var parts = session.Access.Split('.');

        Assert.Equal(200, await service.VerifyStatusAsync(session.Access));
        Assert.Equal(200, await service.VerifyStatusAsync(session.Refresh));
        string[] bad =
        [
            "x", "a.b.c", "..", $"{parts[0]}.{parts[1]}.", $"{parts[0]}.{parts[1]}.{parts[2]}.", $"{parts[0]}.{parts[1]}.{parts[2]}=", $" {session.Access}",
            $"eyJhbGciOiJub25lIn0.{parts[1]}.", $"{parts[0]}.{parts[1]}x.{parts[2]}", $"{parts[0]}.{parts[1]}.{parts[2][..^2]}", "gwr_", session.Refresh[..^1],
            session.Refresh + "A", new string('a', 20_000),
        ];
        foreach (var token in bad) Assert.Equal(401, await service.VerifyStatusAsync(token));
    }

    [Fact]
    public async Task Verify_of_a_used_up_refresh_token_says_no_and_harms_nobody()
    {
        var first = await service.SignInAsync();
        var second = await service.RefreshAsync(first.Refresh);
        Assert.Equal(200, await service.VerifyStatusAsync(first.Refresh));
        var third = await service.RefreshAsync(second.Refresh);

        Assert.Equal(401, await service.VerifyStatusAsync(first.Refresh));
        Assert.Equal(200, await service.VerifyStatusAsync(third.Refresh));
        Assert.Equal(200, await service.RefreshStatusAsync(third.Refresh));
    }

    [Fact]
    public async Task Blacklist_with_any_generation_logs_out_and_may_be_repeated()
    {
        var first = await service.SignInAsync();
        var second = await service.RefreshAsync(first.Refresh);
        var third = await service.RefreshAsync(second.Refresh);

        for (var i = 0; i < 2; i++)
        {
            var response = await service.PostAsync("/api/token/blacklist/", new { refresh = first.Refresh });
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal("{}", await response.Content.ReadAsStringAsync(Cancellation));
        }

        Assert.Equal(401, await service.RefreshStatusAsync(third.Refresh));
        Assert.Equal(401, await service.VerifyStatusAsync(third.Refresh));
        Assert.Equal(401, await service.VerifyStatusAsync(third.Access));
        var forged = await service.PostAsync("/api/token/blacklist/", new { refresh = third.Refresh[..^4] + "AAAA" });
        Assert.Equal(TokenNotValid, await forged.Content.ReadAsStringAsync(Cancellation));
    }

    [Fact]
    public async Task Access_token_is_no_refresh_token_and_the_other_way_round()
    {
        var session = await service.SignInAsync();

        Assert.Equal(401, await service.RefreshStatusAsync(session.Access));
        Assert.Equal(HttpStatusCode.Unauthorized, (await service.PostAsync("/api/token/blacklist/", new { refresh = session.Access })).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await service.SendAsync(HttpMethod.Get, "/api/sessions", session.Refresh)).StatusCode);
    }
}

public sealed class TokenEndpointOnSqliteTests(RunningService service) : TokenEndpointTests(service), IClassFixture<RunningService>;

public sealed class TokenEndpointOnPostgreSqlTests(RunningServiceOnPostgreSql service) : TokenEndpointTests(service), IClassFixture<RunningServiceOnPostgreSql>;
