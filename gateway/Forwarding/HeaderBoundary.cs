using System.Net.Http.Headers;
using Gateway.Authentication;
using Gateway.Routing;
using Microsoft.Extensions.Primitives;
using Yarp.ReverseProxy.Forwarder;

namespace Gateway.Forwarding;

/// <summary>
/// The last hand on every request and answer that crosses the gateway. It runs around all of a route's transforms, whatever
/// they are, and strips before it sets, unconditionally: no configuration can undo it.
/// </summary>
internal sealed class HeaderBoundary(HttpTransformer transforms, GatewayRoute route, TrustedProxies proxies, IdentityTokens tokens, TraceContext trace) : HttpTransformer
{
    /// <summary>A WebSocket sub-protocol that is really a token, for browsers, which can send no header.</summary>
    public const string TokenProtocolPrefix = "gateway.bearer.";

    /// <summary>The route's own transforms, which this boundary encloses.</summary>
    public HttpTransformer Transforms => transforms;

    public override async ValueTask TransformRequestAsync(
        HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
    {
        await transforms.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
        // A transform that has answered keeps YARP from forwarding.
        if (httpContext.Response.HasStarted || httpContext.Response.StatusCode != StatusCodes.Status200OK) return;

        var headers = proxyRequest.Headers;
        var trusted = proxies.Contain(httpContext.Connection.RemoteIpAddress);
        RemoveConnectionHeaders(httpContext.Request.Headers.Connection, proxyRequest);
        Strip(headers, trusted);
        SetForwarded(httpContext, headers, trusted);
        trace.Set(headers);
        if (RoutePolicies.CallerOf(httpContext.Features.Get<AuthenticationOutcome>(), route) is not { } caller) return;
        if (route.Forwarding.Authorization == AuthorizationRule.Replace) headers.Remove("Authorization");
        var identity = IdentityHeaders.Of(caller);
        if (identity.AddTo(new BackendRequestHeaders(headers), route.Forwarding, route.Audience, tokens) is { } refusal)
            await identity.RefuseAsync(httpContext, refusal, route.Forwarding);
    }

    public override async ValueTask<bool> TransformResponseAsync(
        HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        var copyBody = await transforms.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
        if (!route.IsAuthService) RemoveSignInCookies(httpContext.Response.Headers);
        return copyBody;
    }

    public override ValueTask TransformResponseTrailersAsync(
        HttpContext httpContext, HttpResponseMessage proxyResponse, CancellationToken cancellationToken) =>
        transforms.TransformResponseTrailersAsync(httpContext, proxyResponse, cancellationToken);

    /// <summary>
    /// RFC 9110 section 7.6.1: what <c>Connection</c> lists is for this hop only. It runs before anything of ours is set, so
    /// no client can have our headers removed.
    /// </summary>
    private static void RemoveConnectionHeaders(StringValues connection, HttpRequestMessage proxyRequest)
    {
        for (var i = 0; i < connection.Count; i++)
        {
            var list = connection[i].AsSpan();
            foreach (var range in list.Split(','))
            {
                var name = list[range].Trim();
                if (name.IsEmpty || name.Equals("close", StringComparison.OrdinalIgnoreCase)
                    || name.Equals("keep-alive", StringComparison.OrdinalIgnoreCase)
                    || name.Equals("upgrade", StringComparison.OrdinalIgnoreCase)
                    // The server has framed the body by it; the backend connection has a framing of its own.
                    || name.Equals("content-length", StringComparison.OrdinalIgnoreCase)) continue;
                var text = name.ToString();
                if (proxyRequest.Headers.NonValidated.Contains(text)) proxyRequest.Headers.Remove(text);
                else if (proxyRequest.Content?.Headers.NonValidated.Contains(text) == true) proxyRequest.Content.Headers.Remove(text);
            }
        }
    }

    private void Strip(HttpRequestHeaders headers, bool trusted)
    {
        List<KeyValuePair<string, string[]>>? replaced = null;
        foreach (var (name, values) in headers.NonValidated)
        {
            if (route.Forwarding.Drops(name, trusted)) (replaced ??= []).Add(new(name, []));
            else if (Reviewed(name, values) is { } kept) (replaced ??= []).Add(new(name, kept));
        }

        if (replaced is null) return;
        foreach (var (name, _) in replaced) headers.Remove(name);
        foreach (var (name, values) in replaced)
        {
            if (values.Length > 0) headers.TryAddWithoutValidation(name, values);
        }
    }

    /// <summary>The values to forward of a header that may hold what a backend must not see; null if all of it may pass.</summary>
    private string[]? Reviewed(string name, HeaderStringValues values) => name.Length switch
    {
        6 when name.Equals("Cookie", StringComparison.OrdinalIgnoreCase) =>
            route.IsAuthService ? null : Changed(values, SignInCookies.RemoveFrom),
        // RFC 9110 section 6.6.2: it announces trailers, and those of requests are never forwarded.
        7 when name.Equals("Trailer", StringComparison.OrdinalIgnoreCase) => [],
        13 when name.Equals("Authorization", StringComparison.OrdinalIgnoreCase) =>
            route.Forwarding.Authorization == AuthorizationRule.Keep ? null : Changed(values, static value => IsBearer(value) ? null : value),
        22 when name.Equals("Sec-WebSocket-Protocol", StringComparison.OrdinalIgnoreCase) => Changed(values, WithoutToken),
        _ => null,
    };

    private static string[]? Changed(HeaderStringValues values, Func<string, string?> review)
    {
        var kept = new List<string>(values.Count);
        var changed = false;
        foreach (var value in values)
        {
            var result = review(value);
            changed |= !ReferenceEquals(result, value);
            if (result is not null) kept.Add(result);
        }

        return changed ? [.. kept] : null;
    }

    private static bool IsBearer(string value)
    {
        var text = value.AsSpan().Trim();
        return text.StartsWith("Bearer", StringComparison.OrdinalIgnoreCase) && (text.Length == 6 || text[6] is ' ' or '\t' or ',');
    }

    private static string? WithoutToken(string protocols)
    {
        if (!protocols.Contains(TokenProtocolPrefix, StringComparison.OrdinalIgnoreCase)) return protocols;
        var kept = string.Join(", ", protocols.Split(',', StringSplitOptions.TrimEntries)
            .Where(protocol => !protocol.StartsWith(TokenProtocolPrefix, StringComparison.OrdinalIgnoreCase)));
        return kept.Length == 0 ? null : kept;
    }

    /// <summary>Our word about the client; a configured proxy's word about its own client comes first.</summary>
    private static void SetForwarded(HttpContext context, HttpRequestHeaders headers, bool trusted)
    {
        var request = context.Request;
        var peer = context.Connection.RemoteIpAddress;
        if (peer is { IsIPv4MappedToIPv6: true }) peer = peer.MapToIPv4();
        var client = peer?.ToString() ?? "unknown";
        if (trusted && headers.NonValidated.TryGetValues("X-Forwarded-For", out var chain))
        {
            headers.Remove("X-Forwarded-For");
            client = $"{chain}, {client}";
        }

        headers.TryAddWithoutValidation("X-Forwarded-For", client);
        SetUnlessTrusted("X-Forwarded-Proto", request.Scheme);
        SetUnlessTrusted("X-Forwarded-Host", request.Host.Value ?? "");

        void SetUnlessTrusted(string name, string value)
        {
            if (trusted && headers.NonValidated.Contains(name)) return;
            headers.TryAddWithoutValidation(name, value);
        }
    }

    private static void RemoveSignInCookies(IHeaderDictionary headers)
    {
        var cookies = headers.SetCookie;
        for (var i = 0; i < cookies.Count; i++)
        {
            if (!SignInCookies.IsSetBy(cookies[i]!)) continue;
            headers.SetCookie = cookies.Where(cookie => !SignInCookies.IsSetBy(cookie!)).ToArray();
            return;
        }
    }
}
