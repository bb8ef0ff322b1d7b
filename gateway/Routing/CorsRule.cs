using Microsoft.Extensions.Primitives;

namespace Gateway.Routing;

/// <summary>
/// One of <c>Gateway:Cors</c>. <see cref="Origins"/>: <c>https://app.example.com</c>, with any port
/// <c>http://127.0.0.1:*</c>, or <c>*</c> for every origin (not with <see cref="Credentials"/>). What is not listed in
/// <see cref="Methods"/> and <see cref="Headers"/> is what browsers ask for first and are not granted.
/// </summary>
internal sealed record CorsDefinition(
    string Name, string[] Origins, string[] Methods, string[] Headers, string[] ExposedHeaders, bool Credentials, int MaxAgeSeconds);

/// <summary>The cross-origin rule of a route, by the CORS protocol of the Fetch standard.</summary>
internal sealed class CorsRule(CorsDefinition definition)
{
    private readonly string _methods = string.Join(", ", definition.Methods);
    private readonly string _headers = string.Join(", ", definition.Headers);
    private readonly string _exposed = string.Join(", ", definition.ExposedHeaders);
    private readonly bool _anyOrigin = definition.Origins.Contains("*");

    public bool Allows(string? origin)
    {
        if (string.IsNullOrEmpty(origin)) return false;
        if (_anyOrigin) return true;
        foreach (var allowed in definition.Origins)
        {
            if (allowed.EndsWith(":*", StringComparison.Ordinal) ? IsOnAnyPort(origin, allowed.AsSpan(..^2))
                : origin.Equals(allowed, StringComparison.OrdinalIgnoreCase)) return true;
        }

        return false;
    }

    private static bool IsOnAnyPort(ReadOnlySpan<char> origin, ReadOnlySpan<char> site)
    {
        if (!origin.StartsWith(site, StringComparison.OrdinalIgnoreCase)) return false;
        var port = origin[site.Length..];
        return port.IsEmpty || (port.Length is > 1 and < 7 && port[0] == ':' && !port[1..].ContainsAnyExceptInRange('0', '9'));
    }

    /// <summary>The answer to a preflight; one that is not granted has no CORS header.</summary>
    public void AnswerPreflight(HttpContext context, string origin)
    {
        var response = context.Response;
        response.StatusCode = StatusCodes.Status204NoContent;
        response.Headers.Vary = "Origin";
        if (!Allows(origin)) return;
        SetOrigin(response.Headers, origin);
        if (_methods.Length > 0) response.Headers.AccessControlAllowMethods = _methods;
        if (_headers.Length > 0) response.Headers.AccessControlAllowHeaders = _headers;
        if (definition.MaxAgeSeconds > 0) response.Headers.AccessControlMaxAge = definition.MaxAgeSeconds.ToString();
    }

    /// <summary>Puts the gateway's CORS headers in the place of any that the backend sent.</summary>
    public void Apply(HttpResponse response, StringValues origin)
    {
        var headers = response.Headers;
        headers.Remove("Access-Control-Allow-Origin");
        headers.Remove("Access-Control-Allow-Credentials");
        headers.Remove("Access-Control-Expose-Headers");
        if (!HeaderRules.Lists(headers.Vary, "Origin")) headers.Append("Vary", "Origin");
        if (origin.Count != 1 || !Allows(origin)) return;
        SetOrigin(headers, origin!);
        if (_exposed.Length > 0) headers.AccessControlExposeHeaders = _exposed;
    }

    private void SetOrigin(IHeaderDictionary headers, string origin)
    {
        headers.AccessControlAllowOrigin = _anyOrigin ? "*" : origin;
        if (definition.Credentials) headers.AccessControlAllowCredentials = "true";
    }
}
