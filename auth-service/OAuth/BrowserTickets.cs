using System.Text.Json;
using AuthService.Limits;
using AuthService.Sessions;
using Microsoft.Extensions.Options;
using RevocationProtocol;

namespace AuthService.OAuth;

/// <summary>
/// What waits for a person: it lies in Redis under the SHA-256 of a ticket that stands in the address of the page, and opens
/// only in the browser in which it was begun (<see cref="BrowserBinding"/>): a ticket that somebody sends to somebody else
/// is worth nothing.
/// </summary>
internal sealed class BrowserTickets(
    SessionsConnection connection, OtherKeys keys, BrowserBinding browsers, LimitStore limits, ClientAddress addresses, IOptions<SignInLimitOptions> options)
{
    /// <summary>How long a person may take.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromMinutes(10);

    private const string AddScript = """
        redis.call('HSET', KEYS[1], 'browser', ARGV[1], 'data', ARGV[2])
        redis.call('PEXPIRE', KEYS[1], ARGV[3])
        return 1
        """;

    private const string ReadScript = """
        if redis.call('HGET', KEYS[1], 'browser') ~= ARGV[1] then return false end
        return redis.call('HGET', KEYS[1], 'data')
        """;

    private const string ReplaceScript = """
        if redis.call('HGET', KEYS[1], 'browser') ~= ARGV[1] or redis.call('HGET', KEYS[1], 'data') ~= ARGV[2] then return 0 end
        redis.call('HSET', KEYS[1], 'data', ARGV[3])
        return 1
        """;

    private const string TakeScript = """
        if redis.call('HGET', KEYS[1], 'browser') ~= ARGV[1] then return false end
        local data = redis.call('HGET', KEYS[1], 'data')
        redis.call('DEL', KEYS[1])
        return data
        """;

    /// <summary>Keeps a value for this browser; answers its ticket.</summary>
    /// <exception cref="RedisUnavailableException">Redis did not answer.</exception>
    /// <exception cref="TooManyRequestsException">Too much waits for browsers of that address: nobody may fill Redis so.</exception>
    public async Task<string> AddAsync<T>(HttpContext context, string kind, T value)
    {
        var limit = new Limit(keys.Tickets(ClientAddress.Network(addresses.Of(context))), options.Value.TicketsPerAddress, options.Value.Period);
        var wait = await limits.TakeAsync(1, [limit], context.RequestAborted);
        if (wait > TimeSpan.Zero) throw new TooManyRequestsException(wait);
        var ticket = OneTimeValue.Create();
        var browser = browsers.Ensure(context);
        await connection.Redis.EvaluateAsync(
            AddScript, [keys.Ticket(kind, OneTimeValue.Hash(ticket)!)], [browser, JsonSerializer.Serialize(value), (long)Life.TotalMilliseconds], context.RequestAborted);
        return ticket;
    }

    /// <summary>The value of a ticket; null if there is none of that kind for this browser.</summary>
    /// <exception cref="RedisUnavailableException">Redis did not answer.</exception>
    public Task<T?> ReadAsync<T>(HttpContext context, string kind, string? ticket) where T : class => EvaluateAsync<T>(ReadScript, context, kind, ticket);

    /// <summary>The same, and the ticket is used up: of several at once one gets it.</summary>
    /// <exception cref="RedisUnavailableException">Redis did not answer.</exception>
    public Task<T?> TakeAsync<T>(HttpContext context, string kind, string? ticket) where T : class => EvaluateAsync<T>(TakeScript, context, kind, ticket);

    /// <summary>Replaces what was read, unless it has changed since.</summary>
    /// <exception cref="RedisUnavailableException">Redis did not answer.</exception>
    public async Task<bool> ReplaceAsync<T>(HttpContext context, string kind, string? ticket, T value, T next) =>
        OneTimeValue.Hash(ticket) is { } hash && BrowserBinding.Read(context) is { } browser
        && (bool)await connection.Redis.EvaluateAsync(
            ReplaceScript, [keys.Ticket(kind, hash)], [browser, JsonSerializer.Serialize(value), JsonSerializer.Serialize(next)], context.RequestAborted);

    private async Task<T?> EvaluateAsync<T>(string script, HttpContext context, string kind, string? ticket) where T : class
    {
        if (OneTimeValue.Hash(ticket) is not { } hash || BrowserBinding.Read(context) is not { } browser) return null;
        var data = await connection.Redis.EvaluateAsync(script, [keys.Ticket(kind, hash)], [browser], context.RequestAborted);
        return data.IsNull ? null : JsonSerializer.Deserialize<T>((string)data!);
    }
}
