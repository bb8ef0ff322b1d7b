using System.Diagnostics.CodeAnalysis;

namespace Gateway.Authentication;

/// <summary>A token that was found valid, and what ends that.</summary>
/// <param name="text">The whole token, in ASCII: a different spelling is a different token.</param>
/// <param name="caller">Whom it names.</param>
/// <param name="key">The key that verified it.</param>
/// <param name="notBeforeMs">From when, Unix ms, the clock skew included.</param>
/// <param name="expiresMs">Until when, Unix ms, the clock skew included.</param>
internal sealed class ValidatedToken(byte[] text, AuthenticatedCaller caller, VerificationKey key, long notBeforeMs, long expiresMs)
{
    public byte[] Text { get; } = text;

    public AuthenticatedCaller Caller { get; } = caller;

    public VerificationKey Key { get; } = key;

    public long NotBeforeMs { get; } = notBeforeMs;

    public long ExpiresMs { get; } = expiresMs;

    /// <summary>
    /// About what the entry keeps in memory: the text, the payload with its index, the strings taken from it, and, about as
    /// long as the token, one identity token.
    /// </summary>
    public long Bytes => Text.Length * 4L + 1024;

    /// <summary>Whether it was asked for since it was last looked at for room.</summary>
    internal bool IsUsed { get; set; }

    /// <summary>Its place in the order of the cache, which alone touches it.</summary>
    internal LinkedListNode<ValidatedToken>? Place { get; set; }

    /// <summary>By what <see cref="TokenTable"/> finds it, which alone touches this and the next.</summary>
    internal int Hash { get; set; }

    internal ValidatedToken? Next { get; set; }
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
/// Where there is no room, the oldest goes that was not used since it was last looked at (second chance). So a token in use
/// stays, however many others come by once, up to the whole bound.
/// </remarks>
internal sealed class TokenCache : IDisposable
{
    /// <summary>At most so many are spared for one that comes, so that nobody holds the lock for long.</summary>
    private const int MaxSpared = 16;

    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(15);

    private readonly TokenTable _tokens = new();
    private readonly LinkedList<ValidatedToken> _order = [];
    private readonly Lock _changing = new();
    private readonly TokenCacheOptions _options;
    private readonly ITimer _sweeper;
    private long _bytes;

    public TokenCache(TokenCacheOptions options, TimeProvider time)
    {
        _options = options;
        _sweeper = time.CreateTimer(_ => Sweep(time.GetUtcNow().ToUnixTimeMilliseconds()), null, SweepInterval, SweepInterval);
    }

    /// <summary>How many entries there are, and about how many bytes they take.</summary>
    public (int Entries, long Bytes) Size
    {
        get
        {
            lock (_changing) return (_order.Count, _bytes);
        }
    }

    public bool TryGet(ReadOnlySpan<char> token, [NotNullWhen(true)] out ValidatedToken? found)
    {
        if (!_tokens.TryFind(token, out found)) return false;
        // Not written again and again: processors would take the entry's memory from each other.
        if (!found.IsUsed) found.IsUsed = true;
        return true;
    }

    public void Add(ValidatedToken token)
    {
        lock (_changing)
        {
            if (!_tokens.TryAdd(token)) return;
            token.Place = _order.AddLast(token);
            _bytes += token.Bytes;
            MakeRoom();
        }
    }

    public void Remove(ValidatedToken token)
    {
        lock (_changing)
        {
            if (token.Place is not { } place) return;
            token.Place = null;
            _order.Remove(place);
            _tokens.Remove(token);
            _bytes -= token.Bytes;
        }
    }

    /// <summary>Removes what has expired or has lost its key.</summary>
    public void Sweep(long nowMs)
    {
        foreach (var token in _tokens.All())
        {
            if (token.ExpiresMs <= nowMs || token.Key.IsWithdrawn) Remove(token);
        }
    }

    public void Dispose() => _sweeper.Dispose();

    private void MakeRoom()
    {
        var spared = 0;
        while (_order.Count > _options.MaxEntries || _bytes > _options.MaxBytes)
        {
            var oldest = _order.First!;
            if (oldest.Value.IsUsed && spared++ < MaxSpared)
            {
                oldest.Value.IsUsed = false;
                _order.RemoveFirst();
                _order.AddLast(oldest);
            }
            else
            {
                Remove(oldest.Value);
            }
        }
    }
}
