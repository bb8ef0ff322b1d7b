using System.Security.Claims;

namespace SampleBackend.Authentication;

/// <summary>The caller's claims, named as in the access token.</summary>
internal static class IdentityClaims
{
    public const string Subject = "sub";
    public const string Name = "name";
    public const string Roles = "roles";
    public const string Scope = "scope";
    public const string ClientId = "client_id";
    public const string SessionId = "sid";
    public const string Issuer = "iss";

    /// <summary>The headers the gateway sets, the claim each carries, and what separates several values.</summary>
    public static readonly IReadOnlyList<(string Header, string Claim, char? Separator)> Headers =
    [
        ("X-User-Id", Subject, null),
        ("X-User-Name", Name, null),
        ("X-User-Roles", Roles, ','),
        ("X-User-Scopes", Scope, ' '),
        ("X-Client-Id", ClientId, null),
        ("X-Session-Id", SessionId, null),
        ("X-User-Issuer", Issuer, null),
    ];

    /// <summary>
    /// The claims in <paramref name="headers"/>; none when nobody signed in. False when a header repeats or is not encoded as
    /// the gateway encodes: then somebody else wrote it.
    /// </summary>
    public static bool TryRead(IHeaderDictionary headers, out List<Claim> claims)
    {
        claims = [];
        foreach (var (header, claim, separator) in Headers)
        {
            var values = headers[header];
            if (values.Count == 0) continue;
            if (values is not [{ } text]) return false;
            if (text.Length == 0 && separator is not null) continue;

            foreach (var item in separator is { } character ? text.Split(character) : [text])
            {
                if (!PercentEncoding.TryDecode(item, out var value)) return false;
                claims.Add(new Claim(claim, value));
            }
        }

        return claims.Count == 0 || claims[0].Type == Subject;
    }
}
