using System.Collections.Concurrent;

namespace ForwardedIdentity.Tokens;

/// <summary>
/// Tokens by everything they depend on. However many requests want the same one, one fetch is under way; it does not belong
/// to any of them. The last fifth of a token's life renews it, while the old one is still given out.
/// </summary>
internal sealed class TokenCache(TimeProvider time)
{
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan FetchDeadline = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<TokenKey, Entry> _entries = new();
    private long _sweptAt = time.GetTimestamp();

    public int Count => _entries.Count;

    /// <summary>The token for that key, from <paramref name="fetch"/> if there is none that is good for long enough.</summary>
    public Task<IssuedToken> GetAsync(TokenKey key, Func<CancellationToken, Task<IssuedToken>> fetch, CancellationToken cancellationToken)
    {
        Sweep();
        var entry = _entries.GetOrAdd(key, static _ => new Entry());
        Task<IssuedToken> fetching;
        lock (entry)
        {
            if (entry.IsFresh(time)) return Task.FromResult(entry.Token!);
            fetching = entry.Fetching ??= Task.Run(() => FetchAsync(key, entry, fetch), CancellationToken.None);
            if (entry.IsGood(time)) return Task.FromResult(entry.Token!);
        }

        return fetching.WaitAsync(cancellationToken);
    }

    /// <summary>A service refused that token: the next request gets another.</summary>
    public void Forget(TokenKey key, IssuedToken token)
    {
        if (!_entries.TryGetValue(key, out var entry)) return;
        lock (entry)
        {
            if (ReferenceEquals(entry.Token, token)) entry.Token = null;
        }
    }

    private async Task<IssuedToken> FetchAsync(TokenKey key, Entry entry, Func<CancellationToken, Task<IssuedToken>> fetch)
    {
        try
        {
            using var deadline = new CancellationTokenSource(FetchDeadline, time);
            var asked = time.GetTimestamp();
            var token = await fetch(deadline.Token);
            lock (entry)
            {
                (entry.Token, entry.FetchedAt, entry.Fetching) = (token, asked, null);
            }

            return token;
        }
        catch (Exception e)
        {
            lock (entry)
            {
                entry.Fetching = null;
                // The session may have ended: an answer like that holds for the old token too. Trouble on the way does not.
                if (e is TokenRefusedException) entry.Token = null;
                if (entry.Token is null) _entries.TryRemove(KeyValuePair.Create(key, entry));
            }

            throw;
        }
    }

    private void Sweep()
    {
        var last = Volatile.Read(ref _sweptAt);
        if (time.GetElapsedTime(last) < SweepInterval || Interlocked.CompareExchange(ref _sweptAt, time.GetTimestamp(), last) != last) return;
        foreach (var pair in _entries)
        {
            lock (pair.Value)
            {
                if (pair.Value.Fetching is null && !pair.Value.IsGood(time)) _entries.TryRemove(pair);
            }
        }
    }

    private sealed class Entry
    {
        public IssuedToken? Token { get; set; }

        public long FetchedAt { get; set; }

        public Task<IssuedToken>? Fetching { get; set; }

        public bool IsFresh(TimeProvider time) => Token is not null && time.GetElapsedTime(FetchedAt) < Token.Life * 0.8;

        public bool IsGood(TimeProvider time) => Token is not null && time.GetElapsedTime(FetchedAt) < Token.Life;
    }
}
