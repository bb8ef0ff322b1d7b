namespace AuthService.Users;

/// <summary>What a user has allowed a client to ask for.</summary>
internal sealed class ConsentRow
{
    public Guid UserId { get; init; }

    public required string ClientId { get; init; }

    public string[] Scopes { get; set; } = [];

    /// <summary>Unix ms.</summary>
    public long GrantedAtMs { get; set; }
}
