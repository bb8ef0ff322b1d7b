namespace AuthService.Users;

/// <summary>A person signed in with a browser at this service itself: what the sign-in cookie stands for.</summary>
internal sealed class BrowserSignInRow
{
    /// <summary>SHA-256 of the cookie's value, lower-case hex: a dump of the table is no cookie.</summary>
    public required string Id { get; init; }

    public Guid UserId { get; init; }

    /// <summary>The user's epoch when it began; under another it is over.</summary>
    public long SessionEpoch { get; set; }

    /// <summary>When the person last proved who they are, Unix seconds.</summary>
    public long AuthTime { get; set; }

    /// <summary>How, in the names of RFC 8176, space-separated.</summary>
    public required string Amr { get; set; }

    /// <summary>Unix ms.</summary>
    public long CreatedAtMs { get; init; }

    /// <summary>Unix ms.</summary>
    public long LastSeenAtMs { get; set; }

    /// <summary>Unix ms; moves on with use.</summary>
    public long ExpiresMs { get; set; }
}

/// <summary>A session started from a browser sign-in, to be ended with it.</summary>
internal sealed class BrowserSignInSessionRow
{
    public required string SignInId { get; init; }

    public required string Sid { get; init; }

    /// <summary>The session's absolute expiry, Unix ms.</summary>
    public long ExpiresMs { get; init; }
}
