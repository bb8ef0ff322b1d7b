using System.Buffers.Binary;
using Gateway.Revocation;

namespace Gateway.Tests.Revocation;

public class WebSocketFramesTests
{
    public static TheoryData<int, bool> Forms()
    {
        var forms = new TheoryData<int, bool>();
        foreach (var masked in new[] { false, true })
        {
            foreach (var length in new[] { 0, 1, 125, 126, 127, 65_535, 65_536, 70_000 })
                forms.Add(length, masked);
        }
        return forms;
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Frames_of_every_length_form_end_where_they_end_whatever_the_pieces(int length, bool masked)
    {
        // A fragmented message with a ping between its fragments: each is a frame of its own.
        byte[][] sent = [Frame(0x01, length, masked), Frame(0x89, 3, masked), Frame(0x00, 7, masked), Frame(0x80, length, masked)];
        byte[] all = [.. sent.SelectMany(frame => frame)];
        var boundaries = new HashSet<int> { 0, sent[0].Length, sent[0].Length + sent[1].Length, all.Length - sent[3].Length, all.Length };
        foreach (var piece in new[] { 1, 2, 3, 7, 13, 14, 15, 1000, 65_537, all.Length })
        {
            var frames = new WebSocketFrames();
            for (var at = 0; at < all.Length; at += piece)
            {
                var bytes = all.AsSpan(at, Math.Min(piece, all.Length - at));
                Assert.Equal(bytes.Length, frames.Advance(bytes, stopAtBoundary: false));
                Assert.Equal(boundaries.Contains(at + bytes.Length), frames.AtBoundary);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Frames_stop_at_the_first_boundary_when_asked(int length, bool masked)
    {
        var first = Frame(0x82, length, masked);
        byte[] all = [.. first, .. Frame(0x82, 5, masked)];
        for (var cut = 0; cut < first.Length; cut += Math.Max(1, first.Length / 40))
        {
            var frames = new WebSocketFrames();
            frames.Advance(all.AsSpan(0, cut), stopAtBoundary: false);
            Assert.Equal(first.Length - cut, frames.Advance(all.AsSpan(cut), stopAtBoundary: true));
            Assert.True(frames.AtBoundary);
        }
    }

    [Fact]
    public void Frames_know_the_end_of_a_close_frame_and_of_no_other()
    {
        var frames = new WebSocketFrames();
        Assert.False(frames.AfterClose);
        frames.Advance(Frame(0x89, 8, masked: true), stopAtBoundary: false);
        Assert.False(frames.AfterClose);
        var close = Frame(0x88, 2, masked: true);
        frames.Advance(close.AsSpan(..^1), stopAtBoundary: false);
        Assert.False(frames.AfterClose);
        frames.Advance(close.AsSpan(^1..), stopAtBoundary: false);
        Assert.True(frames.AfterClose);
    }

    private static byte[] Frame(byte first, int length, bool masked)
    {
        var mask = masked ? 0x80 : 0;
        byte[] size = length switch
        {
            < 126 => [(byte)(mask | length)],
            < 65_536 => [(byte)(mask | 126), (byte)(length >> 8), (byte)length],
            _ => [(byte)(mask | 127), .. Long(length)],
        };
        // A payload that looks like frames itself.
        return [first, .. size, .. masked ? new byte[] { 0x88, 0x02, 0x03, 0xF0 } : [], .. Enumerable.Repeat((byte)0x88, length)];
    }

    private static byte[] Long(int length)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, (ulong)length);
        return bytes;
    }
}
