using Microsoft.Extensions.DependencyInjection.Extensions;
using ServiceHosting.Management;

namespace Gateway.Explain;

/// <summary>Why a request would be refused or passed.</summary>
internal static class ExplainServices
{
    /// <summary>Adds <c>POST /explain</c> to the management port. After everything that decides.</summary>
    public static IReverseProxyBuilder AddExplain(this IReverseProxyBuilder proxy)
    {
        proxy.Services.TryAddSingleton<Facts>();
        proxy.Services.TryAddSingleton<Explainer>();
        proxy.Services.TryAddSingleton<ExplainEndpoint>();
        proxy.Services.AddSingleton(provider =>
            new ManagementRoute(HttpMethods.Post, ExplainEndpoint.Path, provider.GetRequiredService<ExplainEndpoint>().AnswerAsync));
        return proxy;
    }

    /// <summary>Explains by the steps of <paramref name="decide"/>. Last, when all endpoints are mapped.</summary>
    public static void UseExplain(this WebApplication app, Action<IApplicationBuilder> decide) =>
        app.Services.GetRequiredService<Explainer>().UseDecisionOf(app, decide);
}
