using System.Text.Json;

namespace AuthService.Tests.Administration;

/// <summary>Sessions, keys and the audit log, as administrators see them.</summary>
public abstract class SessionAdministrationTests(AdminWorld world)
{
    [Fact]
    public async Task Sessions_are_found_by_user_and_by_client_and_ended_one_by_one()
    {
        var (id, name) = await world.UserAsync();
        var (first, second) = (await world.SignInAsync(name), await world.SignInAsync(name));

        var listed = await world.GetAsync($"/sessions?user_id={id}");

        var sessions = listed.Body.GetProperty("items").EnumerateArray().ToList();
        Assert.Equal(2, sessions.Count);
        Assert.All(sessions, session => Assert.Equal((id, name, "api"), (session.GetProperty("user_id").GetString(), session.GetProperty("username").GetString(), session.GetProperty("client_id").GetString())));
        Assert.True((await AllAsync("client_id=api")).Count(session => session.GetProperty("user_id").GetString() == id) == 2);
        Assert.Empty(await AllAsync("client_id=demo-spa"));

        var sid = JsonDocument.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(first.Access.Split('.')[1])).RootElement.GetProperty("sid").GetString()!;
        var ended = await world.DeleteAsync($"/sessions/{sid}");
        Assert.Equal((200, (1, 0, 0, true)), (ended.Status, UserAdministrationTests.Receipt(ended)));
        Assert.Equal((401, 401, 200), (await world.UseAsync(first.Access), await world.Service.RefreshAsync(first.Refresh), await world.UseAsync(second.Access)));
        Assert.Equal(200, (await world.DeleteAsync($"/sessions/{sid}")).Status);
        Assert.Equal(1, (await world.GetAsync($"/sessions?user_id={id}")).Body.GetProperty("items").GetArrayLength());

        var rest = await world.DeleteAsync($"/sessions?user_id={id}");
        Assert.Equal((200, 1), (rest.Status, rest.Body.GetProperty("revoked").GetInt32()));
        Assert.Equal((401, 401), (await world.UseAsync(second.Access), await world.Service.RefreshAsync(second.Refresh)));
        Assert.Contains("session.ended", await world.AuditAsync(id));
        Assert.Contains("user.sessions_ended", await world.AuditAsync(id));
    }

    [Fact]
    public async Task Session_that_is_not_there_is_404_and_a_question_that_cannot_be_is_400()
    {
        foreach (var path in (string[])["/sessions/x", $"/sessions/{new string('a', 32)}", $"/sessions?user_id={Guid.NewGuid()}"])
            Assert.Equal((404, "not_found"), (await world.DeleteAsync(path)) is var answer ? (answer.Status, answer.Code) : default);
        Assert.Equal(400, (await world.DeleteAsync("/sessions")).Status);
        Assert.Equal(400, (await world.GetAsync("/sessions?user_id=alice")).Status);
        Assert.Equal(400, (await world.GetAsync("/sessions?client=api")).Status);
    }

    [Fact]
    public async Task Pages_of_sessions_hold_each_once()
    {
        var users = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            var (id, name) = await world.UserAsync();
            await world.SignInAsync(name);
            users.Add(id);
        }

        var found = (await AllAsync("limit=1")).Select(session => session.GetProperty("sid").GetString()).ToList();

        Assert.Equal(found.Distinct(), found);
        Assert.True(found.Count >= 3);
    }

    [Fact]
    public async Task Audit_is_found_by_subject_type_actor_and_time_the_latest_first()
    {
        var before = TimeProvider.System.GetUtcNow().AddSeconds(-1);
        var (id, _) = await world.UserAsync();
        await world.PatchAsync($"/users/{id}", new { email = "x@example.com" });
        await world.PatchAsync($"/users/{id}", new { roles = new[] { "user", "admin" } });

        var events = new List<JsonElement>();
        for (var next = ""; next is not null;)
        {
            var page = await world.GetAsync($"/audit?limit=1&subject={id}&from={before:yyyy-MM-dd'T'HH:mm:ss}Z{next}");
            Assert.Equal(200, page.Status);
            events.AddRange(page.Body.GetProperty("items").EnumerateArray());
            next = page.Body.GetProperty("next_cursor").GetString() is { } cursor ? "&cursor=" + cursor : null;
        }

        Assert.Equal(["user.roles_changed", "user.updated", "user.created"], events.Select(audit => audit.GetProperty("type").GetString()));
        var actor = events[0].GetProperty("actor").GetString();
        Assert.All(events, audit => Assert.Equal((actor, "127.0.0.1"), (audit.GetProperty("actor").GetString(), audit.GetProperty("ip").GetString())));
        Assert.Equal("""{"before":["user"],"after":["admin","user"]}""", events[0].GetProperty("detail").GetRawText());
        Assert.Equal(1, (await world.GetAsync($"/audit?subject={id}&type=user.updated&actor={actor}")).Body.GetProperty("items").GetArrayLength());
        Assert.Equal(0, (await world.GetAsync($"/audit?subject={id}&to={before:yyyy-MM-dd'T'HH:mm:ss}Z")).Body.GetProperty("items").GetArrayLength());
        Assert.Equal(400, (await world.GetAsync("/audit?from=yesterday")).Status);
        Assert.Equal(400, (await world.GetAsync("/audit?cursor=AAAA")).Status);
    }

    [Fact]
    public async Task Keys_are_rotated_and_withdrawn()
    {
        var active = (await world.GetAsync("/keys")).Body.GetProperty("items").EnumerateArray().Single(key => key.GetProperty("state").GetString() == "active").GetProperty("kid").GetString();

        var announced = await world.PostAsync("/keys/rotate");
        Assert.Equal((200, "announced"), (announced.Status, announced.Text("state")));
        var (_, name) = await world.UserAsync();
        var session = await world.SignInAsync(name);
        var withdrawn = await world.PostAsync($"/keys/{active}/withdraw");

        Assert.Equal(200, withdrawn.Status);
        Assert.Contains(active, withdrawn.Body.GetProperty("withdrawn").EnumerateArray().Select(kid => kid.GetString()));
        Assert.Equal(401, await world.UseAsync(session.Access));
        Assert.Equal(200, await world.Service.RefreshAsync(session.Refresh));
        await world.SignInAdministratorAsync();
        Assert.Equal(404, (await world.PostAsync("/keys/no-such-key/withdraw")).Status);
        Assert.Contains("signing_key.withdrawn", await world.AuditAsync(active!));
    }

    private async Task<List<JsonElement>> AllAsync(string query)
    {
        var found = new List<JsonElement>();
        for (var next = ""; next is not null;)
        {
            var page = await world.GetAsync($"/sessions?{query}{next}");
            Assert.Equal(200, page.Status);
            found.AddRange(page.Body.GetProperty("items").EnumerateArray());
            next = page.Body.GetProperty("next_cursor").GetString() is { } cursor ? "&cursor=" + cursor : null;
        }
        return found;
    }
}

public sealed class SessionAdministrationOnSqliteTests(AdminWorldOnSqlite world) : SessionAdministrationTests(world), IClassFixture<AdminWorldOnSqlite>;

public sealed class SessionAdministrationOnPostgreSqlTests(AdminWorldOnPostgreSql world) : SessionAdministrationTests(world), IClassFixture<AdminWorldOnPostgreSql>;
