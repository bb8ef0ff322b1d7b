using System.Text;
using System.Text.Json;

namespace Gateway.Authentication;

/// <summary>Where an issuer's public keys come from.</summary>
internal interface IKeySource
{
    /// <summary>Reads the keys as they are now.</summary>
    /// <exception cref="KeySourceException">They could not be read.</exception>
    Task<KeySet> ReadAsync(CancellationToken cancellationToken);
}

/// <summary>Keys could not be read; the message says why, for people.</summary>
internal sealed class KeySourceException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>PEM or JWKS on disk.</summary>
internal sealed class KeyFileSource(string path, IssuerOptions options) : IKeySource
{
    public async Task<KeySet> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            return Parse(await File.ReadAllBytesAsync(path, cancellationToken), options);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or FormatException)
        {
            throw new KeySourceException($"{path}: {exception.Message}", exception);
        }
    }

    /// <summary>What stops the start: a file that cannot be read, a key in it that cannot be used, or none that can.</summary>
    public static IEnumerable<string> FindProblems(string path, IssuerOptions options)
    {
        try
        {
            var set = Parse(File.ReadAllBytes(path), options);
            return set.Keys.Count == 0 && set.Skipped.Count == 0
                ? [$"\"{path}\" holds no public key."]
                : set.Skipped.Select(reason => $"\"{path}\": {reason}.");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or FormatException)
        {
            return [$"\"{path}\" cannot be used: {exception.Message.TrimEnd('.')}."];
        }
    }

    private static KeySet Parse(byte[] content, IssuerOptions options) =>
        content.AsSpan().TrimStart(" \t\r\n"u8).StartsWith("{"u8)
            ? KeyReader.FromJwks(content, options)
            : KeyReader.FromPem(Encoding.UTF8.GetString(content), options);
}

/// <summary>The key set that the issuer's discovery document names (OpenID Connect Discovery section 4, RFC 8414 section 3).</summary>
internal sealed class DiscoveryKeySource(HttpClient http, IssuerOptions options) : IKeySource
{
    private readonly string _authority = options.Authority!.TrimEnd('/');
    private readonly string _issuer = options.Issuer!;

    public async Task<KeySet> ReadAsync(CancellationToken cancellationToken)
    {
        var discovery = await GetAsync(new Uri($"{_authority}/.well-known/openid-configuration"), cancellationToken);
        var keys = KeySetAddress(discovery);
        var jwks = await GetAsync(keys, cancellationToken);
        try
        {
            return KeyReader.FromJwks(jwks, options);
        }
        catch (FormatException exception)
        {
            throw new KeySourceException($"{keys}: {exception.Message}", exception);
        }
    }

    private Uri KeySetAddress(byte[] discovery)
    {
        try
        {
            using var document = JsonDocument.Parse(discovery, new JsonDocumentOptions { AllowDuplicateProperties = false });
            // RFC 8414 section 3.3: another issuer's document must not be used.
            var issuer = document.RootElement.GetProperty("issuer").GetString();
            if (issuer != _issuer) throw new KeySourceException($"the discovery document at {_authority} is of the issuer \"{issuer}\", not \"{_issuer}\"");

            var address = document.RootElement.GetProperty("jwks_uri").GetString() ?? "";
            // The public address may lead back through this very gateway, which is not ready before it has the keys.
            var publicBase = _issuer.TrimEnd('/');
            if (address.StartsWith($"{publicBase}/", StringComparison.Ordinal)) address = _authority + address[publicBase.Length..];
            if (!Uri.TryCreate(address, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
                throw new KeySourceException($"the discovery document at {_authority} has no usable jwks_uri");
            if (uri.Scheme == "http" && _authority.StartsWith("https:", StringComparison.OrdinalIgnoreCase))
                throw new KeySourceException($"the discovery document at {_authority} sends from https to http for the keys");
            return uri;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new KeySourceException($"{_authority} has no discovery document with issuer and jwks_uri", exception);
        }
    }

    private async Task<byte[]> GetAsync(Uri address, CancellationToken cancellationToken)
    {
        try
        {
            return await http.GetByteArrayAsync(address, cancellationToken);
        }
        catch (HttpRequestException exception)
        {
            throw new KeySourceException($"{address}: {exception.Message}", exception);
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw new KeySourceException($"{address}: no answer within {http.Timeout.TotalSeconds} s", exception);
        }
    }
}
