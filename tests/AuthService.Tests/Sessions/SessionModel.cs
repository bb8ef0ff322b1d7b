using AuthService.Sessions;

namespace AuthService.Tests.Sessions;

/// <summary>
/// What the contract says about one session, written without looking at the scripts: the reference that random histories
/// are compared with. Immutable records make a snapshot of it a snapshot of Redis.
/// </summary>
internal sealed class SessionModel(long now)
{
    private const long Grace = 60_000;
    private const long Idle = 24L * 3_600_000;
    private const long Absolute = 30L * 24 * 3_600_000;

    private State? _redis = new(Current: 1, MintedAt: now, Under: 1, SeenAt: now, Epoch: 0, Ended: false);
    private State? _older;

    public long Now { get; private set; } = now;

    public long BornAt { get; } = now;

    public int Identity { get; private set; } = 1;

    /// <summary>The user's epoch, which lives in the database and never goes back.</summary>
    public long Epoch { get; private set; }

    /// <summary>The row of the ended session in the database.</summary>
    public bool EndedInDatabase { get; private set; }

    /// <summary>The highest generation any caller was ever given.</summary>
    public long Highest { get; private set; } = 1;

    public void Pass(long milliseconds) => Now += milliseconds;

    public void Restart() => Identity++;

    public void Snapshot() => _older = _redis;

    public void Restore()
    {
        _redis = _older;
        Identity++;
    }

    public void Lose()
    {
        _redis = null;
        Identity++;
    }

    public void RaiseEpoch(bool exceptThis)
    {
        var spared = exceptThis && Live();
        Epoch++;
        if (spared) _redis = _redis! with { Epoch = Epoch };
    }

    public bool End()
    {
        if (_redis is { Ended: true } || (_redis is null && Now >= BornAt + Absolute)) return false;
        // The key of an idle session is gone or about to go; its end is remembered all the same.
        _redis = new State(0, 0, 0, 0, 0, Ended: true);
        EndedInDatabase = true;
        return true;
    }

    /// <summary>What IsLive must say; presenting it must then not be refused or count as reuse.</summary>
    public bool IsLive(long generation) => Live() && Judge(generation) is RotationKind.Rotated or RotationKind.Repeated or RotationKind.MovedForward;

    public RotationKind Present(long generation)
    {
        if (!Live()) return RotationKind.Refused;
        var kind = Judge(generation);
        switch (kind)
        {
            case RotationKind.Reused or RotationKind.FromTheFuture:
                _redis = new State(0, 0, 0, 0, 0, Ended: true);
                EndedInDatabase = true;
                break;
            case RotationKind.Repeated when _redis!.Under == Identity:
                _redis = _redis with { SeenAt = Now };
                break;
            default:
                _redis = _redis! with { Current = generation + 1, MintedAt = Now, Under = Identity, SeenAt = Now };
                Highest = Math.Max(Highest, generation + 1);
                break;
        }

        return kind;
    }

    /// <summary>Contract section 2, row by row.</summary>
    private RotationKind Judge(long generation)
    {
        var record = _redis!;
        var sameRedis = record.Under == Identity;
        if (generation == record.Current) return RotationKind.Rotated;
        if (generation == record.Current - 1 && (!sameRedis || Now - record.MintedAt <= Grace)) return RotationKind.Repeated;
        if (generation < record.Current) return RotationKind.Reused;
        return sameRedis ? RotationKind.FromTheFuture : RotationKind.MovedForward;
    }

    private bool Live() =>
        !EndedInDatabase && _redis is { Ended: false } record && record.Epoch == Epoch
        && Now < BornAt + Absolute && Now < record.SeenAt + Idle;

    private sealed record State(long Current, long MintedAt, int Under, long SeenAt, long Epoch, bool Ended);
}
