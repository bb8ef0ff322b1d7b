using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Http.Features;

namespace Gateway.Revocation;

/// <summary>
/// Ends a proxied WebSocket properly: Close 1008 (policy violation, RFC 6455 section 7.4.1) at the next frame boundary of
/// the server's direction, nothing of either side's after it, and both sides aborted if no boundary comes within 500 ms
/// or the client has not closed 1 s after.
/// </summary>
[SuppressMessage("Reliability", "CA1001", Justification = "The proxy disposes the stream it was given.")]
internal sealed class WebSocketCloser(TimeProvider time)
{
    private static readonly TimeSpan BoundaryTimeout = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(1);

    private volatile ClosableStream? _stream;
    private volatile bool _closing;

    public bool Closing => _closing;

    public Stream Wrap(Stream client)
    {
        var stream = new ClosableStream(client, this);
        _stream = stream;
        return stream;
    }

    /// <param name="abort">Ends the request at once.</param>
    public async Task CloseAsync(Action abort)
    {
        _closing = true;
        try
        {
            // Before the upgrade there is no frame and nothing to close politely.
            if (_stream is { } stream)
            {
                await stream.CloseAtBoundaryAsync().WaitAsync(BoundaryTimeout, time);
                await stream.Closed.WaitAsync(CloseTimeout, time);
            }
        }
        catch (Exception e) when (e is TimeoutException or IOException or ObjectDisposedException or OperationCanceledException)
        {
            // Not closed in time, or broken already.
        }
        abort();
    }
}

internal sealed class ClosableUpgrade(IHttpUpgradeFeature inner, WebSocketCloser closer) : IHttpUpgradeFeature
{
    public bool IsUpgradableRequest => inner.IsUpgradableRequest;

    public async Task<Stream> UpgradeAsync() => closer.Wrap(await inner.UpgradeAsync());
}

internal sealed class ClosableConnect(IHttpExtendedConnectFeature inner, WebSocketCloser closer) : IHttpExtendedConnectFeature
{
    public bool IsExtendedConnect => inner.IsExtendedConnect;

    public string? Protocol => inner.Protocol;

    public async ValueTask<Stream> AcceptAsync() => closer.Wrap(await inner.AcceptAsync());
}

/// <summary>The client's side of a WebSocket: what is written goes from the server to the client.</summary>
internal sealed class ClosableStream(Stream client, WebSocketCloser closer) : Stream
{
    // FIN + close, two bytes of payload: status 1008.
    private static readonly byte[] CloseFrame = [0x88, 0x02, 0x03, 0xF0];

    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly TaskCompletionSource _closeSent = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private WebSocketFrames _frames;
    private WebSocketFrames _clientFrames;

    /// <summary>Ends when the client has closed its side or the proxy has let go of the stream.</summary>
    public Task Closed => _closed.Task;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>
    /// Sends the Close frame now if a frame has just ended; else the write that ends the present one does it. Returns when
    /// the Close frame is on its way.
    /// </summary>
    public async Task CloseAtBoundaryAsync()
    {
        await _writing.WaitAsync();
        try
        {
            if (_frames.AtBoundary)
                await SendCloseAsync(CancellationToken.None);
        }
        finally
        {
            _writing.Release();
        }
        await _closeSent.Task;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            if (closer.Closing && _frames.AtBoundary)
            {
                await SendCloseAsync(cancellationToken);
                return;
            }
            var taken = _frames.Advance(buffer.Span, stopAtBoundary: closer.Closing);
            await client.WriteAsync(buffer[..taken], cancellationToken);
            if (closer.Closing && _frames.AtBoundary)
                await SendCloseAsync(cancellationToken);
        }
        finally
        {
            _writing.Release();
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            var read = await client.ReadAsync(buffer, cancellationToken);
            if (buffer.Length == 0)
                return read;
            _clientFrames.Advance(buffer.Span[..read], stopAtBoundary: false);
            // What the client says from here on is said with a dead token: the server does not hear it.
            if (read > 0 && !closer.Closing)
                return read;
            if (read == 0 || _clientFrames.AfterClose)
            {
                _closed.TrySetResult();
                return 0;
            }
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task FlushAsync(CancellationToken cancellationToken) => client.FlushAsync(cancellationToken);

    public override void Flush() => throw new NotSupportedException("Asynchronous only.");

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Asynchronous only.");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("Asynchronous only.");

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        _closed.TrySetResult();
        if (disposing)
            client.Dispose();
        base.Dispose(disposing);
    }

    public override async ValueTask DisposeAsync()
    {
        _closed.TrySetResult();
        await client.DisposeAsync();
        await base.DisposeAsync();
    }

    private async Task SendCloseAsync(CancellationToken cancellationToken)
    {
        if (_closeSent.Task.IsCompleted)
            return;
        // The server may have closed by itself.
        if (!_frames.AfterClose)
        {
            await client.WriteAsync(CloseFrame, cancellationToken);
            await client.FlushAsync(cancellationToken);
        }
        _closeSent.TrySetResult();
    }
}
