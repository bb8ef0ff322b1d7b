using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.EnvironmentVariables;
using Microsoft.Extensions.Configuration.KeyPerFile;
using Microsoft.Extensions.FileProviders;

namespace ServiceHosting.Settings;

/// <summary>
/// Settings from mounted directories, as Kubernetes and Docker give them. They win over <c>appsettings*.json</c>; environment
/// variables and the command line win over them.
/// </summary>
internal static class SettingsDirectories
{
    /// <summary>
    /// A directory whose <c>*.json</c> files are settings, in the order of their names; those there at start are read again
    /// whenever they change. For a ConfigMap, mounted without <c>subPath</c>.
    /// </summary>
    public const string SettingsKey = "SETTINGS_DIRECTORY";

    /// <summary>
    /// A directory with one file a setting, named after it with <c>__</c> for <c>:</c>, such as
    /// <c>Redis__ConnectionString</c>. For a Secret, which is then in no environment and no process list. Read once.
    /// </summary>
    public const string SecretsKey = "SECRETS_DIRECTORY";

    public static void AddSettingsDirectories(this WebApplicationBuilder builder)
    {
        var sources = ((IConfigurationBuilder)builder.Configuration).Sources;
        foreach (var added in Sources(builder.Configuration).ToList()) sources.Insert(PlaceBefore(sources), added);
    }

    /// <summary>The same for a program that reads its settings without a host.</summary>
    public static IConfigurationBuilder AddSettingsDirectories(this IConfigurationBuilder builder, IConfiguration environment)
    {
        foreach (var added in Sources(environment)) builder.Add(added);
        return builder;
    }

    /// <summary>The environment without a prefix is the lowest of what wins over the directories.</summary>
    private static int PlaceBefore(IList<IConfigurationSource> sources)
    {
        for (var i = sources.Count - 1; i >= 0; i--)
        {
            if (sources[i] is EnvironmentVariablesConfigurationSource { Prefix: null or "" }) return i;
        }

        return sources.Count;
    }

    private static IEnumerable<IConfigurationSource> Sources(IConfiguration environment)
    {
        if (environment[SettingsKey] is { Length: > 0 } settings)
        {
            // Polled: a ConfigMap is replaced by turning a symbolic link to its directory, which no file event tells.
            var files = new PhysicalFileProvider(Existing(settings, SettingsKey)) { UsePollingFileWatcher = true, UseActivePolling = true };
            var names = Directory.EnumerateFiles(files.Root, "*.json").Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal).ToList();
            if (names.Count == 0) throw new ConfigurationException($"{SettingsKey}: \"{settings}\" has no *.json file. Put one there or remove the setting.");
            foreach (var name in names) yield return new SteadyJsonSource { FileProvider = files, Path = name, ReloadOnChange = true };
        }

        if (environment[SecretsKey] is { Length: > 0 } secrets)
            yield return new KeyPerFileConfigurationSource { FileProvider = new PhysicalFileProvider(Existing(secrets, SecretsKey)), Optional = false };
    }

    private static string Existing(string directory, string key) =>
        Directory.Exists(directory) ? Path.GetFullPath(directory) : throw new ConfigurationException($"{key}: there is no directory \"{directory}\".");
}
