using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace ServiceHosting;

/// <summary>Says why a service does not start: every problem, without a stack trace when the operator can repair it.</summary>
internal static class StartupReport
{
    public static void ThrowIfProblems(IServiceProvider services)
    {
        var problems = services.GetServices<IConfigurationCheck>().SelectMany(check => check.FindProblems()).ToList();
        try
        {
            services.GetService<IStartupValidator>()?.Validate();
        }
        catch (Exception exception) when (Problems(exception) is { } found)
        {
            problems.AddRange(found);
        }

        if (problems.Count > 0) throw new ConfigurationException([.. problems.Distinct(StringComparer.Ordinal)]);
    }

    public static void Write(TextWriter output, string service, Exception exception)
    {
        if (Problems(exception) is not { } problems)
        {
            output.WriteLine($"{service}: could not start: {exception}");
            return;
        }

        output.WriteLine($"{service}: could not start, {problems.Count} {(problems.Count == 1 ? "problem" : "problems")}:");
        foreach (var problem in problems) output.WriteLine($"  - {problem}");
    }

    /// <summary>One line a problem, or null for an exception that is a defect of the program.</summary>
    private static IReadOnlyList<string>? Problems(Exception exception) => exception switch
    {
        ConfigurationException configuration => configuration.Problems,
        OptionsValidationException options => [.. options.Failures],
        AggregateException aggregate when aggregate.Flatten().InnerExceptions.Select(Problems).ToList() is var all
            && all.TrueForAll(found => found is not null) => [.. all.SelectMany(found => found!)],
        // YARP: "Unable to load or apply the proxy configuration." around one exception a fault.
        InvalidOperationException { InnerException: AggregateException faults } =>
            [.. faults.Flatten().InnerExceptions.Select(fault => fault.Message)],
        // The configuration binder, which names the key and the type.
        InvalidOperationException { InnerException: FormatException } => [exception.Message],
        IOException { InnerException: AddressInUseException } or SocketException => [exception.Message],
        _ => null,
    };
}
