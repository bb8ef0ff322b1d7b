using System.Buffers;
using System.Text;
using Microsoft.AspNetCore.Http.Features;
using ServiceHosting;

namespace AuthService.OAuth;

/// <summary>The parameters of a request to an OAuth endpoint: from its body alone, or from its query alone.</summary>
internal sealed class FormParameters
{
    /// <summary>The largest body that is read: a subject token and an actor token of full size, and room for the rest.</summary>
    public const int MaxBodyBytes = 32 * 1024;

    private const int MaxParameters = 64;

    /// <summary>Names that may stand several times (RFC 8693 section 2.1).</summary>
    private static readonly string[] Repeatable = ["audience", "resource"];

    private readonly Dictionary<string, List<string>> _values = new(StringComparer.Ordinal);
    private readonly HashSet<string> _repeated = new(StringComparer.Ordinal);

    private FormParameters()
    {
    }

    /// <summary>Names that stand there more than once though they may not; the first value counts for nothing.</summary>
    public IReadOnlyCollection<string> Repeated => _repeated;

    /// <summary>The value of a parameter that stands there at most once; null if it is absent.</summary>
    public string? this[string name] => _values.GetValueOrDefault(name)?[0];

    /// <summary>All values of a parameter.</summary>
    public IReadOnlyList<string> All(string name) => _values.GetValueOrDefault(name) ?? [];

    /// <summary>A request without parameters.</summary>
    public static (FormParameters? Form, OAuthRefusal? Refusal) None => (new FormParameters(), null);

    /// <summary>Reads the query, or says what is wrong with it. Parameters may be repeated.</summary>
    public static (FormParameters? Form, OAuthRefusal? Refusal) ReadQuery(HttpContext context) =>
        Parse(Encoding.UTF8.GetBytes(context.Request.QueryString.Value ?? "").AsSpan() is [_, .. var query] ? query : []);

    /// <summary>Reads the body, or says what is wrong with it. No parameter is repeated.</summary>
    public static async Task<(FormParameters? Form, OAuthRefusal? Refusal)> ReadAsync(HttpContext context)
    {
        var (form, refusal) = await ReadBodyAsync(context);
        // RFC 6749 section 3.2.
        return form is { Repeated.Count: > 0 } ? (null, OAuthRefusal.InvalidRequest("A parameter stands there more than once.")) : (form, refusal);
    }

    /// <summary>Reads the body, or says what is wrong with it. Parameters may be repeated.</summary>
    public static async Task<(FormParameters? Form, OAuthRefusal? Refusal)> ReadBodyAsync(HttpContext context)
    {
        var request = context.Request;
        if (!MediaTypes.IsForm(request.ContentType))
            return (null, OAuthRefusal.InvalidRequest("The body must be application/x-www-form-urlencoded in UTF-8."));
        if (request.ContentLength > MaxBodyBytes) return (null, OAuthRefusal.TooLarge);
        // Kestrel refuses a longer body while it is read, whether its length was announced or not.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = MaxBodyBytes;
        var body = ArrayPool<byte>.Shared.Rent(MaxBodyBytes + 1);
        try
        {
            var length = await request.Body.ReadAtLeastAsync(body.AsMemory(0, MaxBodyBytes + 1), MaxBodyBytes + 1, throwOnEndOfStream: false, context.RequestAborted);
            return length > MaxBodyBytes ? (null, OAuthRefusal.TooLarge) : Parse(body.AsSpan(0, length));
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            return (null, OAuthRefusal.TooLarge);
        }
        finally
        {
            // It holds secrets and tokens.
            ArrayPool<byte>.Shared.Return(body, clearArray: true);
        }
    }

    private static (FormParameters? Form, OAuthRefusal? Refusal) Parse(ReadOnlySpan<byte> body)
    {
        var form = new FormParameters();
        var count = 0;
        foreach (var range in body.Split((byte)'&'))
        {
            var pair = body[range];
            if (pair.IsEmpty) continue;
            if (++count > MaxParameters) return (null, OAuthRefusal.InvalidRequest("There are too many parameters."));
            var equals = pair.IndexOf((byte)'=');
            if (!FormText.TryDecode(equals < 0 ? pair : pair[..equals], out var name) || !FormText.TryDecode(equals < 0 ? [] : pair[(equals + 1)..], out var value))
                return (null, OAuthRefusal.InvalidRequest("A parameter is not encoded as a form, in UTF-8."));
            // RFC 6749 section 3.1: without a value it counts as absent.
            if (value.Length == 0) continue;
            if (form._values.TryGetValue(name, out var values))
            {
                if (!Repeatable.Contains(name)) form._repeated.Add(name);
                values.Add(value);
            }
            else
            {
                form._values.Add(name, [value]);
            }
        }

        return (form, null);
    }
}
