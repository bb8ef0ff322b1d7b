namespace RevocationProtocol;

/// <summary>
/// The revocations without a cut-off (jti, sid, kid): an exact hash set of 128-bit handles with an expiry each.
/// One writer at a time; readers take no lock and never wait. 25 bytes a slot; at most three quarters of the slots
/// are in use. Expired entries leave through a wheel of one-second buckets, so that no pass looks at live ones.
/// </summary>
/// <remarks>
/// A look reads marks, a byte a slot, which mostly lie in the processor's cache. Only one in 128 of other handles has the same,
/// so that nearly no look at a live token waits for the memory of handles.
/// </remarks>
internal sealed class RevocationTable
{
    private const byte Unused = 0;
    private const uint Dead = 0;
    private const uint Forever = uint.MaxValue;
    private const int WheelSize = 4096;
    private const int InitialCapacity = 1024;

    private readonly int[] _wheel = new int[WheelSize];
    private readonly int[] _counts = new int[1 << RevocableToken.KindBits];
    private Slots _slots = new(InitialCapacity);
    private int _used;
    private long _sweptSecond;

    public RevocationTable(long nowMs) => _sweptSecond = nowMs / 1000;

    /// <summary>Entries that are not expired.</summary>
    public int Count { get; private set; }

    /// <summary>Those of one kind.</summary>
    public int CountOf(RevocationKind kind) => Volatile.Read(ref _counts[(int)kind]);

    /// <summary>Whether the handle is revoked. Safe beside the writer.</summary>
    public bool Contains(UInt128 handle)
    {
        var slots = Volatile.Read(ref _slots);
        var mark = Mark(handle);
        for (var i = (int)(ulong)handle & slots.Mask; ; i = (i + 1) & slots.Mask)
        {
            // Handle and mark of a slot are written once, the mark last, and stay until the table is replaced.
            var present = Volatile.Read(ref slots.Marks[i]);
            if (present == Unused)
                return false;
            if (present == mark && slots.Handles[i] == handle)
                return Volatile.Read(ref slots.Expires[i]) != Dead;
        }
    }

    /// <summary>Adds the handle, or prolongs it; an entry never gets shorter. Returns whether anything changed.</summary>
    public bool Add(UInt128 handle, long expiresMs)
    {
        var expires = ToSeconds(expiresMs);
        if (expires != Forever && expires <= _sweptSecond)
            return false;
        var slots = _slots;
        for (var i = (int)(ulong)handle & slots.Mask; ; i = (i + 1) & slots.Mask)
        {
            var isNew = slots.Marks[i] == Unused;
            if (!isNew && slots.Handles[i] != handle)
                continue;
            var present = slots.Expires[i];
            if (present != Dead)
            {
                // Already linked under its earlier second: the wheel moves it on when that second comes.
                if (expires > present)
                    Volatile.Write(ref slots.Expires[i], expires);
                return expires > present;
            }

            Link(slots, i, expires);
            Volatile.Write(ref slots.Expires[i], expires);
            if (isNew)
            {
                slots.Handles[i] = handle;
                Volatile.Write(ref slots.Marks[i], Mark(handle));
                _used++;
            }

            Count++;
            _counts[(int)RevocableToken.KindOf(handle)]++;
            if (_used > slots.Expires.Length / 4 * 3)
                Rebuild();
            return true;
        }
    }

    /// <summary>Drops what has expired by <paramref name="nowMs"/>.</summary>
    public void Sweep(long nowMs)
    {
        var now = nowMs / 1000;
        // After a long sleep once round the wheel reaches every bucket.
        for (var second = Math.Max(_sweptSecond + 1, now - WheelSize + 1); second <= now; second++)
        {
            var bucket = (int)(second % WheelSize);
            var link = _wheel[bucket];
            _wheel[bucket] = 0;
            while (link != 0)
            {
                var i = link - 1;
                link = _slots.Next[i];
                var expires = _slots.Expires[i];
                if (expires <= now)
                {
                    Volatile.Write(ref _slots.Expires[i], Dead);
                    Count--;
                    _counts[(int)RevocableToken.KindOf(_slots.Handles[i])]--;
                }
                else
                {
                    Link(_slots, i, expires);
                }
            }
        }
        _sweptSecond = Math.Max(_sweptSecond, now);
    }

    private void Link(Slots slots, int index, uint expires)
    {
        if (expires == Forever)
            return;
        var bucket = (int)(expires % WheelSize);
        slots.Next[index] = _wheel[bucket];
        _wheel[bucket] = index + 1;
    }

    /// <summary>Copies the live entries into a table in which they fill at most half, and publishes it.</summary>
    private void Rebuild()
    {
        var old = _slots;
        var capacity = InitialCapacity;
        while (Count > capacity / 2)
            capacity *= 2;
        var fresh = new Slots(capacity);
        Array.Clear(_wheel);
        for (var i = 0; i < old.Expires.Length; i++)
        {
            var expires = old.Expires[i];
            if (expires == Dead)
                continue;
            var j = (int)(ulong)old.Handles[i] & fresh.Mask;
            while (fresh.Marks[j] != Unused)
                j = (j + 1) & fresh.Mask;
            fresh.Marks[j] = old.Marks[i];
            fresh.Handles[j] = old.Handles[i];
            fresh.Expires[j] = expires;
            Link(fresh, j, expires);
        }
        _used = Count;
        Volatile.Write(ref _slots, fresh);
    }

    /// <summary>Bits of the handle that do not choose its slot; never <see cref="Unused"/>.</summary>
    private static byte Mark(UInt128 handle) => (byte)(((ulong)handle >> 56) | 1);

    private static uint ToSeconds(long ms) =>
        ms == RevocationEntry.Never ? Forever : (uint)Math.Clamp((ms + 999) / 1000, Dead + 1, Forever - 1);

    private sealed class Slots(int capacity)
    {
        public readonly byte[] Marks = new byte[capacity];
        public readonly UInt128[] Handles = new UInt128[capacity];
        public readonly uint[] Expires = new uint[capacity];
        public readonly int[] Next = new int[capacity];
        public readonly int Mask = capacity - 1;
    }
}
