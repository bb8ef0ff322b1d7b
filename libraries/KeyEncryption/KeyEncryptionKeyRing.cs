using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace KeyEncryption;

/// <summary>
/// Wraps private and MAC keys for storage. The first key of the ring wraps, every key unwraps: to change the wrapping
/// key, put the new one in front and keep the old one until nothing is sealed under it any more
/// (<see cref="IsSealedUnderFirstKey"/>).
/// </summary>
/// <remarks>
/// An envelope is text: <c>ke1.&lt;fingerprint&gt;.&lt;nonce&gt;.&lt;ciphertext&gt;.&lt;tag&gt;</c>, each part base64url.
/// AES-256-GCM with a random 96-bit nonce; the associated data are version, purpose and key id, each preceded by its
/// length, so that an envelope cannot be moved to another key id or another use. Thread-safe.
/// </remarks>
public sealed class KeyEncryptionKeyRing
{
    /// <summary>Length of a key, in bytes.</summary>
    public const int KeyLength = 32;

    private const string Version = "ke1";
    private const int NonceLength = 12;
    private const int TagLength = 16;
    private const int FingerprintLength = 8;

    private readonly (string Fingerprint, byte[] Key)[] _keys;
    private readonly string _settingName;

    /// <summary>Creates a ring.</summary>
    /// <param name="keys">Base64 texts of 32 random bytes each; at least one. Check them with <see cref="Faults"/>
    /// first to report every fault at once.</param>
    /// <param name="settingName">The setting the keys come from; error messages name it.</param>
    /// <exception cref="ArgumentException">The keys have a fault.</exception>
    public KeyEncryptionKeyRing(IReadOnlyList<string> keys, string settingName)
    {
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentException.ThrowIfNullOrEmpty(settingName);
        if (Faults(keys, settingName) is [var first, ..]) throw new ArgumentException(first, nameof(keys));
        if (keys.Count == 0) throw new ArgumentException($"{settingName} must list at least one key.", nameof(keys));
        _settingName = settingName;
        _keys = [.. keys.Select(Convert.FromBase64String).Select(key => (Fingerprint(key), key))];
    }

    /// <summary>What is wrong with the configured keys, one sentence each, beginning with the setting's name.
    /// An empty list has no fault here: whether keys are required is the caller's rule.</summary>
    public static IReadOnlyList<string> Faults(IReadOnlyList<string> keys, string settingName)
    {
        ArgumentNullException.ThrowIfNull(keys);
        var faults = new List<string>();
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < keys.Count; i++)
        {
            var key = Decode(keys[i]);
            if (key is null)
                faults.Add($"{settingName}:{i} must be the base64 text of {KeyLength} random bytes (make one with `openssl rand -base64 {KeyLength}`).");
            else if (key.AsSpan().IndexOfAnyExcept(key[0]) < 0)
                faults.Add($"{settingName}:{i} must be random; all its bytes are the same.");
            else if (!seen.TryAdd(Fingerprint(key), i))
                faults.Add($"{settingName}:{i} repeats {settingName}:{seen[Fingerprint(key)]}.");
        }
        return faults;
    }

    /// <summary>A new random key as base64 text, fit for the setting.</summary>
    public static string NewKey() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(KeyLength));

    /// <summary>Seals <paramref name="plaintext"/> under the first key.</summary>
    /// <param name="purpose">What the key is for, such as <c>signing-key</c>.</param>
    /// <param name="keyId">The id the key is stored under.</param>
    /// <param name="plaintext">The key itself.</param>
    public string Seal(string purpose, string keyId, ReadOnlySpan<byte> plaintext)
    {
        var (fingerprint, key) = _keys[0];
        Span<byte> nonce = stackalloc byte[NonceLength];
        Span<byte> tag = stackalloc byte[TagLength];
        RandomNumberGenerator.Fill(nonce);
        var ciphertext = new byte[plaintext.Length];
        using var aes = new AesGcm(key, TagLength);
        aes.Encrypt(nonce, plaintext, ciphertext, tag, AssociatedData(purpose, keyId));
        return string.Join('.', Version, fingerprint, Base64Url.EncodeToString(nonce), Base64Url.EncodeToString(ciphertext), Base64Url.EncodeToString(tag));
    }

    /// <summary>Opens an envelope. The caller clears the returned bytes when done.</summary>
    /// <exception cref="KeyEncryptionException">It cannot be opened; the message says why and what to do.</exception>
    public byte[] Open(string purpose, string keyId, string envelope)
    {
        ArgumentNullException.ThrowIfNull(envelope);
        if (envelope.Split('.') is not [Version, var fingerprint, var nonceText, var ciphertextText, var tagText]
            || !TryDecode(nonceText, out var nonce) || nonce.Length != NonceLength
            || !TryDecode(ciphertextText, out var ciphertext)
            || !TryDecode(tagText, out var tag) || tag.Length != TagLength)
            throw new KeyEncryptionException($"The sealed {purpose} '{keyId}' is not an envelope of version {Version}.");

        var index = Array.FindIndex(_keys, k => k.Fingerprint == fingerprint);
        if (index < 0)
            throw new KeyEncryptionException($"The {purpose} '{keyId}' is sealed under the key with fingerprint {fingerprint}, which is not among {_settingName}. Add that key to {_settingName} (behind the first one).");

        var plaintext = new byte[ciphertext.Length];
        using var aes = new AesGcm(_keys[index].Key, TagLength);
        try
        {
            aes.Decrypt(nonce, ciphertext, tag, plaintext, AssociatedData(purpose, keyId));
        }
        catch (AuthenticationTagMismatchException e)
        {
            throw new KeyEncryptionException($"The sealed {purpose} '{keyId}' was changed, or belongs to another key id or purpose.", e);
        }
        return plaintext;
    }

    /// <summary>Whether an envelope is sealed under the key that wraps now. If not, open and seal it again before
    /// taking the old key out of the ring.</summary>
    public bool IsSealedUnderFirstKey(string envelope)
    {
        ArgumentNullException.ThrowIfNull(envelope);
        return envelope.StartsWith($"{Version}.{_keys[0].Fingerprint}.", StringComparison.Ordinal);
    }

    private static string Fingerprint(byte[] key)
    {
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, "KeyEncryption fingerprint"u8, hash);
        return Base64Url.EncodeToString(hash[..FingerprintLength]);
    }

    private static byte[] AssociatedData(string purpose, string keyId)
    {
        ArgumentException.ThrowIfNullOrEmpty(purpose);
        ArgumentException.ThrowIfNullOrEmpty(keyId);
        var data = new MemoryStream();
        Span<byte> length = stackalloc byte[sizeof(int)];
        foreach (var part in (ReadOnlySpan<string>)[Version, purpose, keyId])
        {
            var bytes = Encoding.UTF8.GetBytes(part);
            BinaryPrimitives.WriteInt32BigEndian(length, bytes.Length);
            data.Write(length);
            data.Write(bytes);
        }
        return data.ToArray();
    }

    private static byte[]? Decode(string? text)
    {
        Span<byte> key = stackalloc byte[KeyLength];
        return text is not null && Convert.TryFromBase64String(text, key, out var written) && written == KeyLength ? key.ToArray() : null;
    }

    private static bool TryDecode(string text, out byte[] bytes)
    {
        bytes = [];
        if (!Base64Url.IsValid(text)) return false;
        bytes = Base64Url.DecodeFromChars(text);
        return true;
    }
}
