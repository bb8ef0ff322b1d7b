using AuthService.Sessions;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

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
        services.AddSingleton<AuditStore>();
        services.AddOptions<AuditOptions>().ValidateOnStart();
        services.AddSingleton<IOptionsFactory<AuditOptions>, AuditOptionsFactory>();
        return services;
    }

    /// <summary>The way of audit events from Redis into the database. Needs users, sessions and the revocation service.</summary>
    public static IServiceCollection AddAuditOutbox(this IServiceCollection services)
    {
        services.AddSingleton<AuditOutbox>();
        services.AddSingleton<AuditDrain>();
        services.AddHostedService(provider => provider.GetRequiredService<AuditDrain>());
        return services;
    }
}
