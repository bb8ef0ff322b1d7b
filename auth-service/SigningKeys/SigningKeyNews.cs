using Microsoft.Extensions.Options;
using RevocationProtocol;

namespace AuthService.SigningKeys;

/// <summary>
/// Says on <see cref="IssuerKeyChannel"/> whatever changed in the keys that this replica serves: after it serves them, so that
/// who looks at once sees them here. Each replica says so for itself; whichever a gateway asks, it asks again after the last
/// of them.
/// </summary>
internal sealed partial class SigningKeyNews(SigningKeySet keys, IssuerKeyChannel channel, IOptions<AuthServiceOptions> options, ILogger<SigningKeyNews> logger)
{
    private string? _said;

    /// <summary>Says it if there is anything to say. What cannot be said now is said the next time.</summary>
    public async Task TellAsync(CancellationToken cancellationToken)
    {
        var present = keys.Fingerprint;
        if (present is null || present == Volatile.Read(ref _said)) return;
        try
        {
            await channel.SayChangedAsync(options.Value.Issuer, cancellationToken);
            Volatile.Write(ref _said, present);
        }
        catch (RedisUnavailableException e)
        {
            Log.NotTold(logger, e.Message);
        }
    }

    /// <summary>Calls back when another replica says that the keys have changed.</summary>
    /// <exception cref="RedisUnavailableException">Nothing can be heard now.</exception>
    public Task ListenAsync(Action changed, CancellationToken cancellationToken) =>
        channel.SubscribeAsync(issuer => { if (issuer == options.Value.Issuer) changed(); }, cancellationToken);

    private static partial class Log
    {
        [LoggerMessage(2105, LogLevel.Information, "Gateways could not be told that the signing keys changed; they look by themselves within a minute, and are told as soon as Redis answers: {Reason}")]
        public static partial void NotTold(ILogger logger, string reason);
    }
}
