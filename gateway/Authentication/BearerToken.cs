using Gateway.Diagnostics;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace Gateway.Authentication;

/// <summary>The bearer token of a request (RFC 6750 section 2.1), or why there is none. Query and body are not looked at.</summary>
internal readonly struct BearerToken
{
    /// <summary>Marks the sub-protocol that is a token: a browser's WebSocket cannot send a header.</summary>
    private const string ProtocolPrefix = "gateway.bearer.";

    private const string Scheme = "Bearer";

    private readonly string? _text;
    private readonly int _start;

    private BearerToken(string text, int start, TokenSource source)
    {
        _text = text;
        _start = start;
        Source = source;
    }

    private BearerToken(Reason refusal) => Refusal = refusal;

    /// <summary>Where the token was; <see cref="TokenSource.None"/> without one.</summary>
    public TokenSource Source { get; }

    /// <summary>Why the whole request is refused, on any route; null if it is not.</summary>
    public Reason? Refusal { get; }

    /// <summary>The token's text.</summary>
    public ReadOnlySpan<char> Text => _text.AsSpan(_start);

    /// <summary>
    /// Finds the token. One in a WebSocket handshake's sub-protocols is taken out of the request, so that it can be
    /// neither forwarded nor selected.
    /// </summary>
    public static BearerToken Find(HttpContext context)
    {
        var headers = context.Request.Headers;
        var authorization = headers.Authorization;
        // RFC 9110 section 5.3: not a list, so two of them have no meaning.
        if (authorization.Count > 1) return new BearerToken(Reason.CredentialsAmbiguous);

        var found = authorization.Count == 1 ? FromAuthorization(authorization[0]) : default;
        return headers.SecWebSocketProtocol.Count > 0 && IsWebSocketHandshake(context)
            ? FromProtocols(headers, found)
            : found;
    }

    /// <summary>The scheme is compared in any case (RFC 9110 section 11.1); another scheme is no bearer token.</summary>
    private static BearerToken FromAuthorization(string? value)
    {
        if (value is null || value.Length <= Scheme.Length || value[Scheme.Length] != ' '
            || !value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return default;
        }

        var start = Scheme.Length + 1;
        while (start < value.Length && value[start] == ' ') start++;
        return start < value.Length ? new BearerToken(value, start, TokenSource.AuthorizationHeader) : default;
    }

    private static BearerToken FromProtocols(IHeaderDictionary headers, BearerToken inAuthorization)
    {
        string? carrier = null;
        var kept = new List<string>();
        foreach (var protocol in headers.GetCommaSeparatedValues("Sec-WebSocket-Protocol"))
        {
            if (!protocol.StartsWith(ProtocolPrefix, StringComparison.Ordinal)) kept.Add(protocol);
            else if (carrier is null) carrier = protocol;
            else return new BearerToken(Reason.CredentialsAmbiguous);
        }

        if (carrier is null) return inAuthorization;
        if (inAuthorization.Source != TokenSource.None) return new BearerToken(Reason.CredentialsAmbiguous);

        headers.SecWebSocketProtocol = kept.Count > 0 ? string.Join(", ", kept) : StringValues.Empty;
        return carrier.Length > ProtocolPrefix.Length
            ? new BearerToken(carrier, ProtocolPrefix.Length, TokenSource.WebSocketProtocol)
            : default;
    }

    /// <summary>RFC 6455 section 4.1 over HTTP/1.1, RFC 8441 section 4 over HTTP/2.</summary>
    private static bool IsWebSocketHandshake(HttpContext context) =>
        context.Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true } connect
            ? string.Equals(connect.Protocol, "websocket", StringComparison.OrdinalIgnoreCase)
            : context.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true }
                && context.Request.Headers.Upgrade.ToString().Contains("websocket", StringComparison.OrdinalIgnoreCase);
}
