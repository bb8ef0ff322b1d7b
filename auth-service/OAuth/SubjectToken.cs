using System.Buffers.Text;
using System.Globalization;
using System.Text.Json;

namespace AuthService.OAuth;

/// <summary>The token whose subject a client wants to act for, verified.</summary>
/// <param name="UserId">The user; null when the subject is a service.</param>
/// <param name="ExpiresAtSeconds">Unix seconds.</param>
/// <param name="IssueTimeMs">Issue time of the access token that it is, or was made from; cut-offs are compared with it.</param>
internal sealed record SubjectToken(
    string Subject, Guid? UserId, string ClientId, string? Sid, long? AuthTimeSeconds, IReadOnlyList<string> Roles, IReadOnlyList<string> Scopes, Actor? Actor,
    long ExpiresAtSeconds, long IssueTimeMs)
{
    /// <summary>Reads the claims of a token whose signature was proven; null if they are not those of a user's session or of
    /// a service.</summary>
    public static SubjectToken? Read(string token, string jtiClaim)
    {
        try
        {
            using var document = JsonDocument.Parse(Base64Url.DecodeFromChars(token.Split('.')[1]));
            var claims = document.RootElement;
            if (Text(claims, "sub") is not { } subject || Text(claims, "client_id") is not { } clientId) return null;
            var sid = Text(claims, "sid");
            Guid? userId = sid is not null && Guid.TryParseExact(subject, "D", out var id) ? id : null;
            // A service calls as itself; a subject with a session is a user of ours, or it is of an issuer we know nothing of.
            if (userId is null && (sid is not null || subject != clientId)) return null;
            // An identity token without it was made from a token of another issuer, whatever subject and client that names.
            if (Text(claims, jtiClaim) is not { } jti || !Guid.TryParseExact(jti, "D", out _)) return null;
            var issueTime = long.Parse(string.Concat(jti.AsSpan(0, 8), jti.AsSpan(9, 4)), NumberStyles.AllowHexSpecifier);
            return new SubjectToken(
                subject, userId, clientId, sid, claims.TryGetProperty("auth_time", out var authTime) ? authTime.GetInt64() : null, RolesOf(claims),
                OAuth.Scopes.Split(Text(claims, "scope")), Actor.Read(claims), claims.GetProperty("exp").GetInt64(), issueTime);
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException or KeyNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Several, or one text when the issuer of the token writes a single role so.</summary>
    private static string[] RolesOf(JsonElement claims) => !claims.TryGetProperty("roles", out var roles)
        ? []
        : roles.ValueKind == JsonValueKind.Array ? [.. roles.EnumerateArray().Select(role => role.GetString()!)] : [roles.GetString()!];

    private static string? Text(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
