using System.Buffers.Binary;
using System.Text;

namespace Testing;

/// <summary>One message of Protocol Buffers read without a schema: the values of each field number, in order. No groups.</summary>
public sealed class ProtobufMessage
{
    private readonly List<(int Field, ulong Number, ReadOnlyMemory<byte> Bytes)> _values = [];

    public ProtobufMessage(ReadOnlyMemory<byte> message)
    {
        while (!message.IsEmpty)
        {
            var tag = ReadVarint(ref message);
            var (number, bytes) = (tag & 7) switch
            {
                0 => (ReadVarint(ref message), ReadOnlyMemory<byte>.Empty),
                1 => (BinaryPrimitives.ReadUInt64LittleEndian(Take(ref message, 8).Span), ReadOnlyMemory<byte>.Empty),
                2 => (0UL, Take(ref message, (int)ReadVarint(ref message))),
                5 => (BinaryPrimitives.ReadUInt32LittleEndian(Take(ref message, 4).Span), ReadOnlyMemory<byte>.Empty),
                _ => throw new InvalidDataException($"Wire type {tag & 7}."),
            };
            _values.Add(((int)(tag >> 3), number, bytes));
        }
    }

    /// <summary>The messages of a repeated field, in order.</summary>
    public IEnumerable<ProtobufMessage> Messages(int field) => Values(field).Select(bytes => new ProtobufMessage(bytes));

    public string Text(int field) => Encoding.UTF8.GetString(Bytes(field).Span);

    /// <summary>Bytes of a field as lower-case hexadecimal; empty when it is absent.</summary>
    public string Hex(int field) => Convert.ToHexStringLower(Bytes(field).Span);

    public ulong Number(int field) => _values.LastOrDefault(value => value.Field == field).Number;

    private ReadOnlyMemory<byte> Bytes(int field) => Values(field).LastOrDefault();

    private IEnumerable<ReadOnlyMemory<byte>> Values(int field) => _values.Where(value => value.Field == field).Select(value => value.Bytes);

    private static ulong ReadVarint(ref ReadOnlyMemory<byte> message)
    {
        var value = 0UL;
        for (var shift = 0; ; shift += 7)
        {
            var octet = Take(ref message, 1).Span[0];
            value |= (ulong)(octet & 0x7F) << shift;
            if (octet < 0x80) return value;
        }
    }

    private static ReadOnlyMemory<byte> Take(ref ReadOnlyMemory<byte> message, int count)
    {
        var taken = message[..count];
        message = message[count..];
        return taken;
    }
}
