using System.Text.Json;
using RevocationProtocol;

namespace Gateway.Authentication;

/// <summary>
/// Who calls, as a validated access token says. One object a token, shared by all its requests; immutable but for
/// <see cref="ForwardingState"/>.
/// </summary>
internal sealed class AuthenticatedCaller
{
    private object? _forwardingState;

    public AuthenticatedCaller() => FromHeader = AuthenticationOutcome.Accepted(this, TokenSource.AuthorizationHeader);

    /// <summary><c>iss</c>.</summary>
    public required string Issuer { get; init; }

    /// <summary>Whether another issuer than our auth-service issued the token.</summary>
    public required bool IsForeign { get; init; }

    /// <summary><c>sub</c>, for foreign issuers behind their prefix.</summary>
    public required string Subject { get; init; }

    /// <summary><c>name</c>.</summary>
    public string? Name { get; init; }

    /// <summary>Roles; of a foreign issuer only those it may give.</summary>
    public required IReadOnlyList<string> Roles { get; init; }

    /// <summary><c>scope</c>, split.</summary>
    public required IReadOnlyList<string> Scopes { get; init; }

    /// <summary><c>client_id</c>.</summary>
    public string? ClientId { get; init; }

    /// <summary><c>sid</c>.</summary>
    public string? SessionId { get; init; }

    /// <summary><c>exp</c>, without the clock skew.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>The whole payload as issued: neither the prefix nor the filter of roles is applied to it.</summary>
    public required JsonElement Claims { get; init; }

    /// <summary>The handles by which the token can be revoked.</summary>
    public required RevocableToken Revocable { get; init; }

    /// <summary>What forwarding computed once for this token; null before that.</summary>
    public object? ForwardingState => Volatile.Read(ref _forwardingState);

    /// <summary>Keeps the state, unless another request was faster; returns the one that is kept.</summary>
    public object KeepForwardingState(object state) => Interlocked.CompareExchange(ref _forwardingState, state, null) ?? state;

    internal AuthenticationOutcome FromHeader { get; }

    internal AuthenticationOutcome FromWebSocketProtocol => AuthenticationOutcome.Accepted(this, TokenSource.WebSocketProtocol);
}
