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
    };

    internal static Task<int> Main(string[] args) => ServiceHost.RunAsync(Service, args, AddServices, UsePipeline);

    internal static void AddServices(WebApplicationBuilder builder)
    {
        builder.Services.AddReverseProxy().LoadFromConfig(builder.Configuration.GetSection("ReverseProxy"));
    }

    internal static void UsePipeline(WebApplication app)
    {
        app.MapReverseProxy();
    }
}
