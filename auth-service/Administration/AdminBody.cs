using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using ServiceHosting;

namespace AuthService.Administration;

/// <summary>
/// The JSON body of an administrator's request, read strictly: an unknown member, or one of another type, is refused by
/// its name, so that a misspelt restriction is never silently none. What the values may be the services say.
/// </summary>
internal sealed class AdminBody
{
    public const int MaxBytes = 128 * 1024;

    /// <summary>The longest list.</summary>
    public const int MaxItems = 200;

    private const int MaxNameShown = 100;

    private readonly JsonElement _root;
    private readonly Faults _faults = new();
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    private AdminBody(JsonElement root) => _root = root;

    /// <summary>Reads the body. Merge patches (RFC 7396) are the same objects.</summary>
    public static async Task<AdminBody> ReadAsync(HttpContext context)
    {
        var type = context.Request.ContentType;
        if (!context.Request.HasJsonContentType() || type!.StartsWith("application/json-patch", StringComparison.OrdinalIgnoreCase))
            throw new RefusedException(StatusCodes.Status415UnsupportedMediaType, "media_type_unsupported", "The body must be application/json.");
        // Kestrel answers a longer body with 413 while it is read.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = MaxBytes;
        try
        {
            using var document = await UntrustedJson.ParseAsync(context.Request.Body, maxDepth: 16, context.RequestAborted);
            if (document.RootElement.ValueKind == JsonValueKind.Object) return new AdminBody(document.RootElement.Clone());
        }
        catch (JsonException)
        {
            // Answered below, like JSON of another kind.
        }
        throw new RefusedException(StatusCodes.Status400BadRequest, "request_malformed", "The body must be one JSON object whose members differ in name.");
    }

    /// <summary>A text, which must be there and not null.</summary>
    public string RequiredText(string member)
    {
        var text = OptionalText(member);
        if (text is { IsGiven: true, Value: { } value }) return value;
        _faults.Add(member, text.IsGiven ? "This field may not be null." : "This field is required.");
        return "";
    }

    public Given<string?> OptionalText(string member) => Read<string?>(member, value => value.ValueKind switch
    {
        JsonValueKind.Null => (null, true),
        JsonValueKind.String => (Text(value), Text(value) is not null),
        _ => (null, false),
    }, "a string");

    /// <summary>A text that is not null where it is given.</summary>
    public Given<string> Text(string member) => Read(member, value => value.ValueKind == JsonValueKind.String && Text(value) is { } text ? (text, true) : ("", false), "a string");

    public Given<bool> Flag(string member) => Read(member, value => (value.ValueKind == JsonValueKind.True, value.ValueKind is JsonValueKind.True or JsonValueKind.False), "true or false");

    public Given<long?> OptionalNumber(string member) => Read<long?>(member, value => value.ValueKind switch
    {
        JsonValueKind.Null => (null, true),
        JsonValueKind.Number when value.TryGetInt64(out var number) => (number, true),
        _ => (null, false),
    }, "a whole number or null");

    public Given<IReadOnlyList<string>> Texts(string member) => Read<IReadOnlyList<string>>(member, value =>
    {
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() > MaxItems) return ([], false);
        var items = value.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.String ? Text(item) : null).ToList();
        return items.Contains(null) ? ([], false) : ([.. items.Select(item => item!)], true);
    }, $"a list of at most {MaxItems} strings");

    /// <summary>An object, or null.</summary>
    public Given<JsonElement?> OptionalObject(string member) => Read<JsonElement?>(member, value => value.ValueKind switch
    {
        JsonValueKind.Null => (null, true),
        JsonValueKind.Object => (value, true),
        _ => (null, false),
    }, "an object or null");

    /// <summary>A list, or null.</summary>
    public Given<JsonElement?> OptionalList(string member) => Read<JsonElement?>(member, value => value.ValueKind switch
    {
        JsonValueKind.Null => (null, true),
        JsonValueKind.Array => (value, true),
        _ => (null, false),
    }, "a list or null");

    public Given<JsonElement> Object(string member) => Read(member, value => (value, value.ValueKind == JsonValueKind.Object), "an object");

    /// <summary>A member of the answer to GET that cannot be changed: it may be sent back as it is.</summary>
    public void ReadOnly(string member, object? present)
    {
        _known.Add(member);
        if (_root.TryGetProperty(member, out var value) && !(UntrustedJson.IsReadable(value) && JsonElement.DeepEquals(value, JsonSerializer.SerializeToElement(present))))
            _faults.Add(member, "This field cannot be changed.");
    }

    /// <summary>Call when every member has been read.</summary>
    /// <exception cref="RefusedException">A member is unknown or of another type.</exception>
    public void Close()
    {
        foreach (var member in _root.EnumerateObject().Where(member => !_known.Contains(member.Name)))
            _faults.Add(member.Name.Length <= MaxNameShown ? member.Name : member.Name[..MaxNameShown], "There is no such field.");
        _faults.ThrowIfAny();
    }

    private Given<T> Read<T>(string member, Func<JsonElement, (T Value, bool Fits)> read, string expected)
    {
        _known.Add(member);
        if (!_root.TryGetProperty(member, out var element)) return default;
        var (value, fits) = read(element);
        var isReadable = UntrustedJson.IsReadable(element);
        if (fits && isReadable) return value;
        _faults.Add(member, isReadable ? $"This field must be {expected}." : "This field holds text that is not Unicode, or a number that is too large.");
        return default;
    }

    /// <summary>PostgreSQL takes no NUL in a text, and nothing here has use for one.</summary>
    private static string? Text(JsonElement value) => UntrustedJson.Text(value) is { } text && !text.Contains('\0', StringComparison.Ordinal) ? text : null;
}
