namespace AuthService.Tests.Administration;

public abstract class LastAdministratorTests(AdminWorld world)
{
    [Fact]
    public async Task Last_administrator_cannot_be_taken_away()
    {
        var admin = (await world.GetAsync("/users?role=admin")).Body.GetProperty("items")[0].GetProperty("id").GetString()!;
        var (second, name) = await world.UserAsync("admin");
        await world.PatchAsync($"/users/{second}", new { disabled = true });

        foreach (var answer in new[]
        {
            await world.PatchAsync($"/users/{admin}", new { disabled = true }), await world.PatchAsync($"/users/{admin}", new { roles = new[] { "user" } }), await world.DeleteAsync($"/users/{admin}"),
        })
            Assert.Equal((409, "last_administrator"), (answer.Status, answer.Code));
        // Nothing of a refused change stays: the administrator is still signed in.
        Assert.Equal(200, (await world.GetAsync($"/users/{admin}")).Status);

        await world.PatchAsync($"/users/{second}", new { disabled = false });
        // Two who each shut the other out at once: one of them remains, however often it is tried.
        for (var round = 0; round < 5; round++)
        {
            var other = (await world.SignInAsync(name)).Access;
            var answers = await Task.WhenAll(
                world.SendAsync(HttpMethod.Patch, $"/users/{second}", new { roles = new[] { "user" } }), world.SendAsync(HttpMethod.Patch, $"/users/{admin}", new { roles = new[] { "user" } }, bearer: other));
            var left = await world.InDatabaseAsync(database => Task.FromResult(
                (from userRole in database.UserRoles join role in database.Roles on userRole.RoleId equals role.Id where role.Name == "admin" select userRole.UserId).ToList()));
            Assert.Single(left);
            Assert.Contains(answers, answer => answer.Status == 200);
            var remaining = left[0].ToString() == admin ? await world.Service.SignInAsync("admin", "admin-password-1") : await world.SignInAsync(name);
            var lost = left[0].ToString() == admin ? second : admin;
            Assert.Equal(200, (await world.SendAsync(HttpMethod.Patch, $"/users/{lost}", new { roles = new[] { "admin", "user" } }, bearer: remaining.Access)).Status);
            await world.SignInAdministratorAsync();
        }
    }
}

public sealed class LastAdministratorOnSqliteTests(AdminWorldOnSqlite world) : LastAdministratorTests(world), IClassFixture<AdminWorldOnSqlite>;

public sealed class LastAdministratorOnPostgreSqlTests(AdminWorldOnPostgreSql world) : LastAdministratorTests(world), IClassFixture<AdminWorldOnPostgreSql>;
