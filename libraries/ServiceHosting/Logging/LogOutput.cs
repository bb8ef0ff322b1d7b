using System.Buffers;
using System.Text;
using System.Text.Json;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting.Json;

namespace ServiceHosting.Logging;

/// <summary>
/// Writes JSON lines to standard output from one thread, all that came within 50 ms at once. Whoever logs does
/// not wait: when the output is slow and too much is pending, events are lost, and their number is logged.
/// </summary>
internal sealed class LogOutput : ILogEventSink, IDisposable
{
    /// <summary>About 8,000 lines.</summary>
    private const int MaxPendingBytes = 4 << 20;

    /// <summary>How long a line may wait for others. Each time the thread wakes, it takes a processor from a request.</summary>
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan LastWrite = TimeSpan.FromSeconds(2);

    // Held while bytes are copied, and for nothing else.
    private readonly Lock _appending = new();
    private readonly ManualResetEventSlim _arrived = new(initialState: false, spinCount: 0);
    private readonly ManualResetEventSlim _stopping = new(initialState: false, spinCount: 0);
    private readonly JsonFormatter _formatter = new(renderMessage: true);
    private readonly string _service;
    private readonly TimeProvider _time;
    private readonly Stream _output;
    private readonly Thread _writing;
    private ArrayBufferWriter<byte> _pending = new();
    private int _lost;

    public LogOutput(string service, Stream output, TimeProvider time)
    {
        _service = service;
        _output = output;
        _time = time;
        _writing = new Thread(WritePending) { IsBackground = true, Name = "log output" };
        _writing.Start();
    }

    /// <summary>
    /// Takes a completion event. It becomes text here, while all that it refers to lies in this processor's cache; the other
    /// thread would have to fetch that from there.
    /// </summary>
    public void Write(CompletionEvent completion)
    {
        Span<byte> line = stackalloc byte[CompletionLine.UsualBytes];
        int written;
        while (!CompletionLine.TryWrite(completion, _service, line, out written)) line = new byte[line.Length * 2];
        Append(line[..written]);
    }

    /// <summary>Takes any other event.</summary>
    public void Emit(LogEvent logEvent)
    {
        var text = new StringWriter();
        _formatter.Format(logEvent, text);
        Append(Encoding.UTF8.GetBytes(text.ToString()));
    }

    /// <summary>Writes what is pending, unless the output does not take it.</summary>
    public void Dispose()
    {
        _stopping.Set();
        _arrived.Set();
        if (!_writing.Join(LastWrite)) return;
        _arrived.Dispose();
        _stopping.Dispose();
    }

    private void Append(ReadOnlySpan<byte> line)
    {
        bool isFirst;
        lock (_appending)
        {
            if (_pending.WrittenCount + line.Length > MaxPendingBytes)
            {
                _lost++;
                return;
            }

            isFirst = _pending.WrittenCount == 0;
            _pending.Write(line);
        }

        if (isFirst) _arrived.Set();
    }

    private void WritePending()
    {
        var written = new ArrayBufferWriter<byte>();
        bool stopping;
        do
        {
            _arrived.Wait();
            stopping = _stopping.Wait(Gathering);
            // Before the lines are taken: the first one after that sets it again.
            _arrived.Reset();
            written = Write(Take(written));
        }
        while (!stopping);
    }

    /// <summary>What has come, in exchange for an empty buffer.</summary>
    private ArrayBufferWriter<byte> Take(ArrayBufferWriter<byte> empty)
    {
        ArrayBufferWriter<byte> taken;
        int lost;
        lock (_appending)
        {
            (taken, _pending) = (_pending, empty);
            (lost, _lost) = (_lost, 0);
        }

        if (lost > 0) AppendLost(lost, taken);
        return taken;
    }

    private void AppendLost(int lost, ArrayBufferWriter<byte> lines)
    {
        using var json = new Utf8JsonWriter(lines);
        json.WriteStartObject();
        json.WriteString("Timestamp"u8, _time.GetLocalNow());
        json.WriteString("Level"u8, nameof(LogEventLevel.Warning));
        json.WriteString("MessageTemplate"u8, "{Lost} log events were lost: standard output is slower than they come");
        json.WriteStartObject("Properties"u8);
        json.WriteNumber("Lost"u8, lost);
        json.WriteString("Service"u8, _service);
        json.WriteEndObject();
        json.WriteEndObject();
        json.Flush();
        lines.Write("\n"u8);
    }

    /// <summary>Writes the lines and empties their buffer.</summary>
    private ArrayBufferWriter<byte> Write(ArrayBufferWriter<byte> lines)
    {
        try
        {
            _output.Write(lines.WrittenSpan);
            _output.Flush();
        }
        catch (IOException)
        {
            // Nobody reads any more.
        }

        lines.ResetWrittenCount();
        return lines;
    }
}
