namespace AuthService.SigningKeys;

/// <summary>A signing key as the database keeps it. Rows stay for ever: a <c>kid</c> is never used again.</summary>
internal sealed class SigningKeyRow
{
    /// <summary><c>kid</c>: the key's RFC 7638 thumbprint.</summary>
    public required string Kid { get; init; }

    /// <summary><c>alg</c>: ES256, ES384, RS256 or PS256.</summary>
    public required string Algorithm { get; init; }

    /// <summary>One of <see cref="SigningKeyState"/>.</summary>
    public required string State { get; set; }

    /// <summary>PKCS #8, sealed under <c>AuthService:KeyEncryptionKeys</c>; empty once the key is gone.</summary>
    public required string SealedPrivateKey { get; set; }

    /// <summary>Unix ms.</summary>
    public long CreatedAtMs { get; init; }

    /// <summary>When it came into its present state, Unix ms.</summary>
    public long StateSinceMs { get; set; }

    /// <summary>When it first signed, Unix ms; null if it has not.</summary>
    public long? ActivatedAtMs { get; set; }

    /// <summary>When it ceased to sign, Unix ms; null if it has not.</summary>
    public long? RetiredAtMs { get; set; }

    /// <summary>When it was no longer published, Unix ms; null while it is.</summary>
    public long? GoneAtMs { get; set; }

    /// <summary>Taken out of use before its time: its tokens are refused for ever.</summary>
    public bool Withdrawn { get; set; }

    /// <summary>Brings it into another state. A key that is gone has no private key any more.</summary>
    public void MoveTo(string state, long nowMs)
    {
        if (state == SigningKeyState.Active) ActivatedAtMs = nowMs;
        if (State == SigningKeyState.Active) RetiredAtMs = nowMs;
        if (state == SigningKeyState.Gone) (GoneAtMs, SealedPrivateKey) = (nowMs, "");
        (State, StateSinceMs) = (state, nowMs);
    }
}

/// <summary>A key's life: announced, active, retiring, gone.</summary>
internal static class SigningKeyState
{
    /// <summary>Published, not signing yet; at most one.</summary>
    public const string Announced = "announced";

    /// <summary>Signing; exactly one.</summary>
    public const string Active = "active";

    /// <summary>Published until its last token has expired.</summary>
    public const string Retiring = "retiring";

    /// <summary>No token of it is valid any more: all are over, or it was withdrawn.</summary>
    public const string Gone = "gone";

    /// <summary>The states whose keys are loaded and published.</summary>
    public static readonly string[] Published = [Announced, Active, Retiring];
}
