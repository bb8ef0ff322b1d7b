using System.Collections.Frozen;

namespace AuthService.Claims;

/// <summary>Claims with a meaning of their own to this service, to gateways, or to verifiers of tokens: none can be configured.</summary>
internal static class ReservedClaims
{
    public static readonly FrozenSet<string> Names = FrozenSet.Create(
        StringComparer.Ordinal,
        "iss", "sub", "aud", "exp", "iat", "nbf", "jti", "client_id", "scope", "scp", "sid", "auth_time", "roles", "name", "token_type", "act", "may_act",
        "cnf", "nonce", "at_hash", "c_hash", "s_hash", "events", "acr", "amr", "azp", "sub_jwk", "active", "username");
}
