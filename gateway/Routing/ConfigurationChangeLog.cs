using Microsoft.Extensions.Configuration.Json;
using Yarp.ReverseProxy.Configuration;

namespace Gateway.Routing;

/// <summary>Says of each reload of the routes whether it is in force. YARP goes on with the last good one after a bad one.</summary>
internal sealed partial class ConfigurationChangeLog : IConfigChangeListener
{
    private readonly ILogger<ConfigurationChangeLog> _logger;

    public ConfigurationChangeLog(IConfiguration configuration, ILogger<ConfigurationChangeLog> logger)
    {
        _logger = logger;
        // A file that cannot be parsed is not reloaded at all, and says so to nobody else.
        foreach (var file in (configuration as IConfigurationRoot)?.Providers.OfType<JsonConfigurationProvider>() ?? [])
            file.Source.OnLoadException = failure => Log.Unreadable(logger, file.Source.Path, failure.Exception.GetBaseException().Message);
    }

    public void ConfigurationLoadingFailed(IProxyConfigProvider configProvider, Exception exception) => Refused(exception);

    public void ConfigurationApplyingFailed(IReadOnlyList<IProxyConfig> proxyConfigs, Exception exception) => Refused(exception);

    public void ConfigurationLoaded(IReadOnlyList<IProxyConfig> proxyConfigs)
    {
        // Only what is applied counts.
    }

    public void ConfigurationApplied(IReadOnlyList<IProxyConfig> proxyConfigs) =>
        Log.Applied(_logger, proxyConfigs.Sum(config => config.Routes.Count));

    private void Refused(Exception exception)
    {
        var faults = exception is AggregateException aggregate ? aggregate.Flatten().InnerExceptions : [exception];
        // YARP wraps what a filter throws in a sentence without the reason.
        Log.Refused(_logger, string.Join(" ", faults.Select(fault => (fault.InnerException ?? fault).Message).Distinct(StringComparer.Ordinal)));
    }

    private static partial class Log
    {
        [LoggerMessage(1100, LogLevel.Information, "Configuration with {Routes} routes is in force")]
        public static partial void Applied(ILogger logger, int routes);

        [LoggerMessage(1101, LogLevel.Error, "The changed configuration is refused, the previous one stays in force: {Problems}")]
        public static partial void Refused(ILogger logger, string problems);

        [LoggerMessage(1102, LogLevel.Error, "The changed file {File} cannot be read, the previous configuration stays in force: {Problem}")]
        public static partial void Unreadable(ILogger logger, string? file, string problem);
    }
}
