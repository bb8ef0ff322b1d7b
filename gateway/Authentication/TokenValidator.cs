using System.Collections.Concurrent;
using System.Runtime.InteropServices;
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

    private readonly ConcurrentDictionary<Flight, Task<Validation>> _flights = new();
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
        return ValidateSharedAsync(Flight.Of(token.Text), token, unverified, issuer, cancellationToken);
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
        Flight flight, BearerToken token, UnverifiedToken unverified, Issuer issuer, CancellationToken cancellationToken)
    {
        var own = new TaskCompletionSource<Validation>(TaskCreationOptions.RunContinuationsAsynchronously);
        var running = _flights.GetOrAdd(flight, own.Task);
        Validation validation;
        if (ReferenceEquals(running, own.Task))
        {
            try
            {
                // Another flight may have ended between the look into the cache and now.
                validation = cache.TryGet(token.Text, out var known) && !known.Key.IsWithdrawn
                    ? new Validation(known, null)
                    : await ValidateAsync(flight.Text, unverified, issuer);
                own.SetResult(validation);
            }
            finally
            {
                // The shared work is not one request's: only a defect gets here without a result.
                own.TrySetCanceled(CancellationToken.None);
                _flights.TryRemove(flight, out _);
            }
        }
        else
        {
            validation = await running.WaitAsync(cancellationToken);
        }

        return validation.Token is { } valid ? Decide(valid, token.Source) : AuthenticationOutcome.Refused(validation.Refusal!, token.Source);
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

    /// <summary>
    /// A token that is being judged. It is hashed as a whole, once, with this process's secret: nothing about it is known to be
    /// true yet, so whoever sends it must not choose where it comes to lie.
    /// </summary>
    private readonly struct Flight(byte[] text, int hash) : IEquatable<Flight>
    {
        public byte[] Text { get; } = text;

        public static Flight Of(ReadOnlySpan<char> token)
        {
            // The strict reader has let nothing but ASCII pass.
            var text = new byte[token.Length];
            Encoding.ASCII.GetBytes(token, text);
            return new Flight(text, string.GetHashCode(MemoryMarshal.Cast<byte, char>(text), StringComparison.Ordinal));
        }

        public bool Equals(Flight other) => Text.AsSpan().SequenceEqual(other.Text);

        public override bool Equals(object? obj) => obj is Flight other && Equals(other);

        public override int GetHashCode() => hash;
    }

    /// <summary>A valid token, or why it is none.</summary>
    private sealed record Validation(ValidatedToken? Token, Reason? Refusal);
}
