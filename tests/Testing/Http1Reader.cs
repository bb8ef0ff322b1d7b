using System.Globalization;
using System.Text;

namespace Testing;

/// <summary>
/// One HTTP/1.1 message exactly as it came over the wire: text is Latin-1, one char per byte, and nothing is normalised.
/// </summary>
/// <param name="StartLine">Request or status line without CRLF.</param>
/// <param name="Headers">Header lines in order; names as sent, values without surrounding blanks.</param>
/// <param name="Body">The body after removal of chunked framing.</param>
/// <param name="Trailers">Trailer lines of a chunked body.</param>
public sealed record Http1Message(
    string StartLine,
    IReadOnlyList<KeyValuePair<string, string>> Headers,
    byte[] Body,
    IReadOnlyList<KeyValuePair<string, string>> Trailers)
{
    /// <summary>Second word of the start line: a request's target, a response's status.</summary>
    public string Target => StartLine.Split(' ')[1];

    public int Status => int.Parse(Target, CultureInfo.InvariantCulture);

    public string BodyText => Encoding.UTF8.GetString(Body);

    /// <summary>All values of a header, by its exact name in any case.</summary>
    public IReadOnlyList<string> Values(string name) =>
        [.. Headers.Where(header => header.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Select(header => header.Value)];

    /// <summary>The only value of a header; null if there is none.</summary>
    public string? Value(string name) => Values(name).SingleOrDefault();
}

/// <summary>Reads HTTP/1.1 messages from a stream, byte by byte: slow, simple and without opinions.</summary>
public sealed class Http1Reader(Stream stream)
{
    private readonly byte[] _one = new byte[1];

    /// <summary>The next message, or null at the end of the stream.</summary>
    /// <param name="isBodyless">Says of a response's status line whether it has no body (answers to HEAD, 1xx, 204, 304).</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<Http1Message?> ReadAsync(Func<string, bool>? isBodyless, CancellationToken cancellationToken)
    {
        var start = await ReadLineAsync(cancellationToken);
        if (start is null) return null;
        var headers = await ReadHeadersAsync(cancellationToken);
        var message = new Http1Message(start, headers, [], []);
        if (isBodyless?.Invoke(start) == true) return message;

        if (message.Values("Transfer-Encoding").Any(value => value.Contains("chunked", StringComparison.OrdinalIgnoreCase)))
            return await ReadChunkedAsync(message, cancellationToken);
        if (message.Values("Content-Length") is [var length, ..])
            return message with { Body = await ReadExactlyAsync(int.Parse(length, CultureInfo.InvariantCulture), cancellationToken) };
        // A response without a length ends with its connection (RFC 9112 section 6.3).
        if (start.StartsWith("HTTP/", StringComparison.Ordinal))
        {
            using var rest = new MemoryStream();
            await stream.CopyToAsync(rest, cancellationToken);
            return message with { Body = rest.ToArray() };
        }

        return message;
    }

    private async Task<Http1Message> ReadChunkedAsync(Http1Message message, CancellationToken cancellationToken)
    {
        using var body = new MemoryStream();
        while (true)
        {
            var line = await ReadLineAsync(cancellationToken) ?? throw new EndOfStreamException();
            var size = int.Parse(line.Split(';')[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            if (size == 0) break;
            body.Write(await ReadExactlyAsync(size, cancellationToken));
            await ReadLineAsync(cancellationToken);
        }

        return message with { Body = body.ToArray(), Trailers = await ReadHeadersAsync(cancellationToken) };
    }

    private async Task<List<KeyValuePair<string, string>>> ReadHeadersAsync(CancellationToken cancellationToken)
    {
        var headers = new List<KeyValuePair<string, string>>();
        while (await ReadLineAsync(cancellationToken) is { Length: > 0 } line)
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            headers.Add(new(line[..colon], line[(colon + 1)..].Trim(' ', '\t')));
        }

        return headers;
    }

    private async Task<byte[]> ReadExactlyAsync(int count, CancellationToken cancellationToken)
    {
        var bytes = new byte[count];
        await stream.ReadExactlyAsync(bytes, cancellationToken);
        return bytes;
    }

    private async Task<string?> ReadLineAsync(CancellationToken cancellationToken)
    {
        var line = new StringBuilder();
        while (await stream.ReadAsync(_one, cancellationToken) == 1)
        {
            if (_one[0] == '\n') return line.ToString().TrimEnd('\r');
            line.Append((char)_one[0]);
        }

        return line.Length == 0 ? null : line.ToString();
    }
}
