using System.Buffers.Binary;

namespace Gateway.Revocation;

/// <summary>
/// Follows the frame headers in one direction of a WebSocket (RFC 6455 section 5.2), in whatever pieces the bytes come,
/// to know where a frame ends. Payloads are never looked at.
/// </summary>
internal struct WebSocketFrames
{
    private const int LongestHeader = 14;

    private const int CloseOpcode = 0x8;

    private HeaderBytes _header;
    private int _opcode;
    private int _headerLength;
    private ulong _payloadLeft;

    /// <summary>Whether the bytes so far end with the end of a frame: here another frame may be put in.</summary>
    public readonly bool AtBoundary => _headerLength == 0 && _payloadLeft == 0;

    /// <summary>Whether they end with a Close frame: nothing follows it (RFC 6455 section 5.5.1).</summary>
    public readonly bool AfterClose => AtBoundary && _opcode == CloseOpcode;

    /// <summary>
    /// Takes bytes up to the end of the present frame, and past further whole frames unless
    /// <paramref name="stopAtBoundary"/>. Returns how many were taken.
    /// </summary>
    public int Advance(ReadOnlySpan<byte> bytes, bool stopAtBoundary)
    {
        var taken = 0;
        while (taken < bytes.Length)
        {
            if (_payloadLeft > 0)
            {
                var part = (int)Math.Min(_payloadLeft, (ulong)(bytes.Length - taken));
                taken += part;
                _payloadLeft -= (ulong)part;
            }
            else
            {
                _header[_headerLength++] = bytes[taken++];
                if (!TryReadHeader())
                    continue;
            }
            if (stopAtBoundary && AtBoundary)
                break;
        }
        return taken;
    }

    private bool TryReadHeader()
    {
        if (_headerLength < 2)
            return false;
        var lengthField = _header[1] & 0x7F;
        var extended = lengthField switch { 126 => 2, 127 => 8, _ => 0 };
        var masked = (_header[1] & 0x80) != 0;
        if (_headerLength < 2 + extended + (masked ? 4 : 0))
            return false;
        ReadOnlySpan<byte> header = _header;
        _payloadLeft = extended switch
        {
            2 => BinaryPrimitives.ReadUInt16BigEndian(header[2..]),
            8 => BinaryPrimitives.ReadUInt64BigEndian(header[2..]),
            _ => (ulong)lengthField,
        };
        _opcode = _header[0] & 0x0F;
        _headerLength = 0;
        return true;
    }

    [System.Runtime.CompilerServices.InlineArray(LongestHeader)]
    private struct HeaderBytes
    {
        private byte _first;
    }
}
