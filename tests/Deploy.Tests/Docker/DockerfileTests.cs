using System.Text.RegularExpressions;
using System.Xml.Linq;
using Testing;

namespace Deploy.Tests.Docker;

/// <summary>What can be known of an image without building it.</summary>
public sealed partial class DockerfileTests
{
    /// <summary>Below it the runtime has holes that are known and mended.</summary>
    private static readonly Version OldestRuntime = new(10, 0, 13);

    public static TheoryData<string> Names => [.. Service.All.Select(service => service.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Sources_are_there_and_are_all_that_the_program_is_built_from(string name)
    {
        var dockerfile = Read(name);
        var copied = dockerfile.CopiedSources.ToList();
        Assert.True(copied.Count >= 7);
        Assert.All(copied, source => Assert.True(Path.Exists(Path.Combine(Repository.Root, source)), source));
        Assert.All(copied, source => Assert.False(Ignored(source), $"{source} is in .dockerignore"));

        var needed = Projects(Path.Combine(Repository.Root, name)).ToList();
        Assert.True(needed.Count >= 2);
        Assert.All(needed, path => Assert.Contains(copied, source => path == source || path.StartsWith(source + "/", StringComparison.Ordinal)));
        Assert.Contains($"dotnet publish {name} -c Release -o /app", dockerfile.Of("RUN").Single(), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Image_runs_a_current_runtime_of_its_own_user_and_says_how_it_is(string name)
    {
        var dockerfile = Read(name);
        var from = dockerfile.Of("FROM").ToList();
        Assert.Equal(2, from.Count);
        Assert.Matches(@"^mcr\.microsoft\.com/dotnet/sdk:10\.0\.\d+-noble AS build$", from[0]);
        var runtime = Chiselled().Match(from[1]);
        Assert.True(runtime.Success, from[1]);
        Assert.True(Version.Parse(runtime.Groups["version"].Value) >= OldestRuntime);
        Assert.Equal("1654:1654", dockerfile.Of("USER").Single());

        var program = $"{dockerfile.Service.AddServices.Method.Module.Assembly.GetName().Name}.dll";
        Assert.Equal($"""["dotnet", "{program}"]""", dockerfile.Of("ENTRYPOINT").Single());
        Assert.EndsWith($"""CMD ["dotnet", "{program}", "health"]""", dockerfile.Of("HEALTHCHECK").Single(), StringComparison.Ordinal);
        var environment = dockerfile.Environment;
        Assert.Equal("", environment["ASPNETCORE_HTTP_PORTS"]);
        Assert.EndsWith(":" + dockerfile.Of("EXPOSE").Single(), environment["ASPNETCORE_URLS"], StringComparison.Ordinal);
        Assert.StartsWith("http://*:", environment["Management__Url"], StringComparison.Ordinal);
    }

    [Fact]
    public void Every_Dockerfile_is_one_of_a_service()
    {
        var files = Directory.GetFiles(Path.Combine(Repository.Root, "deploy", "docker"), "*Dockerfile").Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal);
        Assert.Equal(Service.All.Select(service => service.Name + ".Dockerfile").Order(StringComparer.Ordinal), files);
    }

    private static Dockerfile Read(string name) => Dockerfile.Read(Service.All.Single(service => service.Name == name));

    private static bool Ignored(string path)
    {
        var ignored = false;
        foreach (var rule in File.ReadLines(Path.Combine(Repository.Root, ".dockerignore")).Where(line => line.Length > 0 && !line.StartsWith('#')))
        {
            var pattern = rule.TrimStart('!').TrimEnd('/');
            if (path == pattern || path.StartsWith(pattern + "/", StringComparison.Ordinal)) ignored = !rule.StartsWith('!');
        }

        return ignored;
    }

    /// <summary>The project, those it refers to, and other files of the repository that they take in.</summary>
    private static IEnumerable<string> Projects(string directory)
    {
        var file = Directory.GetFiles(directory, "*.csproj").Single();
        yield return Path.GetRelativePath(Repository.Root, file);
        var project = XDocument.Load(file);
        foreach (var resource in project.Descendants("EmbeddedResource").Select(item => item.Attribute("Include")!.Value).Where(include => include.StartsWith("..", StringComparison.Ordinal)))
            yield return Path.GetRelativePath(Repository.Root, Path.GetFullPath(Path.Combine(directory, Path.GetDirectoryName(resource)!)));
        foreach (var reference in project.Descendants("ProjectReference").Select(item => item.Attribute("Include")!.Value))
        {
            foreach (var needed in Projects(Path.GetDirectoryName(Path.GetFullPath(Path.Combine(directory, reference)))!)) yield return needed;
        }
    }

    [GeneratedRegex(@"^mcr\.microsoft\.com/dotnet/aspnet:(?<version>10\.0\.\d+)-noble-chiseled$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Chiselled();
}
