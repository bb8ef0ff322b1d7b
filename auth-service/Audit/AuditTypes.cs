using System.Collections.Frozen;
using System.Reflection;

namespace AuthService.Audit;

/// <summary>The closed list of what is audited. The names stand in the database and in logs: they never change.</summary>
internal static class AuditTypes
{
    public const string SignedIn = "sign_in.succeeded";
    public const string SignInFailed = "sign_in.failed";

    /// <summary>The password was right, the second factor was not.</summary>
    public const string SecondFactorFailed = "sign_in.second_factor_failed";

    /// <summary>A session began without a password being asked for: an authorization of a browser that was signed in.</summary>
    public const string SessionStarted = "session.started";

    public const string SessionRefreshed = "session.refreshed";
    public const string SessionEnded = "session.ended";
    public const string TokenReused = "session.token_reused";
    public const string CodeReused = "session.code_reused";

    public const string TokenFromTheFuture = "session.token_from_the_future";

    /// <summary>A browser's sign-in at this service ended, and with it its sessions.</summary>
    public const string BrowserSignedOut = "browser.signed_out";

    public const string UserRegistered = "user.registered";
    public const string UserCreated = "user.created";
    public const string UserUpdated = "user.updated";
    public const string UserDisabled = "user.disabled";
    public const string UserEnabled = "user.enabled";
    public const string UserDeleted = "user.deleted";
    public const string UserRolesChanged = "user.roles_changed";
    public const string UserClaimsChanged = "user.claims_changed";
    public const string PasswordChanged = "user.password_changed";

    /// <summary>An administrator set another password.</summary>
    public const string PasswordReset = "user.password_reset";

    public const string SessionsEnded = "user.sessions_ended";

    public const string SecondFactorEnabled = "second_factor.enabled";
    public const string SecondFactorDisabled = "second_factor.disabled";

    /// <summary>An administrator took it away from a user who had lost it.</summary>
    public const string SecondFactorReset = "second_factor.reset";

    public const string RecoveryCodesReplaced = "second_factor.recovery_codes_replaced";
    public const string RecoveryCodeUsed = "second_factor.recovery_code_used";

    public const string RoleCreated = "role.created";
    public const string RoleUpdated = "role.updated";
    public const string RoleDeleted = "role.deleted";
    public const string RoleClaimsChanged = "role.claims_changed";

    public const string ClientCreated = "client.created";
    public const string ClientUpdated = "client.updated";
    public const string ClientDisabled = "client.disabled";
    public const string ClientEnabled = "client.enabled";
    public const string ClientDeleted = "client.deleted";
    public const string ClientSecretChanged = "client.secret_changed";

    public const string ConsentGranted = "consent.granted";
    public const string ConsentWithdrawn = "consent.withdrawn";

    /// <summary>A single token was revoked.</summary>
    public const string TokenRevoked = "token.revoked";

    /// <summary>Every token of a user, a client or all, issued until now, was revoked.</summary>
    public const string TokensCutOff = "tokens.cut_off";

    public const string SigningKeyCreated = "signing_key.created";
    public const string SigningKeyActivated = "signing_key.activated";
    public const string SigningKeyRetired = "signing_key.retired";
    public const string SigningKeyWithdrawn = "signing_key.withdrawn";

    public static readonly FrozenSet<string> All = typeof(AuditTypes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Where(field => field.IsLiteral).Select(field => (string)field.GetRawConstantValue()!).ToFrozenSet(StringComparer.Ordinal);
}
