using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace RevocationProtocol;

/// <summary>
/// Refuses to run on a Redis that may evict keys: an evicted revocation is a token back from the dead. Asked as soon as
/// Redis answers; in Development a warning is enough.
/// </summary>
internal sealed partial class EvictionPolicyCheck(
    RedisConnection revocations, SessionsConnection sessions, RevocationKeys keys, IHostEnvironment environment, IHostApplicationLifetime lifetime,
    ILogger<EvictionPolicyCheck> logger, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(500);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        foreach (var redis in new[] { revocations, sessions.Redis }.Distinct())
        {
            var policy = await AskAsync(redis, stoppingToken);
            if (policy is null or "noeviction")
                continue;
            if (environment.IsDevelopment())
            {
                Log.Evicts(logger, policy);
                continue;
            }
            Log.EvictsFatal(logger, policy);
            Environment.ExitCode = 1;
            lifetime.StopApplication();
        }
    }

    private async Task<string?> AskAsync(RedisConnection redis, CancellationToken stoppingToken)
    {
        while (true)
        {
            try
            {
                return (string?)await redis.EvaluateAsync(RevocationScripts.EvictionPolicy, [keys.Stream], [], stoppingToken);
            }
            catch (RedisUnavailableException)
            {
                await Task.Delay(Retry, time, stoppingToken);
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(3020, LogLevel.Warning, "Redis runs with maxmemory-policy {Policy}: it may evict revocations. Set 'maxmemory-policy noeviction'; outside Development this stops the process.")]
        public static partial void Evicts(ILogger logger, string policy);

        [LoggerMessage(3021, LogLevel.Critical, "Redis runs with maxmemory-policy {Policy}: it may evict revocations, and revoked tokens would be accepted again. Set 'maxmemory-policy noeviction' and start again.")]
        public static partial void EvictsFatal(ILogger logger, string policy);
    }
}
