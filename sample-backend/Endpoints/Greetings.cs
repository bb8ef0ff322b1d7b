using SampleBackend.Authentication;

namespace SampleBackend.Endpoints;

internal static class Greetings
{
    private static readonly string[] Reports = ["sales", "returns"];

    public static void MapGreetings(this WebApplication app)
    {
        app.MapGet("/hello/", () => TypedResults.Ok(new { message = "Hello, World!" }));
        app.MapGet("/reports", () => TypedResults.Ok(new { reports = Reports })).RequireAuthorization(nameof(Policies.Admin));
        app.MapGet("/public/ping", () => TypedResults.Ok(new { message = "pong" })).AllowAnonymous();
        app.MapFallback("/public/{**path}", () => TypedResults.Problem(statusCode: StatusCodes.Status404NotFound)).AllowAnonymous();
    }
}
