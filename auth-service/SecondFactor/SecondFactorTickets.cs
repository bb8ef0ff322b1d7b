using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using RevocationProtocol;
using StackExchange.Redis;

namespace AuthService.SecondFactor;

/// <summary>Who has shown the right password and is to show a code.</summary>
/// <param name="SessionEpoch">The user's epoch then: the ticket dies with a change of the password.</param>
internal sealed record SecondFactorTicket(Guid UserId, string ClientId, long SessionEpoch);

/// <summary>
/// The step between password and code: a ticket that is good once, for five minutes and five codes. Redis holds its SHA-256.
/// </summary>
internal sealed class SecondFactorTickets(SessionsConnection connection, OtherKeys keys)
{
    public static readonly TimeSpan Life = TimeSpan.FromMinutes(5);

    private const int Tries = 5;
    private const int Length = 32;

    private const string CreateScript = """
        redis.call('HSET', KEYS[1], 'user', ARGV[1], 'client', ARGV[2], 'epoch', ARGV[3], 'tries', 0)
        redis.call('PEXPIRE', KEYS[1], ARGV[4])
        return 1
        """;

    private const string TakeTryScript = """
        local user = redis.call('HGET', KEYS[1], 'user')
        if not user or redis.call('HINCRBY', KEYS[1], 'tries', 1) > tonumber(ARGV[1]) then return false end
        return { user, redis.call('HGET', KEYS[1], 'client'), redis.call('HGET', KEYS[1], 'epoch') }
        """;

    private const string ConsumeScript = "return redis.call('DEL', KEYS[1])";

    /// <exception cref="RedisUnavailableException">Redis did not answer.</exception>
    public async Task<string> CreateAsync(SecondFactorTicket ticket, CancellationToken cancellationToken)
    {
        var text = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(Length));
        await connection.Redis.EvaluateAsync(
            CreateScript, [Key(text)], [ticket.UserId.ToString("D"), ticket.ClientId, ticket.SessionEpoch, (long)Life.TotalMilliseconds], cancellationToken);
        return text;
    }

    /// <summary>Counts a try with a ticket; null if there is none of that text, or it has had its tries.</summary>
    /// <exception cref="RedisUnavailableException">Redis did not answer.</exception>
    public async Task<SecondFactorTicket?> TakeTryAsync(string text, CancellationToken cancellationToken)
    {
        if (text.Length != Base64Url.GetEncodedLength(Length) || !Ascii.IsValid(text)) return null;
        var result = await connection.Redis.EvaluateAsync(TakeTryScript, [Key(text)], [Tries], cancellationToken);
        return result.IsNull || (string[])result! is not [var user, var client, var epoch]
            ? null
            : new SecondFactorTicket(Guid.Parse(user), client, long.Parse(epoch, CultureInfo.InvariantCulture));
    }

    /// <summary>Uses the ticket up. Of several at once, one is answered true.</summary>
    /// <exception cref="RedisUnavailableException">Redis did not answer.</exception>
    public async Task<bool> ConsumeAsync(string text, CancellationToken cancellationToken) =>
        (bool)await connection.Redis.EvaluateAsync(ConsumeScript, [Key(text)], [], cancellationToken);

    private RedisKey Key(string text) => keys.SecondFactorTicket(Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(text))));
}
