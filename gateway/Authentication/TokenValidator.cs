using System.Text;
using Gateway.Diagnostics;
using RevocationProtocol;

namespace Gateway.Authentication;

/// <summary>
/// Says who a token names. The first sight of a token is read strictly and verified once, however many requests bring it
/// at that moment; later ones are a look into memory.
/// </summary>
internal sealed class TokenValidator(IssuerRegistry issuers, TokenCache cache, RevocationReplica revocations, TimeProvider time)
{
    /// <summary>Keys without an id that are tried for one token, so that a token cannot cost a check for each of many keys.</summary>
    private const int MaxCandidates = 4;

    // The tokens that are being judged, in order rather than hashed: nothing about them is known to be true yet, and whoever
    // sends them cannot choose texts among which one is hard to find.
    private readonly SortedDictionary<byte[], Task<Validation>> _flights = new(Comparer<byte[]>.Create(static (x, y) => x.AsSpan().SequenceCompareTo(y)));
    private readonly Lock _flying = new();
    private long _signatureChecks;
    private long _firstSights;

    /// <summary>How many signatures were checked since the start.</summary>
    public long SignatureChecks => Volatile.Read(ref _signatureChecks);

    /// <summary>How many tokens were not known and had to be judged since the start.</summary>
    public long FirstSights => Volatile.Read(ref _firstSights);

    /// <summary>Completes at once for every token but an unseen one, which may wait for the issuer's keys.</summary>
    public ValueTask<AuthenticationOutcome> AuthenticateAsync(BearerToken token, CancellationToken cancellationToken)
    {
        if (cache.TryGet(token.Text, out var known))
        {
            if (!known.Key.IsWithdrawn) return new(Decide(known, token.Source));
            cache.Remove(known);
        }

        Interlocked.Increment(ref _firstSights);
        if (!StrictTokenReader.TryRead(token.Text, out var unverified)) return new(AuthenticationOutcome.Refused(Reason.TokenMalformed, token.Source));
        if (issuers.Find(unverified.Claims.Issuer) is not { } issuer)
            return new(AuthenticationOutcome.Refused(Reason.TokenIssuerInvalid, token.Source));
        // The strict reader has let nothing but ASCII pass.
        var text = new byte[token.Text.Length];
        Encoding.ASCII.GetBytes(token.Text, text);
        return ValidateSharedAsync(text, token, unverified, issuer, cancellationToken);
    }

    /// <summary>What may change while a token stays the same: time, revocation, and its key.</summary>
    private AuthenticationOutcome Decide(ValidatedToken token, TokenSource source)
    {
        var now = NowMs();
        if (now >= token.ExpiresMs) return AuthenticationOutcome.Refused(Reason.TokenExpired, source);
        if (now < token.NotBeforeMs) return AuthenticationOutcome.Refused(Reason.TokenNotYetValid, source);
        if (token.Key.IsWithdrawn) return AuthenticationOutcome.Refused(Reason.TokenSignatureInvalid, source);
        return revocations.Check(token.Caller.Revocable) switch
        {
            RevocationVerdict.Live => source == TokenSource.WebSocketProtocol ? token.Caller.FromWebSocketProtocol : token.Caller.FromHeader,
            RevocationVerdict.Revoked => AuthenticationOutcome.Refused(Reason.TokenRevoked, source),
            _ => AuthenticationOutcome.RevocationUnknown(token.Caller, source),
        };
    }

    private async ValueTask<AuthenticationOutcome> ValidateSharedAsync(
        byte[] text, BearerToken token, UnverifiedToken unverified, Issuer issuer, CancellationToken cancellationToken)
    {
        Validation validation;
        var own = new TaskCompletionSource<Validation>(TaskCreationOptions.RunContinuationsAsynchronously);
        var running = Join(text, own.Task);
        if (running != own.Task)
        {
            validation = await running.WaitAsync(cancellationToken);
        }
        else
        {
            try
            {
                // Another flight may have ended between the look into the cache and now.
                validation = cache.TryGet(token.Text, out var known) && !known.Key.IsWithdrawn
                    ? new Validation(known, null)
                    : await ValidateAsync(text, unverified, issuer);
                own.SetResult(validation);
            }
            finally
            {
                // The shared work is not one request's: only a defect gets here without a result.
                own.TrySetCanceled(CancellationToken.None);
                lock (_flying) _flights.Remove(text);
            }
        }

        return validation.Token is { } valid ? Decide(valid, token.Source) : AuthenticationOutcome.Refused(validation.Refusal!, token.Source);
    }

    /// <summary>The flight that judges this token already; if there is none, this one is it from now on.</summary>
    private Task<Validation> Join(byte[] text, Task<Validation> own)
    {
        lock (_flying)
        {
            if (_flights.TryGetValue(text, out var running)) return running;
            _flights.Add(text, own);
            return own;
        }
    }

    private async ValueTask<Validation> ValidateAsync(byte[] text, UnverifiedToken token, Issuer issuer)
    {
        if (!issuer.Keys.IsLoaded) return new(null, Reason.KeysUnavailable);
        if (!issuer.Keys.TryFind(token.Header, out var candidates))
        {
            // A withdrawn key is not looked for: no fetch could bring it back.
            if (token.Header.Kid is { } kid && revocations.IsRevoked(issuer.Name, RevocationKind.Kid, kid)) return new(null, Reason.TokenRevoked);
            var isKnown = await issuer.Keys.RefetchAsync();
            // Unknown to an issuer that answered, or nobody can say: the second is not the caller's fault.
            if (!issuer.Keys.TryFind(token.Header, out candidates))
                return new(null, isKnown ? Reason.TokenSignatureInvalid : Reason.KeysUnavailable);
        }

        if (Verify(text, token, candidates) is not { } key) return new(null, Reason.TokenSignatureInvalid);
        if (issuer.Check(token) is { } refusal) return new(null, refusal);

        var claims = token.Claims;
        var validated = new ValidatedToken(
            text,
            issuer.Caller(token, key),
            key,
            Math.Max(claims.NotBeforeMs, claims.IssuedAtMs) - issuer.ClockSkewMs,
            claims.ExpiresMs + issuer.ClockSkewMs);
        var now = NowMs();
        if (now >= validated.ExpiresMs) return new(null, Reason.TokenExpired);
        if (now < validated.NotBeforeMs) return new(null, Reason.TokenNotYetValid);
        cache.Add(validated);
        return new(validated, null);
    }

    private VerificationKey? Verify(byte[] text, UnverifiedToken token, IReadOnlyList<VerificationKey> candidates)
    {
        for (var i = 0; i < candidates.Count && i < MaxCandidates; i++)
        {
            Interlocked.Increment(ref _signatureChecks);
            if (candidates[i].Verify(text, token.SignedLength, token.Signature)) return candidates[i];
        }

        return null;
    }

    private long NowMs() => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>A valid token, or why it is none.</summary>
    private sealed record Validation(ValidatedToken? Token, Reason? Refusal);
}
