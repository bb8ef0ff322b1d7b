using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Serilog.Core;
using Serilog.Events;

namespace ServiceHosting.Logging;

/// <summary>
/// Takes completion events past Serilog, whose general way takes 28 µs and 7 KiB for each, as much as forwarding the request
/// (deploy/docs/decisions/0009-cost-of-a-request.md). They obey its levels under the name of <see cref="CompletionEvent"/>.
/// </summary>
internal sealed class CompletionLogs(LogOutput output, Serilog.ILogger levels) : ILoggerProvider
{
    /// <summary>The full name of <see cref="CompletionEvent"/>.</summary>
    public const string Category = $"{nameof(ServiceHosting)}.{nameof(Logging)}.{nameof(CompletionEvent)}";

    public ILogger CreateLogger(string categoryName) =>
        categoryName == Category ? new Logger(output, levels.ForContext(Constants.SourceContextPropertyName, Category)) : NullLogger.Instance;

    public void Dispose()
    {
        // The output is not this one's.
    }

    private sealed class Logger(LogOutput output, Serilog.ILogger levels) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => levels.IsEnabled((LogEventLevel)logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (state is CompletionEvent completion) output.Write(completion);
        }
    }
}
