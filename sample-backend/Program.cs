using ForwardedIdentity;
using SampleBackend.Authentication;
using SampleBackend.Endpoints;
using SampleBackend.Hosting;
using ServiceHosting;

namespace SampleBackend;

/// <summary>A service behind the gateway, made as a customer would make one.</summary>
internal static class Program
{
    internal static readonly ServiceDescription Service = new() { Name = "sample-backend" };

    internal static Task<int> Main(string[] args) => ServiceHost.RunAsync(Service, args, AddServices, UsePipeline);

    internal static void AddServices(WebApplicationBuilder builder)
    {
        builder.WebHost.ConfigureKestrel(RequestLimits.Apply);
        builder.Services.AddProblemDetails();
        builder.Services.Configure<RouteHandlerOptions>(routing => routing.ThrowOnBadRequest = false); // a bad body is a 400 in Development too
        builder.Services.AddForwardedIdentity();
        builder.Services.AddAuthorizationBuilder()
            // Whatever is not marked anonymous needs a caller, an unknown path too.
            .SetFallbackPolicy(Policies.SignedIn)
            .AddPolicy(nameof(Policies.Admin), Policies.Admin)
            .AddPolicy(nameof(Policies.ReadOrders), Policies.ReadOrders)
            .AddPolicy(nameof(Policies.WriteOrders), Policies.WriteOrders);
        builder.Services.AddSingleton<OrderBook>();
        builder.Services.AddChain();
    }

    internal static void UsePipeline(WebApplication app)
    {
        app.UseStatusCodePages();
        app.UseWebSockets();
        app.UseAuthentication();
        app.UseAuthorization();

        app.MapGreetings();
        app.MapEcho();
        app.MapOrders();
        app.MapChain();
        app.MapClock();
        app.MapWebSocketEcho();
    }
}
