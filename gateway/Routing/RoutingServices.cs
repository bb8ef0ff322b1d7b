using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using ServiceHosting;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Model;

namespace Gateway.Routing;

/// <summary>What may be asked for, and who may ask for it.</summary>
internal static class RoutingServices
{
    /// <summary>Path and header rules, and a policy for every route. Unknown names in routes are start-up problems.</summary>
    public static IReverseProxyBuilder AddRoutePolicies(this IReverseProxyBuilder proxy)
    {
        var services = proxy.Services;
        services.AddCheckedOptions<PathOptions>(PathOptions.Section);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<PathOptions>, PathOptionsValidator>());
        services.TryAddSingleton<RouteResolver>();
        services.TryAddSingleton<RouteFinder>();
        services.AddSingleton<IProxyConfigFilter>(provider => provider.GetRequiredService<RouteResolver>());
        services.AddSingleton<IConfigurationCheck>(provider => provider.GetRequiredService<RouteResolver>());
        services.AddSingleton<IConfigChangeListener, ConfigurationChangeLog>();
        // RoutePolicies sees to it that nothing relies on ASP.NET Core's own policies, which are not applied here. The framework
        // would ask each endpoint three times whether something does, which with a thousand routes is memory to wait for.
        services.Configure<RouteOptions>(routing => routing.SuppressCheckForUnhandledSecurityMetadata = true);
        services.Configure<KestrelServerOptions>(kestrel =>
        {
            // RFC 9110 section 5.5: bytes 0x80-0xFF are opaque and must come out as they went in.
            kestrel.RequestHeaderEncodingSelector = static name => name switch
            {
                _ when name == HeaderNames.Connection => ConnectionHeaderEncoding.Instance,
                _ when name == HeaderNames.ContentLength => ContentLengthEncoding.Instance,
                _ => Encoding.Latin1,
            };
            kestrel.ResponseHeaderEncodingSelector = _ => Encoding.Latin1;
            // RFC 9112 section 2.2: a line may end with LF alone, and where one party takes it so and another does not, they see
            // different headers. Read by the server when its first connection is made.
            AppContext.SetSwitch("Microsoft.AspNetCore.Server.Kestrel.DisableHttp1LineFeedTerminators", true);
            // Streams of any length and pace pass; a route limits its bodies by YARP's MaxRequestBodySize.
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
        });
        return proxy;
    }

    /// <summary>First in the pipeline, before <c>UseRouting</c>.</summary>
    public static IApplicationBuilder UseRequestTargetRules(this IApplicationBuilder app) => app.UseMiddleware<RequestTargetRules>();

    /// <summary>After <c>UseRouting</c>, before the token is looked at: a preflight carries none.</summary>
    public static IApplicationBuilder UseRouteCors(this IApplicationBuilder app) => app.UseMiddleware<RouteCors>();

    /// <summary>After the token has been judged.</summary>
    public static IApplicationBuilder UseRoutePolicies(this IApplicationBuilder app) => app.UseMiddleware<RoutePolicies>();

    /// <summary>Maps YARP's routes, each with its policy.</summary>
    public static void MapGatewayRoutes(this WebApplication app)
    {
        app.MapReverseProxy().Add(AddPolicy);
        app.Services.GetRequiredService<RouteFinder>().UseRoutingOf(app);
    }

    private static void AddPolicy(EndpointBuilder endpoint)
    {
        var config = endpoint.Metadata.OfType<RouteModel>().Single().Config;
        var route = new GatewayRoute(config);
        // A preflight names the method it asks for; without CORS, OPTIONS is a method like any other.
        if (route.Cors is not null && endpoint.Metadata.OfType<IHttpMethodMetadata>().SingleOrDefault() is { } methods)
        {
            endpoint.Metadata.Remove(methods);
            endpoint.Metadata.Add(new HttpMethodMetadata(methods.HttpMethods, acceptCorsPreflight: true));
        }

        endpoint.Metadata.Add(route);
    }
}
