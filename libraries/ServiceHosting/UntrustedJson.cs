using System.Text.Json;

namespace ServiceHosting;

/// <summary>
/// JSON that a caller sent. JSON's grammar lets text through that is not Unicode: half a surrogate pair, written as an escape,
/// and bytes that are no UTF-8 (RFC 8259 sections 8.1 and 8.2), and numbers that no program has (section 6). Whoever reads or
/// compares such values fails, wherever that is; here they are found.
/// </summary>
public static class UntrustedJson
{
    /// <summary>Of <c>e-308</c> and a digit more.</summary>
    private const int MaxExponentLength = 6;

    /// <summary>Reads one value whose objects have no name twice, and whose own names, if it is an object, are Unicode.</summary>
    /// <param name="utf8Json">The body.</param>
    /// <param name="maxDepth">Objects and arrays within each other.</param>
    /// <exception cref="JsonException">It is something else.</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> utf8Json, int maxDepth)
    {
        try
        {
            return Checked(JsonDocument.Parse(utf8Json, Options(maxDepth)));
        }
        catch (InvalidOperationException exception)
        {
            throw NotUnicode(exception);
        }
    }

    /// <inheritdoc cref="Parse"/>
    /// <param name="cancellationToken">Ends the reading.</param>
    public static async Task<JsonDocument> ParseAsync(Stream utf8Json, int maxDepth, CancellationToken cancellationToken)
    {
        try
        {
            return Checked(await JsonDocument.ParseAsync(utf8Json, Options(maxDepth), cancellationToken));
        }
        catch (InvalidOperationException exception)
        {
            throw NotUnicode(exception);
        }
    }

    /// <summary>The text of a string; null for another kind of value, and for a string that is not Unicode.</summary>
    public static string? Text(JsonElement value)
    {
        try
        {
            return value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Whether every name, string and number within the value can be read (RFC 7493 sections 2.1 and 2.2).</summary>
    public static bool IsReadable(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => Text(value) is not null,
        JsonValueKind.Number => IsReadableNumber(value),
        JsonValueKind.Array => value.EnumerateArray().All(IsReadable),
        JsonValueKind.Object => HasReadableNames(value) && value.EnumerateObject().All(member => IsReadable(member.Value)),
        _ => true,
    };

    /// <summary>A double can be as large, and the exponent is no longer than one that means something.</summary>
    private static bool IsReadableNumber(JsonElement number)
    {
        var text = number.GetRawText();
        var exponent = text.AsSpan().IndexOfAny('e', 'E');
        return double.IsFinite(number.GetDouble()) && (exponent < 0 || text.Length - exponent <= MaxExponentLength);
    }

    private static JsonDocument Checked(JsonDocument document)
    {
        if (document.RootElement.ValueKind != JsonValueKind.Object || HasReadableNames(document.RootElement)) return document;
        document.Dispose();
        throw NotUnicode(null);
    }

    private static bool HasReadableNames(JsonElement value)
    {
        try
        {
            return value.EnumerateObject().All(member => member.Name is not null);
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private static JsonDocumentOptions Options(int maxDepth) => new() { MaxDepth = maxDepth, AllowDuplicateProperties = false };

    private static JsonException NotUnicode(Exception? inner) => new("A name in it is not Unicode.", inner);
}
