using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;
using ServiceHosting;

namespace AuthService.Tokens;

/// <summary>
/// The body of a request to the JSON token API: a few text fields, as JSON or as a form. Refusals are those of the API's
/// tutorials, field by field, so that existing clients show them as they always did. No value is ever echoed.
/// </summary>
internal sealed class TokenRequest
{
    /// <summary>The largest body that is read. The longest access token and the longest password both fit several times.</summary>
    public const int MaxBodyBytes = 32 * 1024;

    private const string Required = "This field is required.";
    private const string Blank = "This field may not be blank.";
    private const string Null = "This field may not be null.";
    private const string NotText = "Not a valid string.";

    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    private TokenRequest()
    {
    }

    /// <summary>The text of a field that was asked for.</summary>
    public string this[string field] => _values[field];

    /// <summary>Reads the named fields, or answers with what is wrong and returns null.</summary>
    public static async Task<TokenRequest?> ReadAsync(HttpContext context, params IReadOnlyList<string> fields)
    {
        var request = context.Request;
        // Kestrel refuses a longer body while it is read, whether its length was announced or not.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = MaxBodyBytes;
        if (request.ContentLength > MaxBodyBytes)
            return await TooLargeAsync(context);
        try
        {
            if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type))
                return request.ContentType is null && request.ContentLength is 0 or null && !HasBody(context)
                    ? await CheckAsync(context, fields, _ => (null, Required))
                    : await UnsupportedAsync(context);
            if (type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase) && MediaTypes.IsUtf8(type))
                return await ReadJsonAsync(context, fields);
            if (request.HasFormContentType && MediaTypes.IsUtf8(type))
                return await ReadFormAsync(context, fields);
            return await UnsupportedAsync(context);
        }
        catch (BadHttpRequestException exception) when (exception.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            return await TooLargeAsync(context);
        }
    }

    private static async Task<TokenRequest?> ReadJsonAsync(HttpContext context, IReadOnlyList<string> fields)
    {
        var body = ArrayPool<byte>.Shared.Rent(MaxBodyBytes + 1);
        try
        {
            var length = await context.Request.Body.ReadAtLeastAsync(body.AsMemory(0, MaxBodyBytes + 1), MaxBodyBytes + 1, throwOnEndOfStream: false, context.RequestAborted);
            if (length > MaxBodyBytes)
                return await TooLargeAsync(context);
            using var document = UntrustedJson.Parse(body.AsMemory(0, length), maxDepth: 16);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
                return await RefuseAsync(context, """{"non_field_errors":["Invalid data. Expected an object."]}"""u8);
            return await CheckAsync(context, fields, field => root.TryGetProperty(field, out var value) ? Text(value) : (null, Required));
        }
        catch (JsonException)
        {
            return await RefuseAsync(context, """{"detail":"JSON parse error"}"""u8);
        }
        finally
        {
            // It may hold a password.
            ArrayPool<byte>.Shared.Return(body, clearArray: true);
        }
    }

    private static async Task<TokenRequest?> ReadFormAsync(HttpContext context, IReadOnlyList<string> fields)
    {
        try
        {
            var form = await context.Request.ReadFormAsync(new FormOptions { ValueCountLimit = 32, BufferBodyLengthLimit = MaxBodyBytes }, context.RequestAborted);
            return await CheckAsync(context, fields, field => form.TryGetValue(field, out var values) ? (values is [var value] ? value : null, NotText) : (null, Required));
        }
        // Of a form of parts: one that has no end, and one with a part in a character set that .NET knows and does not read.
        catch (Exception exception) when (exception is InvalidDataException or InvalidOperationException or NotSupportedException || exception.GetType() == typeof(IOException))
        {
            return await RefuseAsync(context, """{"detail":"Form parse error"}"""u8);
        }
    }

    /// <summary>Collects the fields; answers with every fault at once.</summary>
    private static async Task<TokenRequest?> CheckAsync(HttpContext context, IReadOnlyList<string> fields, Func<string, (string? Text, string Fault)> find)
    {
        var request = new TokenRequest();
        Dictionary<string, string[]>? faults = null;
        foreach (var field in fields)
        {
            var (text, fault) = find(field);
            // A password may well be blanks; a name or token of nothing but blanks is none.
            if (text is { Length: 0 } || (text is not null && field != "password" && string.IsNullOrWhiteSpace(text)))
                (text, fault) = (null, Blank);
            if (text is not null)
                request._values[field] = text;
            else
                (faults ??= new(StringComparer.Ordinal))[field] = [fault];
        }
        return faults is null ? request : await RefuseAsync(context, JsonSerializer.SerializeToUtf8Bytes(faults));
    }

    private static (string? Text, string Fault) Text(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Null:
                return (null, Null);
            case JsonValueKind.Number:
                return (value.GetRawText(), NotText);
            case JsonValueKind.String:
                return (UntrustedJson.Text(value), NotText);
            default:
                return (null, NotText);
        }
    }

    private static bool HasBody(HttpContext context) => context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: true } && context.Request.ContentLength != 0;

    private static Task<TokenRequest?> RefuseAsync(HttpContext context, ReadOnlySpan<byte> body) =>
        RefuseAsync(context, StatusCodes.Status400BadRequest, "request_invalid", body.ToArray());

    private static Task<TokenRequest?> UnsupportedAsync(HttpContext context) =>
        RefuseAsync(context, StatusCodes.Status415UnsupportedMediaType, "media_type_unsupported", """{"detail":"Unsupported media type in request."}"""u8.ToArray());

    private static Task<TokenRequest?> TooLargeAsync(HttpContext context) =>
        RefuseAsync(context, StatusCodes.Status413PayloadTooLarge, "request_too_large", """{"detail":"The request is too large."}"""u8.ToArray());

    private static async Task<TokenRequest?> RefuseAsync(HttpContext context, int status, string code, byte[] body)
    {
        RequestReason.Set(context, code);
        await TokenAnswers.WriteAsync(context, status, body);
        return null;
    }
}
