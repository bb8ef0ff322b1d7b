using Microsoft.AspNetCore.Identity;

namespace AuthService.Users;

/// <summary>A person who can sign in. The id is the <c>sub</c> of tokens and is never used again.</summary>
internal sealed class User : IdentityUser<Guid>
{
    /// <summary>What the <c>name</c> claim says; the user name if null.</summary>
    public string? DisplayName { get; set; }

    /// <summary>Refused at sign-in and at refresh.</summary>
    public bool Disabled { get; set; }

    /// <summary>Raised by password change, disabling and "end all sessions"; a session of another epoch is not refreshed.</summary>
    public long SessionEpoch { get; set; }

    /// <summary>Cut-off, Unix ms: tokens of this user issued at or before it are dead. 0: none.</summary>
    public long NotBeforeMs { get; set; }

    /// <summary>Unix ms.</summary>
    public long CreatedAtMs { get; set; }

    /// <summary>What the user name looks like, whatever script it is in: no two users look alike. Null only in rows of
    /// before, which the next start fills in.</summary>
    public string? NameSkeleton { get; set; }

    /// <summary>The secret shared with the user's authenticator, sealed under <c>AuthService:KeyEncryptionKeys</c>; asked
    /// for at sign-in only if <see cref="IdentityUser{TKey}.TwoFactorEnabled"/>, before that the enrolment under way.</summary>
    public string? SealedTotpSecret { get; set; }

    /// <summary>The last time step whose code was accepted (RFC 6238 section 5.2: none is accepted twice); 0: none.</summary>
    public long LastTotpStep { get; set; }
}

/// <summary>A role, as it stands in the <c>roles</c> claim.</summary>
internal sealed class Role : IdentityRole<Guid>
{
    /// <summary>Every registered user.</summary>
    public const string User = "user";

    /// <summary>May use <c>/api/admin</c>.</summary>
    public const string Admin = "admin";
}
