using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;

namespace ServiceHosting.Logging;

/// <summary>A completion event as a line of JSON, with the members of Serilog's own lines.</summary>
internal static class CompletionLine
{
    /// <summary>Enough for a line whose texts are as long as usual.</summary>
    public const int UsualBytes = 1024;

    private static readonly byte[] Template = Encoding.ASCII.GetBytes(CompletionEvent.Template);

    private static readonly byte[] Kind = Encoding.ASCII.GetBytes(
        $$""","EventId":{"Id":{{CompletionEvent.Number}},"Name":"{{CompletionEvent.Name}}"},"SourceContext":"{{CompletionLog.Category}}","Service":""");

    /// <summary>False when the line is longer than the space for it.</summary>
    public static bool TryWrite(CompletionEvent completion, string service, Span<byte> space, out int written)
    {
        var line = new Line(space);
        line.Add("{\"Timestamp\":\""u8);
        line.Add(completion.Time);
        line.Add("\",\"Level\":\"Information\",\"MessageTemplate\":\""u8);
        line.Add(Template);
        line.Add("\",\"TraceId\":"u8);
        line.AddText(completion.TraceId);
        if (completion.SpanId != default)
        {
            line.Add(",\"SpanId\":"u8);
            line.AddText(completion.SpanId.ToHexString());
        }

        line.Add(",\"Properties\":{\"Method\":"u8);
        line.AddText(completion.Method);
        line.Add(",\"Route\":"u8);
        line.AddText(completion.Route);
        line.Add(",\"Status\":"u8);
        line.Add(completion.Status);
        line.Add(",\"Reason\":"u8);
        line.AddText(completion.Reason);
        line.Add(",\"DurationMs\":"u8);
        line.AddMilliseconds(completion.Duration);
        line.Add(",\"Client\":"u8);
        line.AddText(completion.Client?.ToString());
        line.Add(Kind);
        line.AddText(service);
        line.Add("}}\n"u8);
        return line.Ends(out written);
    }

    /// <summary>Text so far. What no longer fits is lost, and <see cref="Ends"/> says so.</summary>
    private ref struct Line(Span<byte> space)
    {
        private static readonly SearchValues<char> Plain =
            SearchValues.Create("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_.:/ ");

        private readonly Span<byte> _space = space;
        private int _written;
        private bool _isTooLong;

        public readonly bool Ends(out int written)
        {
            written = _isTooLong ? 0 : _written;
            return !_isTooLong;
        }

        public void Add(scoped ReadOnlySpan<byte> text)
        {
            if (text.TryCopyTo(_space[_written..])) _written += text.Length;
            else _isTooLong = true;
        }

        public void Add(DateTimeOffset time) => Took(time.TryFormat(_space[_written..], out var length, "O", CultureInfo.InvariantCulture), length);

        public void Add(long number) => Took(Utf8Formatter.TryFormat(number, _space[_written..], out var length), length);

        /// <summary>A JSON number with as many decimals as it needs.</summary>
        public void AddMilliseconds(TimeSpan time)
        {
            var (whole, ticks) = Math.DivRem(time.Ticks, TimeSpan.TicksPerMillisecond);
            Add(whole);
            if (ticks == 0) return;
            Add("."u8);
            for (var digit = TimeSpan.TicksPerMillisecond / 10; ticks > 0; digit /= 10)
            {
                Add([(byte)('0' + (ticks / digit))]);
                ticks %= digit;
            }
        }

        /// <summary>A JSON string, or null.</summary>
        public void AddText(string? text)
        {
            if (text is null)
            {
                Add("null"u8);
                return;
            }

            // Nearly always there is nothing to escape.
            if (text.AsSpan().ContainsAnyExcept(Plain)) text = JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(text);
            Add("\""u8);
            Took(Encoding.UTF8.TryGetBytes(text, _space[_written..], out var length), length);
            Add("\""u8);
        }

        private void Took(bool fits, int length)
        {
            if (fits) _written += length;
            else _isTooLong = true;
        }
    }
}
