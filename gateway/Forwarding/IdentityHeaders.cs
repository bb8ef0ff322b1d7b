using System.Collections.Concurrent;
using System.Net.Http.Headers;
using Gateway.Authentication;

namespace Gateway.Forwarding;

/// <summary>
/// The header texts of one token's caller, made once and kept with the cached token. All routes share them; a route's rules
/// only choose among them.
/// </summary>
internal sealed class IdentityHeaders
{
    /// <summary>Names and values together, as backends with small header buffers must still take them.</summary>
    public const int MaxBytes = 8 * 1024;

    private readonly (string Name, string Value)[] _headers;
    private readonly ConcurrentDictionary<string, string> _claims = new(StringComparer.Ordinal);
    private readonly AuthenticatedCaller _caller;
    private readonly int _length;

    private IdentityHeaders(AuthenticatedCaller caller)
    {
        _caller = caller;
        _headers = [.. All(caller).Where(header => header.Value.Length > 0)];
        _length = _headers.Sum(header => header.Name.Length + header.Value.Length);
    }

    public static IdentityHeaders Of(AuthenticatedCaller caller)
    {
        // Two requests at once may both build it; both results are the same.
        if (caller.ForwardingState is not IdentityHeaders headers) caller.ForwardingState = headers = new IdentityHeaders(caller);
        return headers;
    }

    /// <summary>Adds what a route's backend is sent; false if that is more than <see cref="MaxBytes"/>.</summary>
    public bool TryAddTo(HttpRequestHeaders target, ForwardingRules rules)
    {
        var length = rules.SendsAllIdentityHeaders ? _length : 0;
        foreach (var (name, value) in _headers)
        {
            if (!rules.SendsAllIdentityHeaders)
            {
                if (!rules.IdentityHeaders.Contains(name)) continue;
                length += name.Length + value.Length;
            }

            target.TryAddWithoutValidation(name, value);
        }

        foreach (var header in rules.ClaimHeaders)
        {
            var value = Claim(header.Claim);
            if (value.Length == 0) continue;
            length += header.Name.Length + value.Length;
            target.TryAddWithoutValidation(header.Name, value);
        }

        return length <= MaxBytes;
    }

    /// <summary>The route maps decide which claims are ever asked for, so this stays small.</summary>
    private string Claim(string name) => _claims.GetOrAdd(name, static (claim, caller) => claim switch
    {
        // A foreign issuer's are not passed on as they stand in its token.
        "sub" => HeaderText.Encode(caller.Subject),
        "roles" => HeaderText.EncodeList(caller.Roles),
        _ => caller.Claims.TryGetProperty(claim, out var value) ? HeaderText.Encode(value) ?? "" : "",
    }, _caller);

    private static IEnumerable<(string Name, string Value)> All(AuthenticatedCaller caller)
    {
        yield return ("X-User-Id", HeaderText.Encode(caller.Subject));
        yield return ("X-User-Name", HeaderText.Encode(caller.Name ?? ""));
        yield return ("X-User-Roles", HeaderText.EncodeList(caller.Roles));
        yield return ("X-User-Scopes", HeaderText.EncodeScopes(caller.Scopes));
        yield return ("X-Client-Id", HeaderText.Encode(caller.ClientId ?? ""));
        yield return ("X-Session-Id", HeaderText.Encode(caller.SessionId ?? ""));
        if (caller.IsForeign) yield return ("X-User-Issuer", HeaderText.Encode(caller.Issuer));
    }
}
