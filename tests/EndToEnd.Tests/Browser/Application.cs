using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace EndToEnd.Tests.Browser;

/// <summary>An application of static files on an origin of its own, at every path the same page.</summary>
internal sealed class Application : IAsyncDisposable
{
    private readonly WebApplication _app;

    private Application(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.Single());

    /// <param name="page">HTML.</param>
    /// <param name="files">Scripts by path.</param>
    public static async Task<Application> StartAsync(string page, IReadOnlyDictionary<string, string>? files = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.Run(context =>
        {
            if (files?.GetValueOrDefault(context.Request.Path) is { } script)
            {
                context.Response.ContentType = "text/javascript";
                return context.Response.WriteAsync(script, context.RequestAborted);
            }
            context.Response.ContentType = "text/html; charset=utf-8";
            return context.Response.WriteAsync(page, context.RequestAborted);
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new Application(app);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
