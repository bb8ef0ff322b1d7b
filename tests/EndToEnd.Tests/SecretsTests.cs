using System.Text.Json;
using Testing;

namespace EndToEnd.Tests;

/// <summary>What lies around after the system was used: logs and Redis data must be worth nothing to who finds them.</summary>
public sealed class SecretsTests
{
    private static readonly string[] Passwords = ["alice-password-1", "bob-password-1", "admin-password-1", "a-wrong-password-1"];
    private static readonly string[] ClientSecrets = ["orders-secret-1", "sample-backend-secret-1", "introspector-secret-1"];

    [Theory]
    [InlineData("Information")]
    [InlineData("Verbose")]
    public async Task Nothing_secret_is_logged_or_stored(string level)
    {
        var settings = new Dictionary<string, string>
        {
            ["Serilog__MinimumLevel__Default"] = level,
        };
        if (level == "Verbose")
        {
            foreach (var source in new[] { "Microsoft", "System", "Yarp" }) settings[$"Serilog__MinimumLevel__Override__{source}"] = level;
        }

        await using var stack = await Stack.StartAsync(new StackOptions { Environment = settings });
        var tokens = await UseAsync(stack);

        var redis = await DumpAsync(stack.Redis);
        foreach (var service in stack.Services) service.Terminate();
        foreach (var service in stack.Services) await service.ExitedAsync(TestContext.Current.CancellationToken); // logs are written to their end

        // A token is found by its last part as well, which alone makes it valid.
        List<string> secrets =
        [
            .. Passwords, .. ClientSecrets, stack.KeyEncryptionKey,
            .. tokens.SelectMany(pair => new[] { pair.Access, pair.Refresh, Tail(pair.Access), Tail(pair.Refresh) }),
        ];
        Assert.True(redis.Count > 3, $"Redis holds {redis.Count} texts; the test looks at nothing.");
        Assert.DoesNotContain(secrets, secret => redis.Exists(text => text.Contains(secret, StringComparison.Ordinal)));
        foreach (var service in stack.Services)
        {
            var log = service.ReadLog();
            Assert.True(log.Length > 100, $"{service.Name} logged nothing; the test looks at nothing.");
            Assert.Equal("", string.Join('\n', log.Split('\n').Where(line => secrets.Exists(secret => line.Contains(secret, StringComparison.Ordinal)))));
        }
    }

    private static string Tail(string token) => token[^40..];

    /// <summary>Every kind of request that carries a secret, the refused ones too; returns every token that was seen.</summary>
    private static async Task<List<TokenPair>> UseAsync(Stack stack)
    {
        var client = stack.Client;
        var tokens = new List<TokenPair>();
        foreach (var user in new[] { "alice", "bob", "admin" }) tokens.Add(await stack.SignInAsync(user));
        await client.PostAsync("/api/token/", new { username = "alice", password = "a-wrong-password-1" });
        await client.PostAsync("/api/token/", new { username = "a-wrong-password-1", password = new[] { "a-wrong-password-1" } });

        var (access, refresh) = (tokens[0].Access, tokens[0].Refresh);
        tokens.Add((await client.RefreshAsync(refresh)).Tokens);
        await client.RefreshAsync(refresh);
        await client.VerifyAsync(access);
        await client.VerifyAsync(refresh);
        await client.GetAsync("/hello/", access);
        await client.GetAsync($"/hello/?access_token={access}", access: null);
        await client.GetAsync($"/no-such-path/{refresh}", access);
        await client.GetAsync($"/public/echo/{refresh}?access_token={access}", access: null);
        await client.GetAsync($"/echo/{refresh}?access_token={access}", access);
        await client.GetAsync("/hello/", refresh);
        await client.GetAsync("/hello/", access + "x");
        await client.PostAsync("/orders", new { item = refresh, quantity = 1 }, access);
        await client.PostAsync("/api/users/me/password", new { current_password = "bob-password-1", new_password = "bob-password-1" }, tokens[1].Access);
        foreach (var secret in ClientSecrets)
        {
            using var form = new FormUrlEncodedContent(new Dictionary<string, string> { ["grant_type"] = "client_credentials", ["client_id"] = "orders-service", ["client_secret"] = secret });
            await client.AskAsync(HttpMethod.Post, "/connect/token", access: null, form);
        }

        tokens.AddRange(await PassOnAsync(client, access));
        await client.LogoutAsync(access);
        await client.RefreshAsync(tokens[3].Refresh);
        await client.PostAsync("/api/token/blacklist/", new { refresh = tokens[2].Refresh });
        await client.GetAsync("/hello/", access);
        return tokens;
    }

    /// <summary>Goes through an exchange by a client, and one by the backend; returns the tokens that were made on the way.</summary>
    private static async Task<List<TokenPair>> PassOnAsync(HttpClient client, string access)
    {
        using var form = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["grant_type"] = "urn:ietf:params:oauth:grant-type:token-exchange",
            ["client_id"] = "orders-service",
            ["client_secret"] = "orders-secret-1",
            ["subject_token"] = access,
            ["subject_token_type"] = "urn:ietf:params:oauth:token-type:access_token",
        });
        var exchanged = (await client.AskAsync(HttpMethod.Post, "/connect/token", access: null, form)).Json.GetProperty("access_token").GetString()!;
        var echo = await client.GetAsync("/chain/hello", exchanged);
        Assert.Equal(200, echo.Status);
        var identity = echo.Json.GetProperty("headers").GetProperty("X-Identity-Token")[0].GetString()!;
        return [new TokenPair(exchanged, identity)];
    }

    /// <summary>All keys and all values of all types, as texts.</summary>
    private static async Task<List<string>> DumpAsync(RedisFixture redis)
    {
        const string script = """
            local texts = {}
            for _, key in ipairs(redis.call('KEYS', '*')) do
                local type = redis.call('TYPE', key)['ok']
                local value
                if type == 'string' then value = { redis.call('GET', key) }
                elseif type == 'hash' then value = redis.call('HGETALL', key)
                elseif type == 'set' then value = redis.call('SMEMBERS', key)
                elseif type == 'zset' then value = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
                elseif type == 'list' then value = redis.call('LRANGE', key, 0, -1)
                elseif type == 'stream' then value = redis.call('XRANGE', key, '-', '+')
                else error('a key of type ' .. type) end
                texts[#texts + 1] = key
                texts[#texts + 1] = cjson.encode(value)
            end
            return texts
            """;
        return [.. (await redis.RunCliAsync("eval", script, "0")).Split('\n').Select(Unescaped)];
    }

    private static string Unescaped(string line) =>
        line.StartsWith('[') && JsonSerializer.Deserialize<JsonElement>(line) is var value ? string.Join('\n', Strings(value)) : line;

    private static IEnumerable<string> Strings(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().SelectMany(Strings) : [value.ToString()];
}
