using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using AuthService.Audit;
using AuthService.Sessions;
using RevocationProtocol;
using StackExchange.Redis;

namespace AuthService.OAuth.Authorization;

/// <summary>What an authorization code stands for.</summary>
/// <param name="Sid">The session that its redemption begins.</param>
/// <param name="SessionEpoch">The user's when the code was made: a password change meanwhile kills it.</param>
internal sealed record CodeGrant(
    Guid UserId, string Sid, string Scope, string? Nonce, long AuthTimeSeconds, IReadOnlyList<string> Amr, long SessionEpoch, string ClientId)
{
    /// <summary>Without the nonce, which a record would print.</summary>
    public override string ToString() => $"session {Sid} of {ClientId}";
}

/// <summary>Outcome of presenting a code.</summary>
internal enum CodeRedemption
{
    /// <summary>Not a code of this client, or too old.</summary>
    Unknown,

    /// <summary>Another redirect URI, or not the verifier of the request. The code stays as it is: whoever cannot prove that
    /// the code is theirs cannot spoil it either.</summary>
    Mismatch,

    /// <summary>It was redeemed before; the session of that time is ended now.</summary>
    Reused,

    /// <summary>The user has signed out since.</summary>
    SignedOut,

    /// <summary>The session has begun.</summary>
    Redeemed,
}

/// <summary>
/// Authorization codes (RFC 6749 section 4.1.2), single use. A code and the session that it begins lie in one hash slot: the
/// first byte of the code's SHA-256 is the first byte of the session id. So one script uses the code up and begins the
/// session, or finds it used and ends the session with everything that the rest of the system must learn of it.
/// </summary>
internal sealed class AuthorizationCodes(SessionsConnection connection, OtherKeys keys, SessionKeys sessionKeys, SessionPolicy policy)
{
    /// <summary>How long a code can be redeemed.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromSeconds(60);

    /// <summary>How long it is known of a code that it was redeemed.</summary>
    private static readonly TimeSpan UsedLife = TimeSpan.FromMinutes(10);

    private const string AddScript = """
        redis.call('HSET', KEYS[1], 'client', ARGV[1], 'redirect_uri', ARGV[2], 'challenge', ARGV[3], 'grant', ARGV[4])
        redis.call('PEXPIRE', KEYS[1], ARGV[5])
        return 1
        """;

    private const string FindScript = """
        if redis.call('HGET', KEYS[1], 'client') ~= ARGV[1] then return false end
        return redis.call('HGET', KEYS[1], 'grant')
        """;

    /// <summary>KEYS: session, outbox, code, audit outbox. ARGV[1..9] as <see cref="SessionScripts.Begin"/>; then redirect URI, challenge of
    /// the verifier, sid, entry id, issuer, longest life of an access token in ms, trace id, ms to remember a used code, type of the
    /// audit event.</summary>
    private const string RedeemScript = SessionScripts.World + SessionScripts.Read + AuditOutbox.Lua + SessionScripts.End + SessionScripts.Begin + """
        local code = read(KEYS[3])
        if code.client ~= ARGV[2] then return { 'unknown' } end
        local now, s = now_ms(), read(KEYS[1])
        if code.used then
          if not s.user or s.ended then return { 'reused', s.outbox } end
          s.sid = ARGV[12]
          return { 'reused', end_session(now, s, 'code_reused', { eid = ARGV[13], issuer = ARGV[14], token_life = ARGV[15], actor = '',
            address = ARGV[8], trace_id = ARGV[16], type = 'session.code_reused', detail = { severity = 'warning' } }) }
        end
        if code.redirect_uri ~= ARGV[10] or code.challenge ~= ARGV[11] then return { 'mismatch' } end
        if s.user then return { 'signed_out' } end
        redis.call('HSET', KEYS[3], 'used', 1)
        redis.call('PEXPIRE', KEYS[3], ARGV[17])
        local expires = begin_session(now)
        audit(now, { eid = ARGV[13], type = ARGV[18], actor = ARGV[1], subject = ARGV[1], client_id = ARGV[2], sid = ARGV[12], address = ARGV[8], trace_id = ARGV[16] })
        return { 'redeemed', expires }
        """;

    /// <summary>Makes a code and the id of its session. <see cref="StoreAsync"/> makes it redeemable.</summary>
    public static (string Code, string Sid) Create()
    {
        var code = OneTimeValue.Create();
        return (code, OneTimeValue.Hash(code)![..2] + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes((SessionKeys.SidLength / 2) - 1)));
    }

    /// <exception cref="RedisUnavailableException">Redis did not answer.</exception>
    public Task StoreAsync(string code, AuthorizationRequest request, CodeGrant grant, CancellationToken cancellationToken) => connection.Redis.EvaluateAsync(
        AddScript, [Key(OneTimeValue.Hash(code)!)],
        [request.ClientId, request.RedirectUri, request.CodeChallenge, JsonSerializer.Serialize(grant), (long)Life.TotalMilliseconds], cancellationToken);

    /// <summary>What a code of this client stands or stood for; null if there is none.</summary>
    /// <exception cref="RedisUnavailableException">Redis did not answer.</exception>
    public async Task<CodeGrant?> FindAsync(string code, string clientId, CancellationToken cancellationToken)
    {
        if (OneTimeValue.Hash(code) is not { } hash) return null;
        var grant = await connection.Redis.EvaluateAsync(FindScript, [Key(hash)], [clientId], cancellationToken);
        return grant.IsNull ? null : JsonSerializer.Deserialize<CodeGrant>((string)grant!);
    }

    /// <summary>Redeems a code that <see cref="FindAsync"/> has found.</summary>
    /// <param name="session">The session to begin.</param>
    /// <returns>The session's absolute expiry with <see cref="CodeRedemption.Redeemed"/>; the outbox entry of its end, if there
    /// is one, with <see cref="CodeRedemption.Reused"/>.</returns>
    /// <exception cref="RedisUnavailableException">Redis did not answer.</exception>
    public async Task<(CodeRedemption Outcome, long ExpiresMs, string? OutboxId)> RedeemAsync(
        string code, CodeGrant grant, NewSession session, string redirectUri, string verifier, SessionActor by, CancellationToken cancellationToken)
    {
        var result = (RedisResult[])(await connection.Redis.EvaluateAsync(
            RedeemScript,
            [sessionKeys.Session(grant.Sid), sessionKeys.Outbox(SessionKeys.Partition(grant.Sid)), Key(OneTimeValue.Hash(code)!),
                sessionKeys.AuditOutbox(SessionKeys.Partition(grant.Sid))],
            [
                .. SessionStore.BeginArguments(session), redirectUri, Pkce.Challenge(verifier), grant.Sid, Guid.NewGuid().ToString("D"), policy.Issuer,
                policy.LongestTokenLifeMs, by.TraceId ?? "", (long)UsedLife.TotalMilliseconds, session.AuditType,
            ],
            cancellationToken))!;
        return (string?)result[0] switch
        {
            "redeemed" => (CodeRedemption.Redeemed, (long)result[1], null),
            "reused" => (CodeRedemption.Reused, 0, result.Length > 1 ? (string?)result[1] : null),
            "mismatch" => (CodeRedemption.Mismatch, 0, null),
            "signed_out" => (CodeRedemption.SignedOut, 0, null),
            _ => (CodeRedemption.Unknown, 0, null),
        };
    }

    private RedisKey Key(string hash) => keys.AuthorizationCode(hash[..2], hash);
}

/// <summary>Proof key for code exchange (RFC 7636), S256 only: with <c>plain</c> whoever reads the request has the proof.</summary>
internal static class Pkce
{
    public const string Method = "S256";

    private const int ChallengeLength = 43;

    /// <summary>RFC 7636 section 4.2.</summary>
    public static string Challenge(string verifier) => System.Buffers.Text.Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)));

    /// <summary>Whether a text can be a SHA-256 in base64url.</summary>
    public static bool IsChallenge(string text) => text.Length == ChallengeLength && System.Buffers.Text.Base64Url.IsValid(text);

    /// <summary>RFC 7636 section 4.1.</summary>
    public static bool IsVerifier(string text) => text.Length is >= 43 and <= 128 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' or '~');
}
