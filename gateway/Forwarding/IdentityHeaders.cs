using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text.Json;
using Gateway.Authentication;
using Gateway.Diagnostics;

namespace Gateway.Forwarding;

/// <summary>
/// What one token's caller looks like in headers: texts made once and kept with the cached token, and the identity tokens. All
/// routes share them; a route's rules only choose among them.
/// </summary>
internal sealed class IdentityHeaders
{
    /// <summary>Names and values together, as backends with small header buffers must still take them.</summary>
    public const int MaxBytes = 8 * 1024;

    public const string TokenHeader = "X-Identity-Token";

    private static readonly (string Name, string Claim, Func<AuthenticatedCaller, string> Value)[] Headers =
    [
        ("X-User-Id", "sub", caller => HeaderText.Encode(caller.Subject)),
        ("X-User-Name", "name", caller => HeaderText.Encode(caller.Name ?? "")),
        ("X-User-Roles", "roles", caller => HeaderText.EncodeList(caller.Roles)),
        ("X-User-Scopes", "scope", caller => HeaderText.EncodeScopes(caller.Scopes)),
        ("X-Client-Id", "client_id", caller => HeaderText.Encode(caller.ClientId ?? "")),
        ("X-Session-Id", "sid", caller => HeaderText.Encode(caller.SessionId ?? "")),
        ("X-User-Issuer", "iss", caller => caller.IsForeign ? HeaderText.Encode(caller.Issuer) : ""),
    ];

    // Only what is a caller's own: with many callers it is memory that a request costs. Null for what is not sent.
    private readonly string?[] _values;
    private readonly IdentityTokenCache _tokens = new();
    private readonly AuthenticatedCaller _caller;
    private readonly int _length;
    private ConcurrentDictionary<string, string>? _claims;

    private IdentityHeaders(AuthenticatedCaller caller)
    {
        _caller = caller;
        _values = Array.ConvertAll(Headers, header => header.Value(caller) is { Length: > 0 } value ? value : null);
        _length = Headers.Zip(_values, (header, value) => value is null ? 0 : header.Name.Length + value.Length).Sum();
    }

    public static IdentityHeaders Of(AuthenticatedCaller caller) =>
        (IdentityHeaders)(caller.ForwardingState ?? caller.KeepForwardingState(new IdentityHeaders(caller)));

    /// <summary>
    /// Adds what is sent under <paramref name="rules"/>. Null if that is all of it; else why nothing may be sent: it is more
    /// than <see cref="MaxBytes"/>, or there is no key yet to sign with.
    /// </summary>
    public Reason? AddTo<THeaders>(THeaders target, ForwardingRules rules, string audience, IdentityTokens tokens)
        where THeaders : struct, IHeaderTarget
    {
        var length = rules.SendsAllIdentityHeaders ? _length : 0;
        for (var i = 0; i < _values.Length; i++)
        {
            var name = Headers[i].Name;
            if (_values[i] is not { } value) continue;
            if (!rules.SendsAllIdentityHeaders)
            {
                if (!rules.IdentityHeaders.Contains(name)) continue;
                length += name.Length + value.Length;
            }

            target.Add(name, value);
        }

        foreach (var header in rules.ClaimHeaders)
        {
            var value = Claim(header.Claim);
            if (value.Length == 0) continue;
            length += header.Name.Length + value.Length;
            target.Add(header.Name, value);
        }

        if (rules.NeedsToken)
        {
            if (tokens.Find(_caller, _tokens, audience) is not { } token) return Reason.IdentityKeysUnavailable;
            if (rules.SendsToken)
            {
                length += TokenHeader.Length + token.Text.Length;
                target.Add(TokenHeader, token.Text);
            }

            if (rules.Authorization == AuthorizationRule.Replace)
            {
                length += token.Bearer.Length;
                target.Add("Authorization", token.Bearer);
            }
        }

        return length <= MaxBytes ? null : Reason.IdentityTooLarge;
    }

    /// <summary>Answers with the refusal; one for size names the claim that takes most of the room.</summary>
    public Task RefuseAsync(HttpContext context, Reason refusal, ForwardingRules rules) =>
        context.RefuseAsync(refusal, detail: refusal == Reason.IdentityTooLarge ? $"{refusal.Detail} {DescribeLargest(rules)}" : null);

    private string DescribeLargest(ForwardingRules rules)
    {
        var (claim, value) = Headers.Zip(_values, (header, value) => (header.Claim, Value: value ?? ""))
            .Concat(rules.ClaimHeaders.Select(header => (header.Claim, Value: Claim(header.Claim))))
            .MaxBy(header => header.Value.Length);
        return $"The largest claim is {claim} with {value.Length} bytes.";
    }

    /// <summary>The route maps decide which claims are ever asked for, so this stays small.</summary>
    private string Claim(string name) => LazyInitializer.EnsureInitialized(ref _claims, static () => new(StringComparer.Ordinal)).GetOrAdd(name, static (claim, caller) => claim switch
    {
        // A foreign issuer's are not passed on as they stand in its token.
        "sub" => HeaderText.Encode(caller.Subject),
        "roles" => HeaderText.EncodeList(caller.Roles),
        _ => TryFind(caller.Claims, claim, out var value) ? HeaderText.Encode(value) ?? "" : "",
    }, _caller);

    /// <summary>A claim of that very name, as some are called by an address; else the member that a path with dots leads to.</summary>
    private static bool TryFind(JsonElement claims, string path, out JsonElement value)
    {
        if (claims.TryGetProperty(path, out value)) return true;
        value = claims;
        foreach (var name in path.Split('.'))
        {
            if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty(name, out value)) return false;
        }

        return true;
    }
}

/// <summary>Where identity headers go: the request to a backend, or the answer to a proxy that asked.</summary>
internal interface IHeaderTarget
{
    void Add(string name, string value);
}

/// <summary>A request to a backend.</summary>
internal readonly struct BackendRequestHeaders(HttpRequestHeaders headers) : IHeaderTarget
{
    public void Add(string name, string value) => headers.TryAddWithoutValidation(name, value);
}

/// <summary>An answer to a proxy.</summary>
internal readonly struct AnswerHeaders(IHeaderDictionary headers) : IHeaderTarget
{
    public void Add(string name, string value) => headers[name] = value;
}
