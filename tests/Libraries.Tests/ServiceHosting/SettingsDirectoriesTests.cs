using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Primitives;
using ServiceHosting;
using Testing;

namespace Libraries.Tests.ServiceHosting;

/// <summary>Settings mounted as a ConfigMap and a Secret are mounted: each file a link into a directory that is swapped as a whole.</summary>
public sealed class SettingsDirectoriesTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("settings-");

    private string Settings => Path.Combine(_directory.FullName, "settings");

    private string Secrets => Path.Combine(_directory.FullName, "secrets");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task Directories_win_over_the_files_beside_the_program_and_lose_to_the_command_line()
    {
        Publish(Settings, "1", ("b.json", """{"Sample":{"A":"b","B":"b"}}"""), ("a.json", """{"Sample":{"A":"a"}}"""));
        Publish(Secrets, "1", ("Sample__Secret", "hidden\n"), ("Sample__B", "secret"));
        await using var app = Build("--Sample:C", "line");

        Assert.Equal(("b", "secret", "line", "hidden"), (app.Configuration["Sample:A"], app.Configuration["Sample:B"], app.Configuration["Sample:C"], app.Configuration["Sample:Secret"]));
        await using var other = Build("--Sample:A", "line");
        Assert.Equal("line", other.Configuration["Sample:A"]);
    }

    [Fact]
    public async Task ConfigMap_that_is_replaced_is_read_again_and_a_broken_one_keeps_the_last_good_settings()
    {
        Publish(Settings, "1", ("service.json", """{"Sample":{"A":"first"}}"""));
        Publish(Secrets, "1", ("Sample__Secret", "hidden"));
        await using var app = Build();
        Assert.Equal("first", app.Configuration["Sample:A"]);

        Publish(Settings, "2", ("service.json", """{"Sample":{"A":"second"}}"""));
        await Eventually.TrueAsync(() => app.Configuration["Sample:A"] == "second", "the second ConfigMap is read");
        var reloads = 0;
        using var watch = ChangeToken.OnChange(((IConfiguration)app.Configuration).GetReloadToken, () => Interlocked.Increment(ref reloads));
        Publish(Settings, "3", ("service.json", """{"Sample":{"A":"""));
        await Eventually.TrueAsync(() => Volatile.Read(ref reloads) > 0, "the broken ConfigMap is seen");
        Assert.Equal("second", app.Configuration["Sample:A"]);
    }

    [Fact]
    public void Directory_that_is_missing_or_empty_stops_the_start_with_its_setting()
    {
        var missing = Assert.Throws<ConfigurationException>(() => Build());
        Assert.Contains("SETTINGS_DIRECTORY", missing.Message, StringComparison.Ordinal);
        Directory.CreateDirectory(Settings);
        Assert.Contains("*.json", Assert.Throws<ConfigurationException>(() => Build()).Message, StringComparison.Ordinal);
        Publish(Settings, "1", ("service.json", "{}"));
        Assert.Contains("SECRETS_DIRECTORY", Assert.Throws<ConfigurationException>(() => Build()).Message, StringComparison.Ordinal);
    }

    private WebApplication Build(params string[] args) =>
        HostedService.Build(null, null, ["--SETTINGS_DIRECTORY", Settings, "--SECRETS_DIRECTORY", Secrets, .. args]);

    /// <summary>As kubelet does it: a new directory, links of the files through <c>..data</c>, and that link renamed over the old one.</summary>
    private static void Publish(string mount, string version, params (string Name, string Text)[] files)
    {
        var directory = Directory.CreateDirectory(Path.Combine(mount, $"..{version}"));
        foreach (var (name, text) in files) File.WriteAllText(Path.Combine(directory.FullName, name), text);
        var next = Path.Combine(mount, "..data_tmp");
        File.CreateSymbolicLink(next, directory.Name);
        // .NET moves no link to a directory over another.
        using (var move = Process.Start("mv", ["-T", next, Path.Combine(mount, "..data")])) move.WaitForExit();
        foreach (var (name, _) in files.Where(file => !Path.Exists(Path.Combine(mount, file.Name))))
            File.CreateSymbolicLink(Path.Combine(mount, name), Path.Combine("..data", name));
    }
}
