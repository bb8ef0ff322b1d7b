namespace AuthService.Revocation;

/// <summary>
/// Outbox entries that this process has appended to the stream of the present Redis and that wait for the database. It
/// holds as many as one sweep can meet; what is beyond that is appended again, which does no harm.
/// </summary>
internal sealed class AppendedEntries(int capacity = 256 * 100)
{
    private readonly Lock _lock = new();
    private readonly HashSet<string> _eids = [];
    private string _identity = "";

    /// <summary>Whether the entry was appended to that Redis.</summary>
    public bool Contains(string eid, string? identity)
    {
        lock (_lock)
            return identity == _identity && _eids.Contains(eid);
    }

    /// <summary>Remembers an append. Those to another Redis are worth nothing then.</summary>
    public void Remember(string eid, string identity)
    {
        lock (_lock)
        {
            if (identity != _identity)
                _eids.Clear();
            _identity = identity;
            if (_eids.Count < capacity)
                _eids.Add(eid);
        }
    }

    /// <summary>The database has it.</summary>
    public void Forget(string eid)
    {
        lock (_lock)
            _eids.Remove(eid);
    }
}
