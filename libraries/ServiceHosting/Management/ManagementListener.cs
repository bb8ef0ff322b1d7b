using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace ServiceHosting.Management;

/// <summary>One endpoint of the management listener.</summary>
/// <param name="Method">The HTTP method, upper case.</param>
/// <param name="Path">The exact path.</param>
/// <param name="Handler">Answers the request.</param>
public sealed record ManagementRoute(string Method, string Path, RequestDelegate Handler);

/// <summary>The management listener as it was bound.</summary>
public sealed class ManagementListener
{
    internal ListenOptions? Listen { get; set; }

    /// <summary>The bound address, with the port that was taken when port 0 was asked for; null without a listener.</summary>
    public IPEndPoint? EndPoint => Listen?.IPEndPoint;
}

internal static class ManagementListenerExtensions
{
    /// <summary>
    /// A Kestrel endpoint of its own beside those of <c>Kestrel:Endpoints</c>. Its connections carry a mark, so that
    /// neither a Host header nor an equal port number on another address can confuse the two.
    /// </summary>
    public static void AddManagementListener(this WebApplicationBuilder builder, ServiceDescription service)
    {
        builder.Services.AddCheckedOptions<ManagementOptions>("Management");
        builder.Services.AddSingleton<IConfigurationCheck, ManagementCheck>();
        var listener = new ManagementListener();
        builder.Services.AddSingleton(listener);

        var url = builder.Configuration["Management:Url"] ?? service.DefaultManagementUrl;
        if (!ManagementOptions.TryParse(url, out var endPoint)) return;

        builder.NameEndpointsOfUrls();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(endPoint!, listen =>
        {
            listener.Listen = listen;
            listen.Protocols = HttpProtocols.Http1;
            listen.Use(next => connection =>
            {
                connection.Features.Set(ManagementConnection.Mark);
                return next(connection);
            });
        }));
    }

    public static void UseManagementListener(this WebApplication app)
    {
        var management = ActivatorUtilities.CreateInstance<ManagementEndpoints>(app.Services);
        app.Use(next => context =>
            context.Features.Get<ManagementConnection>() is null ? next(context) : management.InvokeAsync(context));
    }

    /// <summary>
    /// Kestrel forgets <c>ASPNETCORE_URLS</c> as soon as one endpoint is added by code, so they become named endpoints,
    /// unless such are configured anyway.
    /// </summary>
    private static void NameEndpointsOfUrls(this WebApplicationBuilder builder)
    {
        if (builder.Configuration.GetSection("Kestrel:Endpoints").GetChildren().Any()) return;
        var urls = builder.Configuration[WebHostDefaults.ServerUrlsKey] ?? "http://127.0.0.1:5000";
        var named = urls.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select((url, i) => KeyValuePair.Create($"Kestrel:Endpoints:Url{i}:Url", (string?)url));
        builder.Configuration.AddInMemoryCollection([.. named, new(WebHostDefaults.ServerUrlsKey, "")]);
    }

    private sealed class ManagementConnection
    {
        public static readonly ManagementConnection Mark = new();
    }
}
