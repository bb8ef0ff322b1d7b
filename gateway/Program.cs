using Gateway.Authentication;
using Gateway.BoundaryCheck;
using Gateway.Diagnostics;
using Gateway.Explain;
using Gateway.ForwardAuth;
using Gateway.Forwarding;
using Gateway.RateLimiting;
using Gateway.Revocation;
using Gateway.Routing;
using ServiceHosting;

namespace Gateway;

/// <summary>The gateway's composition: what it is made of, and in which order a request passes it.</summary>
internal static class Program
{
    internal static readonly ServiceDescription Service = new()
    {
        Name = "gateway",
        DefaultManagementUrl = "http://127.0.0.1:8090",
        ShutdownDelayKey = "Gateway:ShutdownDelay",
        TelemetrySources = ["RevocationProtocol", "Gateway.Revocation", GatewayMetrics.Meter],
        CompleteRefusal = ForwardingRefusals.CompleteAsync,
        RouteName = endpoint => GatewayRoute.Of(endpoint)?.RouteId ?? endpoint.DisplayName,
    };

    internal static Task<int> Main(string[] args)
    {
        InlineSockets.Enable();
        return GatewayCommands.Handles(args) ? GatewayCommands.RunAsync(args) : ServiceHost.RunAsync(Service, args, AddServices, UsePipeline);
    }

    internal static void AddServices(WebApplicationBuilder builder)
    {
        builder.WebHost.UseInlineSockets();
        builder.Services.AddRevocationReplica();
        builder.Services.AddTokenAuthentication();
        builder.Services.AddReverseProxy()
            // Read again whenever the file changes; a faulty change is refused and the last good one serves on.
            .LoadFromConfig(builder.Configuration.GetSection("ReverseProxy"))
            .AddRoutePolicies()
            .AddRateLimits()
            .AddLongRequests()
            // Last, around everything that configuration can add: nothing undoes it.
            .AddHeaderBoundary()
            .AddIdentityKeys()
            .AddForwardAuth()
            .AddExplain();
    }

    /// <summary>The order of the pipeline. Each step relies on those before it.</summary>
    internal static void UsePipeline(WebApplication app)
    {
        // Policies are the gateway's own, step 5. Without this ASP.NET Core puts its authorization in front, for nothing.
        ((IApplicationBuilder)app).Properties["__AuthorizationMiddlewareSet"] = true;
        // 1. to 5. Decide.
        UseDecision(app);
        // 6. Refuse what is too much for the route's limit, where it has one.
        app.UseRateLimits();
        // 7. Watch what will take long: it ends with its token.
        app.UseLongRequestWatch();
        // 8. What the gateway answers itself: decisions for other proxies, and the keys of identity tokens.
        app.MapVerify();
        app.MapIdentityKeys();
        // 9. Forward. Inbound identity headers are dropped and ours set at the very end, whatever the transforms did.
        app.MapGatewayRoutes();
        // On the management port: what the steps that decide would do with a request, and why.
        app.UseExplain(UseDecision);
    }

    /// <summary>The steps that decide whether a request may pass, and change nothing.</summary>
    private static void UseDecision(IApplicationBuilder app)
    {
        // 1. Refuse what is malformed or ambiguous, on the raw target: routing and backend then read the same path.
        app.UseRequestTargetRules();
        // 2. Choose the route.
        app.UseRouting();
        // 3. Answer preflights: they carry no token.
        app.UseRouteCors();
        // 4. Find the token, read it strictly, verify it (cached), ask memory whether it is revoked.
        app.UseTokenAuthentication();
        // 5. Let pass whom the route's policy admits; a route without one needs a signed-in caller.
        app.UseRoutePolicies();
    }
}
