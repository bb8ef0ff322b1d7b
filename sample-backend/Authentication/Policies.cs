using ForwardedIdentity;
using Microsoft.AspNetCore.Authorization;

namespace SampleBackend.Authentication;

internal static class Policies
{
    public static readonly AuthorizationPolicy SignedIn = new AuthorizationPolicyBuilder().RequireAuthenticatedUser().Build();

    public static readonly AuthorizationPolicy Admin = new AuthorizationPolicyBuilder().RequireAuthenticatedUser().RequireRole("admin").Build();

    public static readonly AuthorizationPolicy ReadOrders = Scope("orders.read");

    public static readonly AuthorizationPolicy WriteOrders = Scope("orders.write");

    private static AuthorizationPolicy Scope(string scope) => new AuthorizationPolicyBuilder().RequireAuthenticatedUser().RequireScope(scope).Build();
}
