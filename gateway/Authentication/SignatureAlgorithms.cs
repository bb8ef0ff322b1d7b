namespace Gateway.Authentication;

/// <summary>The signature algorithms (RFC 7518 section 3.1) that a key may have. All are asymmetric.</summary>
internal static class SignatureAlgorithms
{
    public const string Es256 = "ES256";
    public const string Es384 = "ES384";
    public const string Rs256 = "RS256";
    public const string Ps256 = "PS256";

    public static readonly IReadOnlyList<string> All = [Es256, Es384, Rs256, Ps256];

    public static bool IsRsa(string algorithm) => algorithm is Rs256 or Ps256;
}
