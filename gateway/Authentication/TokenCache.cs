using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Gateway.Authentication;

/// <summary>A token that was found valid, and what ends that.</summary>
/// <param name="Text">The whole token: a different spelling is a different token.</param>
/// <param name="Caller">Whom it names.</param>
/// <param name="Key">The key that verified it.</param>
/// <param name="NotBeforeMs">From when, Unix ms, the clock skew included.</param>
/// <param name="ExpiresMs">Until when, Unix ms, the clock skew included.</param>
internal sealed record ValidatedToken(string Text, AuthenticatedCaller Caller, VerificationKey Key, long NotBeforeMs, long ExpiresMs)
{
    /// <summary>About what the entry keeps in memory: the text, the payload with its index, the strings taken from it.</summary>
    public long Bytes { get; } = Text.Length * 5L + 1024;
}

/// <summary>How many validated tokens are remembered: <c>Gateway:TokenCache</c>.</summary>
internal sealed class TokenCacheOptions
{
    public const string Section = "Gateway:TokenCache";

    /// <summary>At most so many tokens. 2 to 10,000,000, default 262,144: twice the live tokens one expects.</summary>
    public int MaxEntries { get; set; } = 262_144;

    /// <summary>At most about so many bytes. From 1 MiB, default 512 MiB; a usual token takes 4 KiB.</summary>
    public long MaxBytes { get; set; } = 512L << 20;
}

/// <summary>
/// Tokens that were found valid; rejected ones never enter. The whole decision but time and revocation depends on the
/// token and on the key that verified it, and an entry is gone with either. Reading takes no lock.
/// </summary>
/// <remarks>
/// Two generations, each at most half the bound: when the young one is full it becomes the old one, and the old one is
/// forgotten. What is used moves to the young one, so that what is forgotten has not been used for a generation.
/// </remarks>
internal sealed class TokenCache : IDisposable
{
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(15);

    private readonly Lock _rotating = new();
    private readonly TokenCacheOptions _options;
    private readonly ITimer _sweeper;
    private volatile Generation _young = new();
    private volatile Generation _old = new();

    public TokenCache(TokenCacheOptions options, TimeProvider time)
    {
        _options = options;
        _sweeper = time.CreateTimer(_ => Sweep(time.GetUtcNow().ToUnixTimeMilliseconds()), null, SweepInterval, SweepInterval);
    }

    /// <summary>How many entries there are, and about how many bytes they take.</summary>
    public (int Entries, long Bytes) Size => (_young.Count + _old.Count, _young.Bytes + _old.Bytes);

    public bool TryGet(ReadOnlySpan<char> token, [NotNullWhen(true)] out ValidatedToken? found)
    {
        if (_young.TryGet(token, out found)) return true;
        if (!_old.TryGet(token, out found)) return false;
        Add(found);
        return true;
    }

    public void Add(ValidatedToken token)
    {
        var young = _young;
        if (!young.HasRoomFor(token, _options)) young = Rotate(young);
        if (!young.Add(token)) return;
        // A promoted entry leaves the old generation, unless the young one has just become that.
        var old = _old;
        if (!ReferenceEquals(old, young)) old.Remove(token);
    }

    public void Remove(ValidatedToken token)
    {
        _young.Remove(token);
        _old.Remove(token);
    }

    /// <summary>Removes what has expired or has lost its key.</summary>
    public void Sweep(long nowMs)
    {
        foreach (var generation in (Generation[])[_young, _old])
            generation.RemoveWhere(token => token.ExpiresMs <= nowMs || token.Key.IsWithdrawn);
    }

    public void Dispose() => _sweeper.Dispose();

    private Generation Rotate(Generation full)
    {
        lock (_rotating)
        {
            if (!ReferenceEquals(full, _young)) return _young;
            _old = full;
            return _young = new Generation();
        }
    }

    private sealed class Generation
    {
        private readonly ConcurrentDictionary<string, ValidatedToken> _tokens = new(TokenComparer.Instance);
        private readonly ConcurrentDictionary<string, ValidatedToken>.AlternateLookup<ReadOnlySpan<char>> _lookup;
        private long _bytes;
        private int _count;

        public Generation() => _lookup = _tokens.GetAlternateLookup<ReadOnlySpan<char>>();

        public int Count => Volatile.Read(ref _count);

        public long Bytes => Volatile.Read(ref _bytes);

        public bool HasRoomFor(ValidatedToken token, TokenCacheOptions options) =>
            Count < options.MaxEntries / 2 && Bytes + token.Bytes <= options.MaxBytes / 2;

        public bool TryGet(ReadOnlySpan<char> token, [NotNullWhen(true)] out ValidatedToken? found) => _lookup.TryGetValue(token, out found);

        public bool Add(ValidatedToken token)
        {
            if (!_tokens.TryAdd(token.Text, token)) return false;
            Interlocked.Increment(ref _count);
            Interlocked.Add(ref _bytes, token.Bytes);
            return true;
        }

        public void Remove(ValidatedToken token)
        {
            if (!_tokens.TryRemove(KeyValuePair.Create(token.Text, token))) return;
            Interlocked.Decrement(ref _count);
            Interlocked.Add(ref _bytes, -token.Bytes);
        }

        public void RemoveWhere(Func<ValidatedToken, bool> condition)
        {
            foreach (var (_, token) in _tokens)
            {
                if (condition(token)) Remove(token);
            }
        }
    }

    /// <summary>
    /// Hashes the end of the signature only: it is as good as random, and only tokens whose signature was verified are
    /// keys, so nobody can make many with the same end. Equality is of the whole token.
    /// </summary>
    private sealed class TokenComparer : IEqualityComparer<string>, IAlternateEqualityComparer<ReadOnlySpan<char>, string>
    {
        private const int HashedLength = 32;

        public static readonly TokenComparer Instance = new();

        public bool Equals(string? x, string? y) => string.Equals(x, y, StringComparison.Ordinal);

        public int GetHashCode(string obj) => GetHashCode(obj.AsSpan());

        public bool Equals(ReadOnlySpan<char> alternate, string other) => alternate.SequenceEqual(other);

        public int GetHashCode(ReadOnlySpan<char> alternate) =>
            string.GetHashCode(alternate[Math.Max(0, alternate.Length - HashedLength)..], StringComparison.Ordinal);

        public string Create(ReadOnlySpan<char> alternate) => alternate.ToString();
    }
}
