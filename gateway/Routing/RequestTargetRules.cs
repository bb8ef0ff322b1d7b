using Gateway.Diagnostics;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace Gateway.Routing;

/// <summary>Refuses malformed targets and headers, first of all and before routing.</summary>
internal sealed class RequestTargetRules(RequestDelegate next, IOptions<PathOptions> options)
{
    private readonly string[] _encodedSlashPrefixes = [.. options.Value.AllowEncodedSlashes];

    public Task InvokeAsync(HttpContext context)
    {
        var request = context.Features.GetRequiredFeature<IHttpRequestFeature>();
        var isOriginForm = request.RawTarget.StartsWith('/');
        var refusal = (isOriginForm ? null : ToOriginForm(request))
            ?? RequestTarget.Check(OwnPaths.WithoutVerify(request.RawTarget), _encodedSlashPrefixes)
            ?? HeaderRules.Check(request.Headers);
        if (refusal is null)
        {
            // The server parsed an absolute form through Uri, which decodes more than it does of an origin form.
            if (!isOriginForm) ParseAgain(request);
            return next(context);
        }

        // RFC 9112 section 6.3: where the length is in doubt, the connection cannot be used again.
        if (refusal == Reason.ContentLengthConflict || refusal == Reason.TransferEncodingUnsupported) context.Response.Headers.Connection = "close";
        return context.RefuseAsync(refusal);
    }

    /// <summary>
    /// RFC 9112 section 3.2.2: a server accepts the absolute form. From here on the request has the origin form of the
    /// same target.
    /// </summary>
    private static Reason? ToOriginForm(IHttpRequestFeature request)
    {
        var target = request.RawTarget;
        var authorityStart = target.StartsWith("http://", StringComparison.OrdinalIgnoreCase) ? 7
            : target.StartsWith("https://", StringComparison.OrdinalIgnoreCase) ? 8
            : 0;
        if (authorityStart == 0) return Reason.TargetForm;

        var rest = target.AsSpan(authorityStart);
        var authorityLength = rest.IndexOfAny("/?#\\");
        if (authorityLength < 0) authorityLength = rest.Length;
        var authority = rest[..authorityLength];
        if (authority.IsEmpty || authority.Contains('@')) return Reason.TargetForm;
        var defaultPort = authorityStart == 7 ? ":80" : ":443";
        if (!WithoutPort(authority, defaultPort).Equals(WithoutPort(request.Headers.Host.ToString(), defaultPort), StringComparison.OrdinalIgnoreCase))
            return Reason.TargetHostMismatch;

        var origin = rest[authorityLength..];
        request.RawTarget = origin.StartsWith('/') ? origin.ToString() : $"/{origin}";
        return null;
    }

    private static void ParseAgain(IHttpRequestFeature request)
    {
        var (path, query) = RequestTarget.Split(request.RawTarget);
        request.Path = PathString.FromUriComponent(path).Value!;
        request.QueryString = query;
    }

    private static ReadOnlySpan<char> WithoutPort(ReadOnlySpan<char> authority, string port) =>
        authority.EndsWith(port) ? authority[..^port.Length] : authority;
}
