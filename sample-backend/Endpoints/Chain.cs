using ForwardedIdentity;
using ForwardedIdentity.Tokens;
using Microsoft.Extensions.Options;

namespace SampleBackend.Endpoints;

/// <summary>Calls on in the caller's name: through the gateway to this backend's own echo, which shows what arrives there.</summary>
internal sealed class EchoClient(HttpClient http)
{
    public Task<HttpResponseMessage> AskAsync(CancellationToken cancellationToken) =>
        http.GetAsync(new Uri("/echo/chain", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, cancellationToken);
}

internal static class Chain
{
    public static void AddChain(this IServiceCollection services) =>
        services.AddHttpClient<EchoClient>((provider, http) => http.BaseAddress = provider.GetRequiredService<IOptions<ForwardedIdentityOptions>>().Value.Gateway)
            .AddForwardedIdentityHandler();

    public static void MapChain(this WebApplication app) => app.MapGet("/chain/hello", PassOnAsync);

    private static async Task PassOnAsync(HttpContext context, EchoClient echo)
    {
        try
        {
            using var answer = await echo.AskAsync(context.RequestAborted);
            context.Response.StatusCode = (int)answer.StatusCode;
            context.Response.ContentType = answer.Content.Headers.ContentType?.ToString();
            await answer.Content.CopyToAsync(context.Response.Body, context.RequestAborted);
        }
        catch (TokenRefusedException refused) when (refused.Error == "invalid_grant")
        {
            await TypedResults.Problem("The caller's session has ended.", statusCode: StatusCodes.Status401Unauthorized).ExecuteAsync(context);
        }
        catch (HttpRequestException) when (!context.Response.HasStarted)
        {
            await TypedResults.Problem("The next service cannot be reached.", statusCode: StatusCodes.Status502BadGateway).ExecuteAsync(context);
        }
    }
}
