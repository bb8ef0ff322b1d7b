using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace ForwardedIdentity;

internal sealed class IdentityKeysHealthCheck(IdentityKeys keys) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            // Fetches them if no request has yet; afterwards it renews them like any request.
            await keys.PrepareAsync(kid: null, cancellationToken);
            return keys.Stale ? HealthCheckResult.Degraded("The gateway's keys could not be renewed; the last ones serve on.") : HealthCheckResult.Healthy();
        }
        catch (IdentityKeysUnavailableException e)
        {
            return HealthCheckResult.Unhealthy(e.Message);
        }
    }
}
