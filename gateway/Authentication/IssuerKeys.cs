using System.Diagnostics.CodeAnalysis;

namespace Gateway.Authentication;

/// <summary>
/// The keys of one issuer: an immutable snapshot that readers take without a lock and a fetch replaces. A fetch that
/// fails, or finds no usable key, changes nothing: the last good keys serve on.
/// </summary>
internal sealed partial class IssuerKeys(string issuer, IKeySource source, TimeProvider time, ILogger logger) : IDisposable
{
    /// <summary>After a fetch for an unknown key id, unknown ids cause no other one for this long.</summary>
    public static readonly TimeSpan Cooldown = TimeSpan.FromSeconds(5);

    private readonly Lock _refetching = new();
    private readonly SemaphoreSlim _fetching = new(1);
    private VerificationKey[]? _keys;
    private Task<bool>? _refetch;
    private long _refetchEnded;
    private long _fetchedAt;
    private string? _failure;

    /// <summary>Raised after keys were withdrawn: whatever was decided with them must go.</summary>
    public event Action? Withdrawn;

    /// <summary>Whether the keys were read once. Before that nothing can be said about any token.</summary>
    public bool IsLoaded => Volatile.Read(ref _keys) is not null;

    /// <summary>The keys that are known now.</summary>
    public IReadOnlyList<VerificationKey> Known => Volatile.Read(ref _keys) ?? [];

    /// <summary>Since the latest fetch that succeeded was begun; null before the first.</summary>
    public TimeSpan? Age => IsLoaded ? time.GetElapsedTime(Volatile.Read(ref _fetchedAt)) : null;

    /// <summary>Why the latest fetch failed; null if it did not.</summary>
    public string? Failure => Volatile.Read(ref _failure);

    /// <summary>
    /// The keys that may have signed a token with this header: those with its key id, else those without an id; of these,
    /// those of its algorithm. False if there is none with its id: the issuer may have a new one.
    /// </summary>
    public bool TryFind(TokenHeader header, [NotNullWhen(true)] out IReadOnlyList<VerificationKey>? candidates)
    {
        var keys = Volatile.Read(ref _keys) ?? [];
        // Nearly always there is one key of that id, and nothing to collect.
        if (header.Kid is not null && OnlyOne(keys, header.Kid) is { } only)
        {
            candidates = only.Algorithm == header.Algorithm ? only.Alone : [];
            return true;
        }

        var named = header.Kid is null ? keys : Array.FindAll(keys, key => key.Kid == header.Kid);
        if (named.Length == 0) named = Array.FindAll(keys, key => key.Kid is null);
        candidates = named.Length == 0 ? null : Array.FindAll(named, key => key.Algorithm == header.Algorithm);
        return candidates is not null;
    }

    private static VerificationKey? OnlyOne(VerificationKey[] keys, string kid)
    {
        VerificationKey? found = null;
        foreach (var key in keys)
        {
            if (key.Kid != kid) continue;
            if (found is not null) return null;
            found = key;
        }

        return found;
    }

    /// <summary>
    /// Fetches because of an unknown key id; all who ask meanwhile share the fetch, and all who ask within the cool-down
    /// after it share its outcome. True if what the issuer has is known.
    /// </summary>
    public Task<bool> RefetchAsync()
    {
        lock (_refetching)
        {
            if (_refetch is { IsCompleted: false }) return _refetch;
            if (_refetch is not null && time.GetElapsedTime(_refetchEnded) < Cooldown) return _refetch;
            return _refetch = Task.Run(async () =>
            {
                try
                {
                    return await FetchAsync(CancellationToken.None);
                }
                finally
                {
                    lock (_refetching) _refetchEnded = time.GetTimestamp();
                }
            });
        }
    }

    /// <summary>Fetches the keys now. False if that failed; the reason is logged once.</summary>
    public async Task<bool> FetchAsync(CancellationToken cancellationToken)
    {
        // One at a time, so that an older answer never replaces a newer one.
        await _fetching.WaitAsync(cancellationToken);
        try
        {
            var began = time.GetTimestamp();
            var set = await source.ReadAsync(cancellationToken);
            if (set.Keys.Count == 0) throw new KeySourceException($"it has no usable key{string.Concat(set.Skipped.Select(reason => $"; {reason}"))}");
            Volatile.Write(ref _fetchedAt, began);
            Replace(set.Keys);
            Volatile.Write(ref _failure, null);
            return true;
        }
        catch (KeySourceException exception)
        {
            if (Failure != exception.Message) Log.FetchFailed(logger, issuer, exception.Message, IsLoaded);
            Volatile.Write(ref _failure, exception.Message);
            return false;
        }
        finally
        {
            _fetching.Release();
        }
    }

    public void Dispose() => _fetching.Dispose();

    private void Replace(IReadOnlyList<VerificationKey> fetched)
    {
        var before = Volatile.Read(ref _keys) ?? [];
        // The same key stays the same object: tokens that were verified with it stay verified.
        var after = fetched.Select(key => Array.Find(before, old => old.Kid == key.Kid && old.Material == key.Material) ?? key).ToArray();
        Volatile.Write(ref _keys, after);

        foreach (var key in after.Except(before)) Log.Added(logger, issuer, key.Kid, key.Algorithm);
        var gone = before.Except(after).ToList();
        foreach (var key in gone)
        {
            key.Withdraw();
            Log.Withdrawn(logger, issuer, key.Kid);
        }

        if (gone.Count > 0) Withdrawn?.Invoke();
    }

    private static partial class Log
    {
        [LoggerMessage(1000, LogLevel.Information, "Issuer {Issuer} has the key {Kid} for {Algorithm}")]
        public static partial void Added(ILogger logger, string issuer, string? kid, string algorithm);

        [LoggerMessage(1001, LogLevel.Information, "Issuer {Issuer} no longer has the key {Kid}; tokens signed with it are refused from now on")]
        public static partial void Withdrawn(ILogger logger, string issuer, string? kid);

        [LoggerMessage(1002, LogLevel.Warning, "The keys of issuer {Issuer} could not be fetched: {Failure}. Keys from before serve on: {HasKeys}")]
        public static partial void FetchFailed(ILogger logger, string issuer, string failure, bool hasKeys);
    }
}
