using Microsoft.Net.Http.Headers;

namespace ServiceHosting;

/// <summary>
/// What a request says its body is. The framework's own readers take more: forms in any character set that .NET knows, some
/// of which it fails on, and forms of parts, which may lack an end; and what they decode may hold NUL.
/// </summary>
public static class MediaTypes
{
    /// <summary>Whether the body is a form as browsers and OAuth clients send it: not of parts, and in UTF-8.</summary>
    public static bool IsForm(string? contentType) =>
        MediaTypeHeaderValue.TryParse(contentType, out var type)
        && type.MediaType.Equals("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase)
        && IsUtf8(type);

    /// <summary>Whether the body is in UTF-8: the media type says so, or names no character set.</summary>
    public static bool IsUtf8(MediaTypeHeaderValue type)
    {
        ArgumentNullException.ThrowIfNull(type);
        return !type.Charset.HasValue || HeaderUtilities.RemoveQuotes(type.Charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase);
    }
}
