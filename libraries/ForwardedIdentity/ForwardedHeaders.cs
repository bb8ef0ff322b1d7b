using System.Net;
using System.Security.Claims;
using Microsoft.AspNetCore.Http;

namespace ForwardedIdentity;

/// <summary>The gateway's unsigned headers, for networks that are trusted by configuration.</summary>
internal static class ForwardedHeaders
{
    /// <summary>The headers the gateway sets, the claim each carries, and what separates several values.</summary>
    private static readonly (string Header, string Claim, char? Separator)[] Headers =
    [
        ("X-User-Id", ForwardedClaims.Subject, null),
        ("X-User-Name", ForwardedClaims.Name, null),
        ("X-User-Roles", ForwardedClaims.Roles, ','),
        ("X-User-Scopes", ForwardedClaims.Scope, ' '),
        ("X-Client-Id", ForwardedClaims.ClientId, null),
        ("X-Session-Id", ForwardedClaims.SessionId, null),
        ("X-User-Issuer", ForwardedClaims.Issuer, null),
    ];

    public static bool IsTrusted(IEnumerable<string> networks, IPAddress? peer)
    {
        if (peer is null) return false;
        if (peer.IsIPv4MappedToIPv6) peer = peer.MapToIPv4();
        return networks.Any(network => IPNetwork.Parse(network).Contains(peer));
    }

    /// <summary>
    /// The claims in <paramref name="headers"/>, as an identity token would have them; none when nobody signed in. False when
    /// a header repeats or is not encoded as the gateway encodes: then somebody else wrote it.
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

            var items = new List<string>();
            foreach (var item in separator is { } character ? text.Split(character) : [text])
            {
                if (!PercentEncoding.TryDecode(item, out var value)) return false;
                items.Add(value);
            }

            // A token has its scopes in one text.
            if (claim == ForwardedClaims.Scope) items = [string.Join(' ', items)];
            claims.AddRange(items.Select(value => new Claim(claim, value)));
        }

        return claims.Count == 0 || claims[0].Type == ForwardedClaims.Subject;
    }
}
