namespace AuthService.Users;

/// <summary>A code that signs in once without the authenticator.</summary>
internal sealed class RecoveryCodeRow
{
    public Guid UserId { get; init; }

    /// <summary>SHA-256, lower-case hex: the service makes these codes itself, with 80 random bits.</summary>
    public required string CodeHash { get; init; }

    /// <summary>Unix ms; null until it was used.</summary>
    public long? UsedAtMs { get; set; }
}
