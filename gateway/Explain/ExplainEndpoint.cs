using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Gateway.RateLimiting;
using Microsoft.Extensions.Options;
using ServiceHosting;
using ServiceHosting.Management;

namespace Gateway.Explain;

/// <summary>
/// <c>POST /explain</c> on the management port, for this machine, or for who has <c>Management:Token</c>; 20 a second.
/// </summary>
internal sealed class ExplainEndpoint(Explainer explainer, IOptions<ManagementOptions> options, TimeProvider time) : IDisposable
{
    public const string Path = "/explain";

    private const int MaxBodyBytes = 64 * 1024;
    private const string Scheme = "Bearer ";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    private readonly RateLimit _limit = new(
        new RateLimitDefinition("explain", PermitLimit: 20, TimeSpan.FromSeconds(1), RateLimitAlgorithm.FixedWindow, RateLimitPartition.Address, QueueLimit: 0, MaxPartitions: 1), time);

    public async Task AnswerAsync(HttpContext context)
    {
        if (!IsAllowed(context))
        {
            context.Response.Headers.WWWAuthenticate = "Bearer realm=\"management\"";
            await RefuseAsync(context, StatusCodes.Status401Unauthorized, "management_token_required", "Ask from this machine, or with Management:Token.");
            return;
        }

        using var lease = await _limit.AcquireAsync("", context.RequestAborted);
        if (!lease.IsAcquired)
        {
            context.Response.Headers.RetryAfter = "1";
            await RefuseAsync(context, StatusCodes.Status429TooManyRequests, "rate_limited", "At most 20 a second.");
            return;
        }

        try
        {
            var explanation = await explainer.ExplainAsync(Parse(await ReadAsync(context.Request)), context.RequestAborted);
            await context.Response.WriteAsJsonAsync(explanation, Json, context.RequestAborted);
        }
        catch (FormatException exception)
        {
            await RefuseAsync(context, StatusCodes.Status400BadRequest, "request_malformed", exception.Message);
        }
    }

    public void Dispose() => _limit.Dispose();

    private bool IsAllowed(HttpContext context)
    {
        if (context.Connection.RemoteIpAddress is { } peer && IPAddress.IsLoopback(peer)) return true;
        if (options.Value.Token is not { } token || context.Request.Headers.Authorization is not [{ } given]) return false;
        return given.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given[Scheme.Length..].Trim()), Encoding.UTF8.GetBytes(token.Reveal()));
    }

    private static ExplainedRequest Parse(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return ExplainedRequest.Parse(document.RootElement);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // Not JSON; or a text with half a surrogate pair.
            throw new FormatException("The body must be JSON: {\"method\",\"path\",\"headers\":{name:value}}.", exception);
        }
    }

    private static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpRequest request)
    {
        var body = new byte[MaxBodyBytes + 1];
        var length = await request.Body.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, request.HttpContext.RequestAborted);
        return length <= MaxBodyBytes ? body.AsMemory(0, length) : throw new FormatException($"The body has more than {MaxBodyBytes} bytes.");
    }

    private static Task RefuseAsync(HttpContext context, int status, string code, string detail) =>
        ProblemBody.WriteAsync(context, status, code, detail, context.RequestAborted);
}
