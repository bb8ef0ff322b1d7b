using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using ServiceHosting;
using Testing;

namespace Deploy.Tests;

/// <summary>The three programs, built in this process from what a deployment gives them.</summary>
internal sealed record Service(string Name, string Project, ServiceDescription Description, Action<WebApplicationBuilder> AddServices, Action<WebApplication> UsePipeline)
{
    public static readonly IReadOnlyList<Service> All =
    [
        new("gateway", "gateway", Gateway.Program.Service, Gateway.Program.AddServices, Gateway.Program.UsePipeline),
        new("auth-service", "auth-service", AuthService.Program.Service, AuthService.Program.AddServices, AuthService.Program.UsePipeline),
        new("sample-backend", "sample-backend", SampleBackend.Program.Service, SampleBackend.Program.AddServices, SampleBackend.Program.UsePipeline),
    ];

    /// <summary>The one that an image holds, or null for an image of others.</summary>
    public static Service? OfImage(string image)
    {
        var name = image.Split('/')[^1].Split(':')[0];
        return All.SingleOrDefault(service => service.Name == name);
    }

    /// <summary>As a start would, up to opening its ports. Throws what would stop the start.</summary>
    public WebApplication Build(Provided provided)
    {
        var environment = provided.Environment.GetValueOrDefault("DOTNET_ENVIRONMENT") ?? provided.Environment.GetValueOrDefault("ASPNETCORE_ENVIRONMENT") ?? "Production";
        string[] args =
        [
            "--contentRoot", Path.Combine(Repository.Root, Project), "--environment", environment,
            .. provided.Environment.Where(pair => !pair.Key.StartsWith("OTEL_", StringComparison.Ordinal)).SelectMany(pair => new[] { "--" + Setting(pair.Key), pair.Value }),
        ];
        return ServiceHost.Build(Description, args, AddServices, UsePipeline);
    }

    /// <summary>As the host reads a variable of the environment.</summary>
    private static string Setting(string variable) =>
        (variable.StartsWith("ASPNETCORE_", StringComparison.Ordinal) ? variable["ASPNETCORE_".Length..] : variable).Replace("__", ":", StringComparison.Ordinal);
}

/// <summary>What a container gets: its environment, and directories of settings and secrets that the environment names.</summary>
internal sealed class Provided : IDisposable
{
    private readonly List<DirectoryInfo> _directories = [];
    private DirectoryInfo? _certificates;

    public Dictionary<string, string> Environment { get; } = [];

    /// <summary>What stands for the mounted Secret with certificate, key and authority.</summary>
    public string Certificates => (_certificates ??= MakeCertificates()).FullName;

    /// <summary>Every setting, with <c>:</c> between its parts.</summary>
    public HashSet<string> Keys { get; } = new(StringComparer.OrdinalIgnoreCase);

    public void Set(string variable, string value)
    {
        Environment[variable] = value;
        Keys.Add(variable.Replace("__", ":", StringComparison.Ordinal));
    }

    /// <summary>Files that are mounted; their settings are remembered.</summary>
    public string Mount(IEnumerable<(string Name, string Text)> files)
    {
        var directory = Directory.CreateTempSubdirectory("mounted-");
        _directories.Add(directory);
        foreach (var (name, text) in files)
        {
            File.WriteAllText(Path.Combine(directory.FullName, name), text);
            if (name.EndsWith(".json", StringComparison.Ordinal)) Remember(JsonNode.Parse(text, documentOptions: new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip })!, "");
            else Keys.Add(name.Replace("__", ":", StringComparison.Ordinal));
        }

        return directory.FullName;
    }

    public void Dispose() => _directories.ForEach(directory => directory.Delete(recursive: true));

    private DirectoryInfo MakeCertificates()
    {
        var directory = Directory.CreateTempSubdirectory("certificates-");
        _directories.Add(directory);
        File.Copy(TlsCertificate.Create(directory.FullName).CertificateFile, Path.Combine(directory.FullName, "ca.crt"));
        return directory;
    }

    private void Remember(JsonNode? node, string path)
    {
        if (node is JsonObject members)
        {
            foreach (var (name, value) in members) Remember(value, path.Length == 0 ? name : $"{path}:{name}");
        }
        else if (node is JsonArray items)
        {
            for (var i = 0; i < items.Count; i++) Remember(items[i], $"{path}:{i}");
        }
        else
        {
            Keys.Add(path);
        }
    }
}
