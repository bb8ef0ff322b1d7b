using AuthService.Diagnostics;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.ApplicationParts;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace AuthService.Pages;

internal static class PagesExtensions
{
    /// <summary>No form of ours is longer.</summary>
    private const long MaxFormBytes = 64 * 1024;

    /// <summary>What people see: sign-in, consent, their account. Server-rendered, without scripts. Needs browser sign-in and
    /// OAuth; goes before <see cref="FaultHandler"/>, which answers what is no page.</summary>
    public static IServiceCollection AddPages(this IServiceCollection services)
    {
        services.AddRazorPages(pages => pages.Conventions.ConfigureFilter(new RequestSizeLimitAttribute(MaxFormBytes))).ConfigureApplicationPartManager(parts =>
        {
            // The pages of this assembly, whichever program it runs in.
            parts.ApplicationParts.Clear();
            foreach (var part in new ConsolidatedAssemblyApplicationPartFactory().GetApplicationParts(typeof(PagesExtensions).Assembly)) parts.ApplicationParts.Add(part);
        });
        services.Replace(ServiceDescriptor.Singleton<IAntiforgery, FormTokens>());
        // Nothing is left that needs ASP.NET Core's data protection, whose keys replicas would have to share: it makes none.
        services.AddDataProtection().UseEphemeralDataProtectionProvider();
        foreach (var starter in services.Where(s => s.ServiceType == typeof(IHostedService) && s.ImplementationType?.Assembly == typeof(KeyManagementOptions).Assembly).ToList())
            services.Remove(starter);
        services.AddSingleton<FaultHandler>();
        services.AddExceptionHandler<PageFaults>();
        return services;
    }

    public static IEndpointRouteBuilder MapPages(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapStylesheet();
        // A page that is asked by another method would be rendered with nothing read for it.
        endpoints.MapRazorPages().WithMetadata(new HttpMethodMetadata([HttpMethods.Get, HttpMethods.Head, HttpMethods.Post]));
        return endpoints;
    }
}
