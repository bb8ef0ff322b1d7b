using System.Net;
using System.Text;
using System.Text.Json;
using Gateway.Routing;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace Gateway.Explain;

/// <summary>The request about which an operator asks: never sent anywhere.</summary>
/// <param name="Method">Its method.</param>
/// <param name="Target">Its raw target, as on the request line.</param>
/// <param name="Headers">Its headers, values as bytes (Latin-1).</param>
internal sealed record ExplainedRequest(string Method, string Target, IReadOnlyList<(string Name, string Value)> Headers)
{
    private const int MaxHeaders = 200;

    /// <summary>Reads <c>{"method","path","headers":{name:value}}</c>; a value may be a list, for a header that is sent more than once.</summary>
    /// <exception cref="FormatException">It is not that; the message names the member.</exception>
    public static ExplainedRequest Parse(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object) throw new FormatException("The body must be an object.");
        foreach (var member in json.EnumerateObject())
        {
            if (member.Name is not ("method" or "path" or "headers")) throw new FormatException("Members are method, path and headers; there is another.");
        }

        var method = Text(json, "method");
        if (!method.All(c => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c, StringComparison.Ordinal))) throw new FormatException("method: is not a token.");
        var headers = new List<(string, string)>();
        if (json.TryGetProperty("headers", out var given))
        {
            if (given.ValueKind != JsonValueKind.Object) throw new FormatException("headers: must be an object.");
            foreach (var header in given.EnumerateObject()) headers.AddRange(Values(header));
        }

        if (headers.Count > MaxHeaders) throw new FormatException($"headers: at most {MaxHeaders}.");
        return new ExplainedRequest(method, Text(json, "path"), headers);
    }

    /// <summary>The request as the server would hand it to the pipeline, with an answer that goes nowhere.</summary>
    public HttpContext NewContext(IServiceProvider services, CancellationToken cancellationToken)
    {
        var (path, query) = RequestTarget.Split(Target);
        IHeaderDictionary headers = new HeaderDictionary();
        foreach (var (name, value) in Headers) headers.Append(name, value);
        if (headers.Host.Count == 0) headers.Host = "localhost";
        var features = new FeatureCollection();
        features.Set<IHttpRequestFeature>(new HttpRequestFeature
        {
            Method = Method,
            Scheme = "http",
            Protocol = "HTTP/1.1",
            RawTarget = Target,
            Path = Decoded(path),
            QueryString = Target.StartsWith('/') ? query : "",
            Headers = headers,
        });
        features.Set<IHttpResponseFeature>(new HttpResponseFeature());
        features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(Stream.Null));
        features.Set<IHttpUpgradeFeature>(new Upgrade(HeaderRules.Lists(headers.Connection, "upgrade") && headers.Upgrade.Count > 0));
        features.Set<IHttpConnectionFeature>(new HttpConnectionFeature { RemoteIpAddress = IPAddress.None });
        features.Set(this);
        return new DefaultHttpContext(features) { RequestServices = services, RequestAborted = cancellationToken };
    }

    /// <summary>What cannot be decoded, and any other form than a path, is the first step's to refuse or to make one.</summary>
    private static string Decoded(string path)
    {
        try
        {
            return path.StartsWith('/') ? PathString.FromUriComponent(path).Value! : "/";
        }
        catch (InvalidOperationException)
        {
            return "/";
        }
    }

    private static string Text(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text
            ? text
            : throw new FormatException($"{name}: is required, a text.");

    private static IEnumerable<(string Name, string Value)> Values(JsonProperty header)
    {
        if (header.Name.Length == 0) throw new FormatException("headers: a name is empty.");
        var values = header.Value.ValueKind == JsonValueKind.Array ? header.Value.EnumerateArray().ToArray() : [header.Value];
        foreach (var value in values)
        {
            if (value.ValueKind != JsonValueKind.String) throw new FormatException("headers: values are texts, or lists of texts.");
            // A client sends UTF-8, and the server reads each byte as one character.
            yield return (header.Name, Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(value.GetString()!)));
        }
    }

    private sealed class Upgrade(bool isUpgradable) : IHttpUpgradeFeature
    {
        public bool IsUpgradableRequest => isUpgradable;

        public Task<Stream> UpgradeAsync() => throw new InvalidOperationException("An explained request is not upgraded.");
    }
}
