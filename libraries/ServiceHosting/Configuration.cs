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
            return [$"{section}: {Readable(exception.Message)}"];
        }
    }

    /// <summary>The binder names the unknown members at the end of a sentence about its own options.</summary>
    private static string Readable(string message)
    {
        const string Members = " were not found on the instance of ";
        var at = message.IndexOf(Members, StringComparison.Ordinal);
        var names = at < 0 ? -1 : message.IndexOf(": ", at, StringComparison.Ordinal);
        return names < 0 ? message : $"no such setting: {message[(names + 2)..]}. Correct the name or remove it.";
    }
}
