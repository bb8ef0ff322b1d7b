using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace ServiceHosting;

/// <summary>Looks at the configuration before the service starts. Every problem of every check is reported together.</summary>
public interface IConfigurationCheck
{
    /// <summary>One line a problem: the key, what is wrong, what to do.</summary>
    IEnumerable<string> FindProblems();
}

/// <summary>Stops the start of a service with problems that the operator can repair; shown without a stack trace.</summary>
public sealed class ConfigurationException : Exception
{
    /// <summary>Creates the exception with one line a problem: the key, what is wrong, what to do.</summary>
    public ConfigurationException(params IReadOnlyList<string> problems)
        : base(string.Join(Environment.NewLine, problems)) => Problems = problems;

    /// <summary>One line a problem.</summary>
    public IReadOnlyList<string> Problems { get; }
}

/// <summary>Registers options that are checked before the service starts.</summary>
public static class CheckedOptionsExtensions
{
    /// <summary>
    /// Binds <typeparamref name="TOptions"/> to a section, strictly: a setting that the type does not know (a misspelt
    /// one) is a problem, not silently the default. Its validators run before the service starts.
    /// </summary>
    public static OptionsBuilder<TOptions> AddCheckedOptions<TOptions>(this IServiceCollection services, string section)
        where TOptions : class
    {
        services.AddSingleton<IConfigurationCheck>(provider => new OptionsCheck<TOptions>(provider, section));
        return services.AddOptions<TOptions>().BindConfiguration(section, binder => binder.ErrorOnUnknownConfiguration = true);
    }
}

internal sealed class OptionsCheck<TOptions>(IServiceProvider services, string section) : IConfigurationCheck
    where TOptions : class
{
    public IEnumerable<string> FindProblems()
    {
        try
        {
            _ = services.GetRequiredService<IOptionsMonitor<TOptions>>().CurrentValue;
            return [];
        }
        catch (OptionsValidationException exception)
        {
            return exception.Failures;
        }
        catch (InvalidOperationException exception)
        {
            // The configuration binder: an unknown member, or a value that is not of the member's type.
            return UnknownSettings(exception.Message) is { Count: > 0 } unknown
                ? unknown.Select(name => $"{section}:{name}: there is no such setting. Correct its name or remove it.")
                : [$"{section}: {exception.Message}"];
        }
    }

    /// <summary>The binder quotes the members it does not know at the end of a sentence about its own options.</summary>
    private static List<string> UnknownSettings(string message)
    {
        var at = message.IndexOf(" were not found on the instance of ", StringComparison.Ordinal);
        return at < 0 ? [] : [.. message[at..].Split('\'').Where((_, i) => i % 2 == 1)];
    }
}
