using AuthService.Sessions;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace AuthService.Audit;

internal static class AuditExtensions
{
    /// <summary>The audit log: rows of the users database, and the log category <c>Audit</c>.</summary>
    public static IServiceCollection AddAudit(this IServiceCollection services)
    {
        services.AddHttpContextAccessor();
        services.TryAddSingleton<ClientAddress>();
        services.AddSingleton<AuditEvents>();
        services.AddSingleton<CommittedAuditEvents>();
        services.AddSingleton<AuditLog>();
        return services;
    }
}
