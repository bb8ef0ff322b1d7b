using System.Diagnostics.CodeAnalysis;
using Gateway.Diagnostics;

namespace Gateway.Authentication;

/// <summary>Where a request carried its token.</summary>
internal enum TokenSource
{
    None,
    AuthorizationHeader,

    /// <summary>A WebSocket sub-protocol: a page sent it, so the route must allow the page's origin.</summary>
    WebSocketProtocol,
}

/// <summary>
/// Who calls, or why that is not known: a feature of every request behind the authentication middleware. On
/// routes that need a caller a <see cref="Refusal"/> is the answer; on anonymous ones it counts as no token.
/// </summary>
internal sealed class AuthenticationOutcome
{
    private AuthenticationOutcome(AuthenticatedCaller? caller, Reason? refusal, TokenSource source, AuthenticatedCaller? withoutRevocation = null)
    {
        Caller = caller;
        Refusal = refusal;
        Source = source;
        CallerWithoutRevocation = withoutRevocation ?? caller;
    }

    /// <summary>The request has no token.</summary>
    public static AuthenticationOutcome Missing { get; } = new(null, Reason.TokenMissing, TokenSource.None);

    /// <summary>The caller, if known.</summary>
    public AuthenticatedCaller? Caller { get; }

    /// <summary>Why not; null exactly when there is a caller.</summary>
    public Reason? Refusal { get; }

    /// <summary>Where the token was.</summary>
    public TokenSource Source { get; }

    /// <summary>
    /// The caller, also when all but the revocation state is known: only for routes that are configured to go on while
    /// Redis is away.
    /// </summary>
    public AuthenticatedCaller? CallerWithoutRevocation { get; }

    /// <summary>Whether there is a caller, else the reason why not.</summary>
    public bool IsAuthenticated([NotNullWhen(true)] out AuthenticatedCaller? caller, [NotNullWhen(false)] out Reason? refusal)
    {
        (caller, refusal) = (Caller, Refusal);
        return caller is not null;
    }

    internal static AuthenticationOutcome Accepted(AuthenticatedCaller caller, TokenSource source) => new(caller, null, source);

    internal static AuthenticationOutcome Refused(Reason refusal, TokenSource source) => new(null, refusal, source);

    internal static AuthenticationOutcome RevocationUnknown(AuthenticatedCaller caller, TokenSource source) =>
        new(null, Reason.RevocationUnknown, source, caller);
}
