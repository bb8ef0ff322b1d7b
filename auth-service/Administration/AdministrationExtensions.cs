using Microsoft.Extensions.Options;

namespace AuthService.Administration;

internal static class AdministrationExtensions
{
    /// <summary>What administrators do, for the endpoints and the command line. Needs users, sessions, signing keys and audit.</summary>
    public static IServiceCollection AddAdministration(this IServiceCollection services)
    {
        services.AddSingleton<CutOffs>();
        services.AddSingleton<AdminChange>();
        services.AddSingleton<UserReader>();
        services.AddScoped<UserAdministration>();
        services.AddSingleton<RoleAdministration>();
        services.AddSingleton<ClientAdministration>();
        services.AddSingleton<SessionAdministration>();
        services.AddSingleton<AuditReader>();
        services.AddOptions<FirstAdministratorOptions>().ValidateOnStart();
        services.AddSingleton<IOptionsFactory<FirstAdministratorOptions>, FirstAdministratorOptionsFactory>();
        services.AddSingleton<IPreparationStep, FirstAdministrator>();
        return services;
    }

    /// <summary><c>/api/admin</c>, for users with the role <c>admin</c>.</summary>
    public static IEndpointRouteBuilder MapAdministration(this IEndpointRouteBuilder endpoints)
    {
        var admin = endpoints.MapGroup("/api/admin").RequireAdministrator();
        admin.MapUsers();
        admin.MapRoles();
        admin.MapClients();
        admin.MapSessions();
        admin.MapKeys();
        admin.MapAudit();
        return endpoints;
    }
}
