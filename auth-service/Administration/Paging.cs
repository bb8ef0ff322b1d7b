using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace AuthService.Administration;

/// <summary>One page of a list.</summary>
/// <param name="Next">Where the next page begins; null after the last.</param>
internal sealed record Page<T>(IReadOnlyList<T> Items, string? Next);

/// <summary>Which page is asked for.</summary>
/// <param name="Limit">How many items at most, up to <see cref="MaxLimit"/>.</param>
/// <param name="After">The sort key of the last item of the page before; null for the first page.</param>
internal sealed record PageRequest(int Limit, string? After)
{
    public const int MaxLimit = 200;
    public const int DefaultLimit = 50;
    private const int MaxCursorLength = 2048;

    public static string Cursor(string key) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(key));

    public static PageRequest Create(string? limit, string? cursor, Faults faults)
    {
        var count = DefaultLimit;
        if (limit is not null && (!int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out count) || count is < 1 or > MaxLimit))
            faults.Add("limit", $"This must be a number from 1 to {MaxLimit}.");
        var after = cursor is null ? null : Decode(cursor);
        if (cursor is not null && after is null) faults.Add("cursor", "This must be the next_cursor of a page.");
        return new PageRequest(count, after);
    }

    /// <summary>The page from the items that were read: one more than <see cref="Limit"/>, if there are that many.</summary>
    public Page<T> Of<T>(IReadOnlyList<T> items, Func<T, string> key) =>
        items.Count <= Limit ? new Page<T>(items, null) : new Page<T>([.. items.Take(Limit)], Cursor(key(items[Limit - 1])));

    private static string? Decode(string cursor)
    {
        if (cursor.Length is 0 or > MaxCursorLength || !Base64Url.IsValid(cursor)) return null;
        try
        {
            var text = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(Base64Url.DecodeFromChars(cursor));
            // PostgreSQL takes no NUL in a text.
            return text.Contains('\0', StringComparison.Ordinal) ? null : text;
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}

/// <summary>The query of a list request, read as strictly as a body: a misspelt filter would answer with everything.</summary>
internal sealed class AdminQuery(IQueryCollection query)
{
    private const int MaxValueLength = 300;
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    public Faults Faults { get; } = new();

    public string? Text(string name)
    {
        _known.Add(name);
        if (!query.TryGetValue(name, out var values)) return null;
        if (values is [{ Length: > 0 and <= MaxValueLength } value] && !value.Contains('\0', StringComparison.Ordinal)) return value;
        Faults.Add(name, $"This must be given once, with 1 to {MaxValueLength} characters.");
        return null;
    }

    public bool? Flag(string name)
    {
        var text = Text(name);
        if (text is not (null or "true" or "false")) Faults.Add(name, "This must be true or false.");
        return text is null ? null : text == "true";
    }

    /// <summary>A moment, as RFC 3339 writes it; without an offset it is UTC.</summary>
    public DateTimeOffset? Time(string name)
    {
        if (Text(name) is not { } text) return null;
        if (Moments.TryParse(text, out var moment)) return moment;
        Faults.Add(name, "This must be a time such as 2026-01-31T12:00:00Z.");
        return null;
    }

    public PageRequest Page()
    {
        _known.Add("cursor");
        var cursor = query.TryGetValue("cursor", out var values) ? values.ToString() : null;
        return PageRequest.Create(Text("limit"), cursor, Faults);
    }

    /// <summary>Call when everything has been read.</summary>
    /// <exception cref="RefusedException">A parameter is unknown or wrong.</exception>
    public void Close()
    {
        foreach (var name in query.Keys.Where(name => !_known.Contains(name)))
            Faults.Add(name.Length <= 100 ? name : name[..100], $"There is no such parameter; known are {string.Join(", ", _known.Order(StringComparer.Ordinal))}.");
        Faults.ThrowIfAny();
    }
}

/// <summary>Times as administrators write them.</summary>
internal static class Moments
{
    public static bool TryParse(string text, out DateTimeOffset moment) =>
        DateTimeOffset.TryParseExact(
            text, ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd"], CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out moment);
}
