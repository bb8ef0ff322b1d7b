using System.Buffers.Text;
using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Tokens;

namespace ForwardedIdentity;

/// <summary>
/// The gateway's public keys. Known keys are found in memory and renewed in the background; an unknown key id makes one
/// fetch that all who wait for it share, then none for a while, so that made-up ids cannot flood the gateway. Whether an id
/// is made up is known only by a fetch that began after the token came; without one the token cannot be judged. While the
/// gateway does not answer, the last good keys serve on.
/// </summary>
internal sealed partial class IdentityKeys(Uri address, Func<HttpClient> clients, TimeProvider time, ILogger logger)
{
    /// <summary>Unknown key ids make no fetch for this long after the last.</summary>
    public static readonly TimeSpan Cooldown = TimeSpan.FromSeconds(1);

    /// <summary>A key that the gateway withdraws is gone here this long after at the latest, if requests come in.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan FetchDeadline = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private volatile Snapshot? _snapshot;
    private Task? _fetch;
    private long? _fetchedAt;

    /// <summary>Why no token can be verified, or null.</summary>
    public string? UnavailableReason => _snapshot is null ? $"The gateway's keys could not be fetched from {address} yet." : null;

    /// <summary>Whether the latest fetch failed, so that older keys serve on.</summary>
    public bool Stale { get; private set; }

    /// <summary>The key of that id if it is known now.</summary>
    public SecurityKey? Find(string? kid) => kid is not null && _snapshot is { } snapshot ? snapshot.Keys.GetValueOrDefault(kid) : null;

    /// <summary>Makes sure that <see cref="Find"/> knows the key if the gateway does; without an id, that there are keys.</summary>
    /// <exception cref="IdentityKeysUnavailableException">No keys were ever fetched, or not since a key of that id was asked for.</exception>
    public async ValueTask PrepareAsync(string? kid, CancellationToken cancellationToken)
    {
        var asked = time.GetTimestamp();
        var snapshot = _snapshot;
        var known = kid is null ? snapshot is not null : Find(kid) is not null;
        if (known && time.GetElapsedTime(snapshot!.At) < MaxAge) return;
        var fetch = Fetch();
        if (known) return;
        await fetch.WaitAsync(cancellationToken);
        if (_snapshot is not { } now) throw new IdentityKeysUnavailableException(UnavailableReason!);
        // All gateways started anew at once, on an empty Redis, sign with a new key: its first tokens must not end in a 401.
        if (kid is not null && now.At < asked && Find(kid) is null)
            throw new IdentityKeysUnavailableException("The key of the identity token is not known yet, and the gateway cannot be asked now.");
    }

    /// <summary>The fetch that is under way, or a new one, or nothing during the cool-down.</summary>
    private Task Fetch()
    {
        lock (_lock)
        {
            if (_fetch is { IsCompleted: false }) return _fetch;
            if (_fetchedAt is { } last && time.GetElapsedTime(last) < Cooldown) return Task.CompletedTask;
            _fetchedAt = time.GetTimestamp();
            // Nobody's request: it goes on when the caller that began it goes away.
            return _fetch = Task.Run(FetchAsync, CancellationToken.None);
        }
    }

    private async Task FetchAsync()
    {
        var started = time.GetTimestamp();
        try
        {
            using var deadline = new CancellationTokenSource(FetchDeadline, time);
            using var client = clients();
            var keys = Read(await client.GetByteArrayAsync(address, deadline.Token));
            _snapshot = new Snapshot(keys, started);
            Stale = false;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or JsonException or CryptographicException or FormatException or InvalidOperationException)
        {
            Stale = true;
            Log.FetchFailed(logger, address, e.Message);
        }
    }

    /// <summary>RFC 7517 section 5: members and keys that are not understood are passed over. Only keys that can have signed
    /// an identity token are taken, so that no other algorithm can be asked for (RFC 8725 section 3.1).</summary>
    private static FrozenDictionary<string, SecurityKey> Read(byte[] text)
    {
        using var document = JsonDocument.Parse(text);
        var keys = new Dictionary<string, SecurityKey>(StringComparer.Ordinal);
        foreach (var jwk in document.RootElement.GetProperty("keys").EnumerateArray())
        {
            if (Text(jwk, "kid") is { Length: > 0 } kid && Text(jwk, "kty") == "EC" && Text(jwk, "crv") == "P-256"
                && Text(jwk, "use") is null or "sig" && Text(jwk, "alg") is null or "ES256")
                keys[kid] = Key(kid, Text(jwk, "x") ?? "", Text(jwk, "y") ?? "");
        }

        return keys.Count > 0 ? keys.ToFrozenDictionary() : throw new JsonException("The key set holds no ES256 key.");
    }

    private static ECDsaSecurityKey Key(string kid, string x, string y)
    {
        var parameters = new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint { X = Base64Url.DecodeFromChars(x), Y = Base64Url.DecodeFromChars(y) },
        };
        return new ECDsaSecurityKey(ECDsa.Create(parameters)) { KeyId = kid };
    }

    private static string? Text(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) ? value.ValueKind == JsonValueKind.String ? value.GetString() : "" : null;

    private sealed record Snapshot(FrozenDictionary<string, SecurityKey> Keys, long At);

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning, "The gateway's identity keys could not be fetched from {Address}: {Reason}")]
        public static partial void FetchFailed(ILogger logger, Uri address, string reason);
    }
}

/// <summary>No identity token can be verified now, whoever sent it: answer 503, not 401.</summary>
internal sealed class IdentityKeysUnavailableException(string message) : Exception(message);
