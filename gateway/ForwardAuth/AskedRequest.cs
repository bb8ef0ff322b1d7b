using Gateway.Diagnostics;
using Gateway.Routing;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace Gateway.ForwardAuth;

/// <summary>The request about which a proxy asks.</summary>
/// <param name="Path">The raw path; null if the proxy did not say.</param>
/// <param name="Method">Null if the proxy did not say; the answer must then hold for every method.</param>
internal readonly record struct AskedRequest(string? Path, string? Method)
{
    /// <summary>The headers in which proxies send the target they were asked for.</summary>
    private static readonly string[] TargetHeaders = ["X-Forwarded-Uri", "X-Original-URI"];

    /// <summary>
    /// Reads it from the path below <c>/verify</c> or from headers. Whoever reaches the proxy may have sent such headers too, and
    /// a proxy that sets only one lets the other pass: they must all say the same.
    /// </summary>
    public static Reason? TryRead(HttpRequest request, IReadOnlyList<string> encodedSlashPrefixes, out AskedRequest asked)
    {
        asked = default;
        if (!TryAgree(request.Headers, TargetHeaders, out var target) || !TryAgree(request.Headers, ["X-Forwarded-Method"], out var method))
            return Reason.VerifyTargetConflict;

        var rawTarget = request.HttpContext.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        // The first segment is ours, however it is spelled.
        var below = rawTarget.AsSpan(1).IndexOfAny('/', '?') + 1;
        if (below > 0 && rawTarget[below] == '/')
        {
            var own = rawTarget[below..];
            if (target is not null && target != own) return Reason.VerifyTargetConflict;
            if (method is not null && method != request.Method) return Reason.VerifyTargetConflict;
            (target, method) = (own, request.Method);
        }

        if (target is null) return null;
        if (method is { Length: 0 }) return Reason.RequestMalformed;
        if (RequestTarget.Check(target, encodedSlashPrefixes) is { } refusal) return refusal;
        asked = new AskedRequest(RequestTarget.Split(target).Path, method);
        return null;
    }

    /// <summary>The one value of all these headers; null without any. False if there are two.</summary>
    private static bool TryAgree(IHeaderDictionary headers, string[] names, out string? agreed)
    {
        agreed = null;
        foreach (var name in names)
        {
            StringValues values = headers[name];
            for (var i = 0; i < values.Count; i++)
            {
                if (agreed is not null && agreed != values[i]) return false;
                agreed = values[i] ?? "";
            }
        }

        return true;
    }
}
