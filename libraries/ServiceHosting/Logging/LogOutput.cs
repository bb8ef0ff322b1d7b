using System.Buffers;
using System.Collections.Concurrent;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting.Json;

namespace ServiceHosting.Logging;

/// <summary>
/// Writes JSON lines to standard output from one thread, all that came within some milliseconds at once. Whoever logs does
/// not wait: when the output is slow and the queue is full, events are lost, and their number is logged.
/// </summary>
internal sealed class LogOutput : ILogEventSink, IDisposable
{
    private const int MaxQueued = 10_000;

    /// <summary>Written at once: what a pipe holds.</summary>
    private const int WriteSize = 64 * 1024;

    /// <summary>How long a line may wait for others.</summary>
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(10);

    private static readonly TimeSpan LastWrite = TimeSpan.FromSeconds(2);

    private readonly ConcurrentQueue<object> _queue = new();
    private readonly ManualResetEventSlim _pending = new(initialState: false, spinCount: 0);
    private readonly ManualResetEventSlim _stopping = new(initialState: false, spinCount: 0);
    private readonly JsonFormatter _formatter = new(renderMessage: true);
    private readonly string _service;
    private readonly TimeProvider _time;
    private readonly Stream _output;
    private readonly Thread _writing;
    private int _queued;
    private int _lost;

    public LogOutput(string service, Stream output, TimeProvider time)
    {
        _service = service;
        _output = output;
        _time = time;
        _writing = new Thread(WriteQueued) { IsBackground = true, Name = "log output" };
        _writing.Start();
    }

    /// <summary>Queues a completion event; it becomes text on the other thread.</summary>
    public void Write(CompletionEvent completion) => Enqueue(completion);

    /// <summary>Queues any other event, as text: what it refers to may change.</summary>
    public void Emit(LogEvent logEvent)
    {
        var text = new StringWriter();
        _formatter.Format(logEvent, text);
        Enqueue(text.ToString());
    }

    /// <summary>Writes what is queued, unless the output does not take it.</summary>
    public void Dispose()
    {
        _stopping.Set();
        _pending.Set();
        if (!_writing.Join(LastWrite)) return;
        _pending.Dispose();
        _stopping.Dispose();
    }

    private void Enqueue(object line)
    {
        if (Interlocked.Increment(ref _queued) > MaxQueued)
        {
            Interlocked.Decrement(ref _queued);
            Interlocked.Increment(ref _lost);
            return;
        }

        _queue.Enqueue(line);
        if (!_pending.IsSet) _pending.Set();
    }

    private void WriteQueued()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true });
        bool stopping;
        do
        {
            _pending.Wait();
            stopping = _stopping.Wait(Gathering);
            // Before the queue is looked at: what comes after that sets it again.
            _pending.Reset();
            Drain(buffer, json);
        }
        while (!stopping);
    }

    private void Drain(ArrayBufferWriter<byte> buffer, Utf8JsonWriter json)
    {
        while (_queue.TryDequeue(out var line))
        {
            Interlocked.Decrement(ref _queued);
            Append(line, buffer, json);
            if (buffer.WrittenCount >= WriteSize) Flush(buffer);
        }

        if (Interlocked.Exchange(ref _lost, 0) is > 0 and var lost) AppendLost(lost, buffer, json);
        Flush(buffer);
    }

    private void Append(object line, ArrayBufferWriter<byte> buffer, Utf8JsonWriter json)
    {
        if (line is CompletionEvent completion)
        {
            CompletionLine.Write(completion, _service, buffer, json);
            return;
        }

        Encoding.UTF8.GetBytes((string)line, buffer);
    }

    private void AppendLost(int lost, ArrayBufferWriter<byte> buffer, Utf8JsonWriter json)
    {
        json.Reset(buffer);
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
        buffer.Write("\n"u8);
    }

    private void Flush(ArrayBufferWriter<byte> buffer)
    {
        try
        {
            _output.Write(buffer.WrittenSpan);
            _output.Flush();
        }
        catch (IOException)
        {
            // Nobody reads any more.
        }

        buffer.ResetWrittenCount();
    }
}
