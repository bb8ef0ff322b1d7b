using ForwardedIdentity;
using SampleBackend.Authentication;
using SampleBackend.Endpoints;
using SampleBackend.Hosting;
using ServiceHosting;

return await ServiceHost.RunAsync(new ServiceDescription { Name = "sample-backend" }, args, AddServices, UsePipeline);

static void AddServices(WebApplicationBuilder builder)
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

static void UsePipeline(WebApplication app)
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
