using System.Text.Json;
using AuthService.Audit;
using AuthService.SecondFactor;
using AuthService.Tests.Users;
using AuthService.Users;
using KeyEncryption;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Testing;

namespace AuthService.Tests.SecondFactor;

public sealed class SecondFactorTests(Databases databases)
{
    private const string Own = "/api/users/me/second-factor";
    private const string Password = "a-long-password-1";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static long Step => TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() / 30;

    [Theory]
    [MemberData(nameof(Databases.Kinds), MemberType = typeof(Databases))]
    public async Task Second_factor_from_enrolment_to_its_end(string kind)
    {
        await using var service = await RunningService.StartAsync(
            await databases.CreateAsync(kind), $"--AuthService:KeyEncryptionKeys:0={KeyEncryptionKeyRing.NewKey()}");
        var (name, access) = await RegisterAsync(service);
        Assert.Equal((false, 0), await ShowAsync(service, access));

        // Who has stolen a token must not lock its owner out with a factor of his own.
        Assert.Equal(400, (await PostAsync(service, Own, new { password = "wrong" }, access)).Status);
        var (status, begun) = await PostAsync(service, Own, new { password = Password }, access);
        Assert.Equal(200, status);
        Assert.StartsWith($"otpauth://totp/login.example.com:{name}?secret=", begun.GetProperty("otpauth_uri").GetString(), StringComparison.Ordinal);
        var secret = Decode(begun.GetProperty("secret").GetString()!);

        // Nothing is asked for until a code has shown that the authenticator works.
        await service.SignInAsync(name, Password);
        Assert.Equal(400, (await PostAsync(service, Own + "/confirm", new { code = WrongCode(secret) }, access)).Status);
        var step = Step;
        (status, var confirmed) = await PostAsync(service, Own + "/confirm", new { code = Totp.Code(secret, step) }, access);
        Assert.Equal(200, status);
        var recovery = Codes(confirmed);
        Assert.Equal((true, 10), await ShowAsync(service, access));
        Assert.Equal(409, (await PostAsync(service, Own, new { password = Password }, access)).Status);

        // One code and one ticket, at once: one sign-in.
        var ticket = await TicketAsync(service, name);
        Assert.Equal(401, (await CompleteAsync(service, ticket, Totp.Code(secret, step))).Status);
        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => CompleteAsync(service, ticket, Totp.Code(secret, step + 1))));
        Assert.Equal([200, 401, 401, 401], answers.Select(answer => answer.Status).Order());
        var pair = answers.Single(answer => answer.Status == 200).Body;
        Assert.Equal(200, await service.RefreshAsync(pair.GetProperty("refresh").GetString()!));
        Assert.Equal("ticket_not_valid", (await CompleteAsync(service, ticket, recovery[0])).Code);

        // One code with several tickets: one sign-in too.
        Assert.Equal("code_not_valid", (await CompleteAsync(service, await TicketAsync(service, name), Totp.Code(secret, step + 1))).Code);
        var tickets = new List<string>();
        for (var i = 0; i < 4; i++) tickets.Add(await TicketAsync(service, name));
        answers = await Task.WhenAll(tickets.Select(other => CompleteAsync(service, other, recovery[0].ToUpperInvariant())));
        Assert.Equal([200, 401, 401, 401], answers.Select(answer => answer.Status).Order());
        Assert.Equal((true, 9), await ShowAsync(service, access));

        (status, var replaced) = await PostAsync(service, Own + "/recovery-codes", new { password = Password, code = recovery[1] }, access);
        Assert.Equal(200, status);
        Assert.Equal("code_not_valid", (await CompleteAsync(service, await TicketAsync(service, name), recovery[2])).Code);
        Assert.Equal(400, (await PostAsync(service, Own + "/disable", new { password = "wrong", code = Codes(replaced)[0] }, access)).Status);
        Assert.Equal(400, (await PostAsync(service, Own + "/disable", new { password = Password, code = "aaaa-aaaa-aaaa-aaaa" }, access)).Status);
        Assert.Equal(204, (await PostAsync(service, Own + "/disable", new { password = Password, code = Codes(replaced)[0] }, access)).Status);
        Assert.Equal((false, 0), await ShowAsync(service, access));
        await service.SignInAsync(name, Password);

        string[] expected =
        [
            AuditTypes.SecondFactorEnabled, AuditTypes.SecondFactorFailed, AuditTypes.RecoveryCodeUsed, AuditTypes.RecoveryCodesReplaced, AuditTypes.SecondFactorDisabled,
        ];
        var subject = await SubjectAsync(service, name);
        await Eventually.TrueAsync(async () =>
        {
            await using var database = await service.Services.GetRequiredService<IDbContextFactory<UsersDbContext>>().CreateDbContextAsync(Cancellation);
            var types = await database.AuditEvents.Where(e => e.Subject == subject).Select(e => e.Type).Distinct().ToListAsync(Cancellation);
            return expected.All(types.Contains);
        }, "every change of the second factor is in the audit log", Cancellation);
    }

    [Fact]
    public async Task Database_holds_neither_secret_nor_recovery_codes()
    {
        var connectionString = await databases.CreateAsync(Databases.Sqlite);
        await using var service = await RunningService.StartAsync(connectionString);
        var (_, access) = await RegisterAsync(service);
        var (secret, recovery) = await EnrolAsync(service, access);
        var dump = await databases.DumpAsync(Databases.Sqlite, connectionString);
        Assert.Contains("second_factor.enabled", dump, StringComparison.Ordinal);
        Assert.DoesNotContain(System.Text.Encoding.Latin1.GetString(secret), dump, StringComparison.Ordinal);
        Assert.DoesNotContain(Totp.Text(secret), dump, StringComparison.OrdinalIgnoreCase);
        Assert.All(recovery, code =>
        {
            Assert.DoesNotContain(code, dump, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(code.Replace("-", "", StringComparison.Ordinal), dump, StringComparison.OrdinalIgnoreCase);
        });
    }

    [Fact]
    public async Task Ticket_has_five_tries_and_dies_with_a_change_of_the_password()
    {
        var service = await databases.SharedServiceAsync();
        var (name, access) = await RegisterAsync(service);
        var (_, recovery) = await EnrolAsync(service, access);
        var ticket = await TicketAsync(service, name);
        for (var i = 0; i < 5; i++) Assert.Equal("code_not_valid", (await CompleteAsync(service, ticket, "aaaa-aaaa-aaaa-aaaa")).Code);
        Assert.Equal("ticket_not_valid", (await CompleteAsync(service, ticket, recovery[0])).Code);
        Assert.Equal("ticket_not_valid", (await CompleteAsync(service, "no-such-ticket", recovery[0])).Code);

        ticket = await TicketAsync(service, name);
        Assert.Equal(200, (await PostAsync(service, "/api/users/me/password", new { current_password = Password, new_password = Password + "-2" }, access)).Status);
        Assert.Equal("ticket_not_valid", (await CompleteAsync(service, ticket, recovery[0])).Code);
    }

    [Fact]
    public async Task Guessing_of_codes_is_stopped_and_a_recovery_code_still_signs_in()
    {
        var service = await databases.SharedServiceAsync();
        var (name, access) = await RegisterAsync(service);
        var (secret, recovery) = await EnrolAsync(service, access);
        var statuses = new List<int>();
        for (var i = 0; i < 3; i++)
        {
            var ticket = await TicketAsync(service, name);
            for (var j = 0; j < 4; j++) statuses.Add((await CompleteAsync(service, ticket, WrongCode(secret))).Status);
        }
        Assert.Equal(Enumerable.Repeat(401, 10).Concat([429, 429]), statuses);
        Assert.Equal(429, (await CompleteAsync(service, await TicketAsync(service, name), Totp.Code(secret, Step + 1))).Status);
        Assert.Equal(200, (await CompleteAsync(service, await TicketAsync(service, name), recovery[0])).Status);
    }

    [Fact]
    public async Task Secrets_are_sealed_anew_under_a_new_first_key()
    {
        var (old, next) = (KeyEncryptionKeyRing.NewKey(), KeyEncryptionKeyRing.NewKey());
        var connectionString = await databases.CreateAsync(Databases.Sqlite);
        string name;
        byte[] secret;
        long step;
        await using (var service = await RunningService.StartAsync(connectionString, $"--AuthService:KeyEncryptionKeys:0={old}"))
        {
            (name, var access) = await RegisterAsync(service);
            step = Step;
            (secret, _) = await EnrolAsync(service, access, step);
        }
        await using (await RunningService.StartAsync(connectionString, $"--AuthService:KeyEncryptionKeys:0={next}", $"--AuthService:KeyEncryptionKeys:1={old}"))
        {
        }
        await using (var service = await RunningService.StartAsync(connectionString, $"--AuthService:KeyEncryptionKeys:0={next}"))
            Assert.Equal(200, (await CompleteAsync(service, await TicketAsync(service, name), Totp.Code(secret, Math.Max(step + 1, Step)))).Status);
    }

    private static async Task<(string Name, string Access)> RegisterAsync(RunningService service)
    {
        var name = $"factor-{Guid.NewGuid():N}"[..20];
        Assert.Equal(201, (await service.SendAsync(HttpMethod.Post, "/api/users", new { username = name, password = Password })).Status);
        return (name, (await service.SignInAsync(name, Password)).Access);
    }

    private static async Task<(byte[] Secret, string[] Recovery)> EnrolAsync(RunningService service, string access, long? step = null)
    {
        var (_, begun) = await PostAsync(service, Own, new { password = Password }, access);
        var secret = Decode(begun.GetProperty("secret").GetString()!);
        var (status, confirmed) = await PostAsync(service, Own + "/confirm", new { code = Totp.Code(secret, step ?? Step) }, access);
        Assert.Equal(200, status);
        return (secret, Codes(confirmed));
    }

    private static async Task<string> TicketAsync(RunningService service, string name)
    {
        var (status, body) = await PostAsync(service, "/api/token/", new { username = name, password = Password });
        Assert.Equal((401, "mfa_required"), (status, body.GetProperty("code").GetString()));
        Assert.False(body.TryGetProperty("access", out _));
        return body.GetProperty("ticket").GetString()!;
    }

    private static async Task<(int Status, string? Code, JsonElement Body)> CompleteAsync(RunningService service, string ticket, string code)
    {
        var (status, body) = await PostAsync(service, "/api/token/mfa/", new { ticket, code });
        return (status, body.TryGetProperty("code", out var name) ? name.GetString() : null, body);
    }

    private static async Task<(bool Enabled, int Left)> ShowAsync(RunningService service, string access)
    {
        var (_, body) = await service.SendAsync(HttpMethod.Get, Own, bearer: access);
        return (body.GetProperty("enabled").GetBoolean(), body.GetProperty("recovery_codes_left").GetInt32());
    }

    private static async Task<string> SubjectAsync(RunningService service, string name)
    {
        await using var database = await service.Services.GetRequiredService<IDbContextFactory<UsersDbContext>>().CreateDbContextAsync(Cancellation);
        return (await database.Users.SingleAsync(user => user.UserName == name, Cancellation)).Id.ToString("D");
    }

    private static Task<(int Status, JsonElement Body)> PostAsync(RunningService service, string path, object body, string? bearer = null) =>
        service.SendAsync(HttpMethod.Post, path, body, bearer);

    private static string[] Codes(JsonElement body) => [.. body.GetProperty("recovery_codes").EnumerateArray().Select(code => code.GetString()!)];

    /// <summary>A code that is none of the secret's near now.</summary>
    private static string WrongCode(byte[] secret)
    {
        var right = Enumerable.Range(-2, 6).Select(offset => Totp.Code(secret, Step + offset)).ToHashSet();
        return Enumerable.Range(0, 100).Select(number => number.ToString("D6", System.Globalization.CultureInfo.InvariantCulture)).First(code => !right.Contains(code));
    }

    private static byte[] Decode(string base32)
    {
        var bits = string.Concat(base32.Select(c => Convert.ToString("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".IndexOf(c, StringComparison.Ordinal), 2).PadLeft(5, '0')));
        return [.. Enumerable.Range(0, bits.Length / 8).Select(i => Convert.ToByte(bits.Substring(8 * i, 8), 2))];
    }
}
