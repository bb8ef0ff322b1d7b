using Microsoft.Extensions.Logging;
using Serilog.Events;
using Serilog.Extensions.Logging;

namespace ServiceHosting.Logging;

/// <summary>
/// Takes completion events straight to the output. The general way through Serilog takes 28 µs and 7 KiB for each, as much as
/// forwarding the request (deploy/docs/decisions/0009-cost-of-a-request.md). They obey its levels under the name of
/// <see cref="CompletionEvent"/>. Whatever else takes logs, an exporter say, gets them like any other event.
/// </summary>
internal sealed class CompletionLog(LogOutput output, Serilog.ILogger levels, IEnumerable<ILoggerProvider> providers, ILogger<CompletionEvent> others)
{
    /// <summary>The full name of <see cref="CompletionEvent"/>.</summary>
    public const string Category = $"{nameof(ServiceHosting)}.{nameof(Logging)}.{nameof(CompletionEvent)}";

    private readonly bool _hasOthers = providers.Any(provider => provider is not SerilogLoggerProvider);

    /// <summary>Whether anything takes them.</summary>
    public bool IsEnabled => levels.IsEnabled(LogEventLevel.Information) || (_hasOthers && others.IsEnabled(LogLevel.Information));

    public void Write(CompletionEvent completion)
    {
        if (levels.IsEnabled(LogEventLevel.Information)) output.Write(completion);
        if (_hasOthers) others.Log(LogLevel.Information, CompletionEvent.Id, completion, null, static (completion, _) => completion.ToString());
    }
}
