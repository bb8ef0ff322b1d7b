using System.Globalization;
using Gateway.Authentication;
using Gateway.Diagnostics;
using Gateway.Routing;
using RevocationProtocol;
using ServiceHosting;

namespace Gateway.Explain;

/// <summary>
/// The facts behind a decision that has been made, as sentences. Of a token they tell what it claims, never its text; what it
/// claims is cut where it is long, since anybody may have written it.
/// </summary>
internal sealed class Facts(IssuerRegistry issuers, RevocationReplica revocations, TimeProvider time)
{
    private const int MaxShown = 200;

    /// <param name="asked">The request as it came.</param>
    /// <param name="decided">The same request after the decision.</param>
    /// <param name="route">The chosen route.</param>
    /// <param name="endpoint">The chosen endpoint.</param>
    public IReadOnlyList<string> About(HttpContext asked, HttpContext decided, GatewayRoute? route, Endpoint? endpoint)
    {
        var facts = new List<string>();
        var outcome = decided.Features.Get<AuthenticationOutcome>();
        if (Reason.All.FirstOrDefault(reason => reason.Code == decided.Features.Get<RequestReason>()?.Code) is { } reason) facts.Add(reason.Detail);
        facts.Add(route is not null ? $"Route '{route.RouteId}' with policy '{route.Policy.Name}' was chosen for path and method."
            : endpoint is not null ? $"The gateway itself answers here: {endpoint.DisplayName}."
            : "No route was chosen.");
        if (outcome is null)
        {
            facts.Add("It was decided before any token was looked at.");
            return facts;
        }

        var token = BearerToken.Find(asked);
        facts.AddRange(AboutToken(token, outcome));
        facts.AddRange(AboutPolicy(outcome, route));
        var age = revocations.Age is { } known ? $"is {Seconds(known)} old" : "has not been loaded yet";
        facts.Add($"The revocation state {age}; {Seconds(revocations.MaxStaleness)} are allowed.");
        return facts;
    }

    private IEnumerable<string> AboutToken(BearerToken token, AuthenticationOutcome outcome)
    {
        if (token.Source == TokenSource.None)
        {
            yield return "The request has no bearer token.";
            yield break;
        }

        yield return $"The token was found in {(token.Source == TokenSource.WebSocketProtocol ? "a WebSocket sub-protocol" : "Authorization")}; "
            + (outcome.Caller is null ? $"it was judged {outcome.Refusal?.Code}." : "it was accepted.");
        if (!StrictTokenReader.TryRead(token.Text, out var read))
        {
            yield return $"It has {token.Text.Length} characters, and is no JWS that can be read in one way only.";
            yield break;
        }

        foreach (var fact in AboutClaims(read)) yield return fact;
        if (issuers.Find(read.Claims.Issuer) is not { } issuer)
        {
            yield return $"Accepted issuers: {string.Join(", ", issuers.All.Select(known => known.Name))}.";
            yield break;
        }

        yield return $"Accepted from it: types {string.Join(", ", issuer.Types)}; audiences {string.Join(", ", issuer.Audiences)}; clock skew {issuer.ClockSkewMs / 1000} s.";
        foreach (var fact in AboutKeys(read, issuer)) yield return fact;
        foreach (var kind in revocations.FindRevoking(issuer.Revocable(read, read.Header.Kid)))
            yield return $"A revocation covers it: {RevocationCodec.KindText(kind)}.";
    }

    private IEnumerable<string> AboutClaims(UnverifiedToken token)
    {
        var (claims, now) = (token.Claims, time.GetUtcNow().ToUnixTimeMilliseconds());
        yield return $"It says: issuer {Shown(claims.Issuer)}, type {Shown(token.Header.Type)}, algorithm {Shown(token.Header.Algorithm)}, key {Shown(token.Header.Kid)}, "
            + $"audiences {Shown(string.Join(' ', claims.Audiences))}, subject {Shown(claims.Subject)}, client {Shown(claims.ClientId)}, session {Shown(claims.SessionId)}, "
            + $"id {Shown(claims.Jti)}, scopes {Shown(string.Join(' ', claims.Scopes))}.";
        yield return $"It was issued {Seconds(TimeSpan.FromMilliseconds(now - claims.IssuedAtMs))} ago and "
            + (claims.ExpiresMs > now ? $"expires in {Seconds(TimeSpan.FromMilliseconds(claims.ExpiresMs - now))}." : $"expired {Seconds(TimeSpan.FromMilliseconds(now - claims.ExpiresMs))} ago.");
    }

    private IEnumerable<string> AboutKeys(UnverifiedToken token, Issuer issuer)
    {
        var keys = issuer.Keys;
        var state = keys.Age is { } age ? $"were fetched {Seconds(age)} ago: {string.Join(", ", keys.Known.Select(key => $"{key.Kid ?? "without id"} ({key.Algorithm})"))}" : "have not been fetched yet";
        yield return $"The issuer's keys {state}.";
        if (keys.Failure is { } failure) yield return $"The latest fetch failed: {failure}.";
        if (token.Header.Kid is { } kid && revocations.IsRevoked(issuer.Name, RevocationKind.Kid, kid)) yield return "Its key was withdrawn.";
        else if (keys.IsLoaded && !keys.TryFind(token.Header, out _)) yield return "Its key is not among them.";
    }

    private static IEnumerable<string> AboutPolicy(AuthenticationOutcome outcome, GatewayRoute? route)
    {
        if (route is null) yield break;
        if (route.Policy.AllowsAnonymous) yield return "The policy needs no token.";
        else if (RoutePolicies.CallerOf(outcome, route) is { } caller)
        {
            foreach (var unmet in route.Policy.FindUnmet(caller)) yield return unmet;
        }

        if (route.AdmitsUnknownRevocation) yield return "The route admits callers while the revocation state is not known.";
        if (route.RateLimit is { } limit) yield return $"The rate limit '{limit.Name}' of the route is not asked here.";
    }

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture) + " s";

    private static string Shown(string? text) => text is null or "" ? "none" : text.Length <= MaxShown ? text : text[..MaxShown] + "…";
}
