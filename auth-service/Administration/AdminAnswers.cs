using AuthService.Revocation;

namespace AuthService.Administration;

/// <summary>The answers of <c>/api/admin</c>.</summary>
internal static class AdminAnswers
{
    public static IResult Page<T>(Page<T> page, Func<T, Dictionary<string, object?>> members) => Results.Json(new Dictionary<string, object?>
    {
        ["items"] = page.Items.Select(members),
        ["next_cursor"] = page.Next,
    });

    public static IResult Shown(string stamp, Dictionary<string, object?> members) => new Tagged(stamp, Results.Json(members));

    public static IResult Created(string location, string? stamp, Dictionary<string, object?> members) =>
        new Tagged(stamp, Results.Json(members, statusCode: StatusCodes.Status201Created), location);

    /// <summary>The state after a change, and beside it how far its revocations went.</summary>
    public static IResult Changed(string stamp, Dictionary<string, object?> members, RevocationReceipt receipt)
    {
        foreach (var (name, value) in Members(receipt)) members.Add(name, value);
        return new Tagged(stamp, Results.Json(members));
    }

    /// <summary>How far revocations went.</summary>
    public static IResult Receipt(RevocationReceipt receipt, string? stamp = null) => new Tagged(stamp, Results.Json(Members(receipt)));

    public static Dictionary<string, object?> Members(RevocationReceipt receipt) => new()
    {
        ["revoked"] = receipt.Revoked,
        ["gateways"] = receipt.Gateways,
        ["acknowledged"] = receipt.Acknowledged,
        ["durable"] = receipt.Durable,
    };

    private sealed class Tagged(string? stamp, IResult inner, string? location = null) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            if (stamp is not null) httpContext.Response.Headers.ETag = EntityTags.Of(stamp);
            if (location is not null) httpContext.Response.Headers.Location = location;
            return inner.ExecuteAsync(httpContext);
        }
    }
}
