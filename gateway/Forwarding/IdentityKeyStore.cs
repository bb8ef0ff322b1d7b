using System.Security.Cryptography;
using KeyEncryption;
using RevocationProtocol;

namespace Gateway.Forwarding;

/// <summary>
/// Keeps the keys that all gateways share. What is published comes out of an envelope in Redis and nowhere else, so that who
/// can write to Redis but has no key-encryption key cannot add a key. Keys once known serve on, whatever becomes of Redis.
/// One caller at a time.
/// </summary>
internal sealed partial class IdentityKeyStore(
    IdentityKeyRecords records, KeyEncryptionKeyRing ring, IdentityKeySet keys, TimeProvider time, ILogger<IdentityKeyStore> logger)
{
    /// <summary>What the envelopes are sealed for.</summary>
    public const string Purpose = "identity-key";

    /// <summary>So often another gateway may come between our look and our change.</summary>
    private const int MaxAttempts = 10;

    private readonly Dictionary<string, SealedKey> _known = new(StringComparer.Ordinal);
    private HashSet<(string Kid, string Envelope)> _alarmed = [];

    /// <summary>Reads the keys, makes and removes what is due, and replaces the snapshot.</summary>
    /// <exception cref="RedisUnavailableException">Redis does not answer; the snapshot stays.</exception>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        for (var attempt = 0; attempt < MaxAttempts; attempt++)
        {
            var stored = await records.ReadAsync(cancellationToken);
            var now = time.GetUtcNow();
            var changes = new Dictionary<string, string?>(StringComparer.Ordinal);
            TakeOver(stored, now, changes);

            var schedule = IdentityKeySchedule.Of(_known.Values.Select(known => known.Key), now);
            foreach (var ended in schedule.Ended) Forget(ended.Kid, stored, changes);
            foreach (var (kid, known) in _known)
            {
                // Redis lost it, or holds something else in its place.
                if (!stored.TryGetValue(kid, out var envelope) || envelope != known.Envelope) changes[kid] = known.Envelope;
            }

            if (schedule.NeedsNext)
            {
                var next = IdentityKey.Generate(now.ToUnixTimeMilliseconds());
                changes[next.Kid] = Seal(next);
            }

            if (changes.Count == 0)
            {
                Publish(schedule);
                return;
            }

            // What was written is read back before it is used; so is what another gateway was faster to write.
            if (await records.TryChangeAsync(stored.Keys, changes, cancellationToken)) Report(stored, changes);
        }

        Log.Contended(logger);
    }

    /// <summary>Opens what is new, and notes what to write again.</summary>
    private void TakeOver(Dictionary<string, string> stored, DateTimeOffset now, Dictionary<string, string?> changes)
    {
        var alarmed = new HashSet<(string, string)>();
        foreach (var (kid, envelope) in stored)
        {
            if (_known.TryGetValue(kid, out var known) && known.Envelope == envelope) continue;
            if (TryOpen(kid, envelope) is not { } key)
            {
                alarmed.Add((kid, envelope));
            }
            else if (known is null && key.CreatedMs <= (now - IdentityKeySchedule.MaxAge).ToUnixTimeMilliseconds())
            {
                changes[kid] = null;
            }
            else
            {
                _known[kid] = new SealedKey(known?.Key ?? key, ring.IsSealedUnderFirstKey(envelope) ? envelope : Seal(key));
            }
        }

        _alarmed = alarmed;
    }

    private IdentityKey? TryOpen(string kid, string envelope)
    {
        byte[] exported = [];
        try
        {
            exported = ring.Open(Purpose, kid, envelope);
            var key = IdentityKey.Import(exported);
            if (key.Kid == kid) return key;
            Alarm($"The {Purpose} '{kid}' holds another key.");
        }
        catch (CryptographicException exception)
        {
            Alarm(exception.Message);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(exported);
        }

        return null;

        void Alarm(string reason)
        {
            if (!_alarmed.Contains((kid, envelope))) Log.Ignored(logger, kid, reason);
        }
    }

    private string Seal(IdentityKey key)
    {
        var exported = key.Export();
        var envelope = ring.Seal(Purpose, key.Kid, exported);
        CryptographicOperations.ZeroMemory(exported);
        return envelope;
    }

    private void Forget(string kid, Dictionary<string, string> stored, Dictionary<string, string?> changes)
    {
        _known.Remove(kid);
        if (stored.ContainsKey(kid)) changes[kid] = null;
    }

    private void Publish(IdentityKeySchedule schedule)
    {
        if (schedule.Signer is not { } signer) return;
        if (keys.Signer?.Kid != signer.Kid) Log.Signs(logger, signer.Kid);
        keys.Replace(signer, schedule.Published);
    }

    private void Report(Dictionary<string, string> stored, Dictionary<string, string?> changes)
    {
        foreach (var (kid, envelope) in changes)
        {
            if (envelope is null) Log.Removed(logger, kid);
            else if (_known.ContainsKey(kid)) Log.Restored(logger, kid, stored.ContainsKey(kid) ? "was sealed otherwise" : "was gone");
            else Log.Made(logger, kid);
        }
    }

    private sealed record SealedKey(IdentityKey Key, string Envelope);

    private static partial class Log
    {
        [LoggerMessage(1200, LogLevel.Information, "Made the identity key {Kid}")]
        public static partial void Made(ILogger logger, string kid);

        [LoggerMessage(1201, LogLevel.Critical,
            "A record among the identity keys in Redis is ignored: somebody else wrote it, or this gateway has other Gateway:Identity:KeyEncryptionKeys than the one that did. Key {Kid}: {Reason}")]
        public static partial void Ignored(ILogger logger, string kid, string reason);

        [LoggerMessage(1202, LogLevel.Information, "Identity tokens are signed by the key {Kid}")]
        public static partial void Signs(ILogger logger, string kid);

        [LoggerMessage(1203, LogLevel.Information, "The identity key {Kid} is removed: its last token has ended")]
        public static partial void Removed(ILogger logger, string kid);

        [LoggerMessage(1204, LogLevel.Warning, "Wrote the identity key {Kid} to Redis again, where it {Reason}")]
        public static partial void Restored(ILogger logger, string kid, string reason);

        [LoggerMessage(1205, LogLevel.Warning, "The identity keys in Redis change faster than this gateway can read them; it tries again soon")]
        public static partial void Contended(ILogger logger);
    }
}
