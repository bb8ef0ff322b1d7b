namespace AuthService.SigningKeys;

/// <summary>The JWS algorithms (RFC 7518 section 3.1) that tokens may be signed with.</summary>
internal static class SigningAlgorithm
{
    public const string Es256 = "ES256";
    public const string Es384 = "ES384";
    public const string Rs256 = "RS256";
    public const string Ps256 = "PS256";

    public static IReadOnlyList<string> All { get; } = [Es256, Es384, Rs256, Ps256];
}
