using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace Gateway.BoundaryCheck;

/// <summary>An answer: its status, zero when the server closed without one, and its body.</summary>
internal sealed record ProbeAnswer(int Status, byte[] Body);

/// <summary>One way to reach a gateway.</summary>
internal abstract class Probe(string name, Uri address) : IDisposable
{
    protected static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    public string Name { get; } = name;

    protected Uri Address { get; } = address;

    public abstract bool CanSend(Attack attack);

    public abstract Task<ProbeAnswer> SendAsync(Attack attack, CancellationToken cancellationToken);

    public abstract void Dispose();
}

/// <summary>HTTP/1.1 by hand, which sends what no library would.</summary>
internal sealed class Http1Probe(Uri address, bool acceptAnyCertificate)
    : Probe(address.Scheme == Uri.UriSchemeHttps ? "HTTP/1.1 over TLS" : "HTTP/1.1", address)
{
    public override bool CanSend(Attack attack) => true;

    public override void Dispose()
    {
        // Each request has a connection of its own.
    }

    public override async Task<ProbeAnswer> SendAsync(Attack attack, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Deadline);
        using var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(Address.Host, Address.Port, deadline.Token);
        await using var stream = await SecureAsync(client.GetStream(), deadline.Token);
        try
        {
            await stream.WriteAsync(Encoding.Latin1.GetBytes(Compose(attack)), deadline.Token);
            using var answer = new MemoryStream();
            await stream.CopyToAsync(answer, deadline.Token);
            return Parse(answer.ToArray());
        }
        catch (IOException)
        {
            // Closed before it was read to its end.
            return new ProbeAnswer(0, []);
        }
    }

    private async Task<Stream> SecureAsync(Stream stream, CancellationToken cancellationToken)
    {
        if (Address.Scheme != Uri.UriSchemeHttps) return stream;
        var tls = new SslStream(stream);
        await tls.AuthenticateAsClientAsync(CertificateRule.For(Address.Host, acceptAnyCertificate), cancellationToken);
        return tls;
    }

    private string Compose(Attack attack)
    {
        var hasTrailers = attack.Trailers.Count > 0;
        var text = new StringBuilder($"{(hasTrailers ? "POST" : "GET")} {attack.Target} HTTP/1.1\r\nHost: {Address.Authority}\r\n");
        text.Append("Connection: close\r\n");
        foreach (var (name, value) in attack.Headers) text.Append(name).Append(": ").Append(value).Append("\r\n");
        if (!hasTrailers) return text.Append("\r\n").ToString();
        text.Append("Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n");
        foreach (var (name, value) in attack.Trailers) text.Append(name).Append(": ").Append(value).Append("\r\n");
        return text.Append("\r\n").ToString();
    }

    private static ProbeAnswer Parse(byte[] answer)
    {
        var end = answer.AsSpan().IndexOf("\r\n\r\n"u8);
        if (end < 0) return new ProbeAnswer(0, []);
        var head = Encoding.Latin1.GetString(answer, 0, end);
        var body = answer.AsSpan(end + 4);
        var status = int.Parse(head.Split(' ', 3)[1], CultureInfo.InvariantCulture);
        return new ProbeAnswer(status, head.Contains("\r\nTransfer-Encoding: chunked", StringComparison.OrdinalIgnoreCase) ? Unchunk(body) : body.ToArray());
    }

    private static byte[] Unchunk(ReadOnlySpan<byte> body)
    {
        using var whole = new MemoryStream();
        while (body.IndexOf("\r\n"u8) is > 0 and var line)
        {
            var size = int.Parse(body[..line], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            if (size == 0 || body.Length < line + 2 + size) break;
            whole.Write(body.Slice(line + 2, size));
            body = body[(line + 2 + size + 2)..];
        }

        return whole.ToArray();
    }
}

/// <summary>HTTP/2, cleartext or over TLS, by .NET's client: names as they are, and targets byte for byte.</summary>
internal sealed class Http2Probe : Probe
{
    private readonly HttpClient _client;

    public Http2Probe(Uri address, bool acceptAnyCertificate)
        : base(address.Scheme == Uri.UriSchemeHttps ? "HTTP/2 over TLS" : "HTTP/2", address) =>
        _client = new HttpClient(new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            RequestHeaderEncodingSelector = (_, _) => Encoding.Latin1,
            SslOptions = CertificateRule.For(address.Host, acceptAnyCertificate),
        })
        {
            Timeout = Deadline,
        };

    public override bool CanSend(Attack attack) => !attack.IsForHttp1Only && !attack.Target.Contains('#', StringComparison.Ordinal);

    public override async Task<ProbeAnswer> SendAsync(Attack attack, CancellationToken cancellationToken)
    {
        var target = new Uri(Address.GetLeftPart(UriPartial.Authority) + attack.Target, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        using var request = new HttpRequestMessage(HttpMethod.Get, target) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        foreach (var (name, value) in attack.Headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, value)) throw new InvalidOperationException($"The client cannot send the header '{name}'.");
        }

        try
        {
            using var answer = await _client.SendAsync(request, cancellationToken);
            return new ProbeAnswer((int)answer.StatusCode, await answer.Content.ReadAsByteArrayAsync(cancellationToken));
        }
        catch (HttpRequestException exception) when (exception.InnerException is HttpProtocolException)
        {
            // The server reset the stream: it refused the request.
            return new ProbeAnswer(0, []);
        }
    }

    public override void Dispose() => _client.Dispose();
}

internal static class CertificateRule
{
    public static SslClientAuthenticationOptions For(string host, bool acceptAny) => new()
    {
        TargetHost = host,
#pragma warning disable CA5359 // Asked for by --insecure: a local gateway has a certificate that nobody signed.
        RemoteCertificateValidationCallback = acceptAny ? static (_, _, _, _) => true : null,
#pragma warning restore CA5359
    };
}
