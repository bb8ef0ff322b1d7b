using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace ServiceHosting;

/// <summary>
/// <c>Kestrel:Limits</c>, by the server's own names and with its own defaults where a service sets no other. Kestrel itself
/// reads endpoints and certificates from the configuration, and no limits.
/// </summary>
internal sealed class ServerLimits(IConfiguration configuration) : IConfigurationCheck
{
    private const string Section = "Kestrel:Limits";

    public IEnumerable<string> FindProblems() => Apply(new KestrelServerLimits());

    /// <summary>Sets what is configured, and returns what the server refused, one line each.</summary>
    public List<string> Apply(KestrelServerLimits limits)
    {
        var problems = new List<string>();
        foreach (var setting in Settings())
        {
            // A rate is one value of two parts, which the binder makes but does not change.
            if (Is(setting, nameof(limits.MinRequestBodyDataRate))) limits.MinRequestBodyDataRate = null;
            if (Is(setting, nameof(limits.MinResponseDataRate))) limits.MinResponseDataRate = null;
            // One at a time: the server names neither the setting nor the value that it refuses.
            var alone = new ConfigurationBuilder().AddInMemoryCollection(setting.AsEnumerable()).Build().GetSection(Section);
            if (Refusal(() => alone.Bind(limits, binder => binder.ErrorOnUnknownConfiguration = true)) is { } reason) problems.Add($"{setting.Path}: {reason}");
        }

        return problems;
    }

    private IEnumerable<IConfigurationSection> Settings() => configuration.GetSection(Section).GetChildren().SelectMany(setting =>
        Is(setting, nameof(KestrelServerLimits.Http2)) || Is(setting, nameof(KestrelServerLimits.Http3)) ? setting.GetChildren() : [setting]);

    private static bool Is(IConfigurationSection setting, string name) => setting.Key.Equals(name, StringComparison.OrdinalIgnoreCase);

    private static string? Refusal(Action bind)
    {
        try
        {
            bind();
            return null;
        }
        catch (Exception exception) when ((exception as TargetInvocationException)?.InnerException is ArgumentException refused)
        {
            return refused.Message;
        }
        catch (InvalidOperationException exception)
        {
            return exception.Message.Contains(nameof(BinderOptions.ErrorOnUnknownConfiguration), StringComparison.Ordinal)
                ? "there is no such setting. Correct its name or remove it."
                : exception.Message;
        }
    }
}

internal static class ServerLimitsExtensions
{
    /// <summary>The configuration has the last word, over limits that the services set too.</summary>
    public static void AddServerLimits(this WebApplicationBuilder builder)
    {
        var limits = new ServerLimits(builder.Configuration);
        builder.Services.AddSingleton<IConfigurationCheck>(limits);
        // The server is made before the checks run; what it refused stops the start there.
        builder.Services.PostConfigure<KestrelServerOptions>(kestrel => limits.Apply(kestrel.Limits));
    }
}
