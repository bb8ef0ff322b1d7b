using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using ServiceHosting;

namespace AuthService.Users;

/// <summary>The JSON body of a request about users: one object whose known members are texts. No value is ever echoed.</summary>
internal sealed class UserRequest
{
    private const int MaxBodyBytes = 16 * 1024;

    private readonly Dictionary<string, string?> _values = new(StringComparer.Ordinal);

    private UserRequest()
    {
    }

    /// <summary>A member that was asked for; null if it was optional and is absent or null.</summary>
    public string? this[string member] => _values[member];

    /// <summary>Reads the members, or answers with everything that is wrong and returns null.</summary>
    /// <param name="context">Request.</param>
    /// <param name="required">Members that must be there and not empty.</param>
    /// <param name="optional">Members that may be absent or null.</param>
    public static async Task<UserRequest?> ReadAsync(HttpContext context, IReadOnlyList<string> required, params IReadOnlyList<string> optional)
    {
        if (!context.Request.HasJsonContentType())
        {
            await ProblemBody.WriteAsync(context, StatusCodes.Status415UnsupportedMediaType, "media_type_unsupported", "The body must be application/json.", context.RequestAborted);
            return null;
        }
        // Kestrel answers a longer body with 413 while it is read.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = MaxBodyBytes;
        try
        {
            using var document = await UntrustedJson.ParseAsync(context.Request.Body, maxDepth: 8, context.RequestAborted);
            if (document.RootElement.ValueKind == JsonValueKind.Object) return await CheckAsync(context, document.RootElement, required, optional);
        }
        catch (JsonException)
        {
            // Answered below, like JSON of another kind.
        }
        await ProblemBody.WriteAsync(context, StatusCodes.Status400BadRequest, "request_malformed", "The body must be one JSON object.", context.RequestAborted);
        return null;
    }

    /// <summary>Answers 400 with the reasons by member (RFC 9457 section 3.2: an extension member of the problem).</summary>
    public static Task RefuseAsync(HttpContext context, IReadOnlyDictionary<string, string[]> errors)
    {
        const string Code = "request_invalid";
        RequestReason.Set(context, Code);
        context.Response.StatusCode = StatusCodes.Status400BadRequest;
        context.Response.ContentType = "application/problem+json";
        context.Response.Headers.CacheControl = "no-store";
        var body = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object>
        {
            ["type"] = "about:blank",
            ["title"] = "Bad Request",
            ["status"] = StatusCodes.Status400BadRequest,
            ["detail"] = string.Join(' ', errors.SelectMany(error => error.Value.Select(reason => $"{error.Key}: {reason}"))),
            ["code"] = Code,
            ["errors"] = errors,
        });
        context.Response.ContentLength = body.Length;
        return context.Response.Body.WriteAsync(body, context.RequestAborted).AsTask();
    }

    private static async Task<UserRequest?> CheckAsync(HttpContext context, JsonElement body, IReadOnlyList<string> required, IReadOnlyList<string> optional)
    {
        var request = new UserRequest();
        var errors = new Dictionary<string, string[]>(StringComparer.Ordinal);
        foreach (var member in required.Concat(optional))
        {
            var present = body.TryGetProperty(member, out var value) && value.ValueKind != JsonValueKind.Null;
            if (present && UntrustedJson.Text(value) is { Length: > 0 } text) request._values[member] = text;
            else if (present) errors[member] = [value.ValueKind == JsonValueKind.String && value.ValueEquals("") ? "This field may not be blank." : "Not a valid string."];
            else if (required.Contains(member)) errors[member] = ["This field is required."];
            else request._values[member] = null;
        }
        if (errors.Count == 0) return request;
        await RefuseAsync(context, errors);
        return null;
    }
}
