using Microsoft.Extensions.Primitives;

namespace AuthService.Administration;

/// <summary>
/// Strong entity tags (RFC 9110 section 8.8.3): the concurrency stamp of a row, which every change of what is shown
/// replaces. <c>If-Match</c> is honoured, not demanded: a change names the members it changes, so without the header it
/// is made on whatever stands, and an administrator who must shut somebody out now needs one request.
/// </summary>
internal sealed class EntityTags
{
    private readonly string[]? _stamps;

    private EntityTags(string[]? stamps) => _stamps = stamps;

    /// <summary>Any state will do.</summary>
    public static EntityTags Any { get; } = new(stamps: null);

    /// <summary>One state.</summary>
    public static EntityTags Only(string stamp) => new([stamp]);

    /// <summary>Whether the change is for one particular state.</summary>
    public bool Required => _stamps is not null;

    public static string Of(string stamp) => $"\"{stamp}\"";

    /// <summary>Reads <c>If-Match</c>. A weak tag is a tag that matches nothing (section 13.1.1: strong comparison).</summary>
    public static EntityTags Read(HttpContext context)
    {
        var header = context.Request.Headers.IfMatch;
        if (StringValues.IsNullOrEmpty(header)) return Any;
        if (!Microsoft.Net.Http.Headers.EntityTagHeaderValue.TryParseList(header, out var tags))
            throw new RefusedException(StatusCodes.Status400BadRequest, "request_malformed", "If-Match must be an entity tag in quotes, as ETag gave it, or *.");
        return tags.Any(tag => tag.Equals(Microsoft.Net.Http.Headers.EntityTagHeaderValue.Any))
            ? Any
            : new EntityTags([.. tags.Where(tag => !tag.IsWeak).Select(tag => tag.Tag.ToString().Trim('"'))]);
    }

    /// <exception cref="RefusedException">The row is in another state. The update itself compares again, in SQL.</exception>
    public void Match(string stamp)
    {
        if (_stamps is not null && !_stamps.Contains(stamp)) throw RefusedException.Stale;
    }
}
