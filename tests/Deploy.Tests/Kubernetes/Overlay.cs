using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Deploy.Tests.Docker;
using Testing;

namespace Deploy.Tests.Kubernetes;

/// <summary>An overlay of deploy/kubernetes as <c>kubectl kustomize</c> renders it.</summary>
internal sealed partial class Overlay
{
    private static readonly Dictionary<string, Task<Overlay>> Rendered = [];

    private Overlay(string name, IReadOnlyList<JsonObject> objects, IReadOnlyList<string> problems) => (Name, Objects, Problems) = (name, objects, problems);

    /// <summary>Why these tests cannot run here; a machine of CI has what they need.</summary>
    public static string? Missing { get; } =
        Environment.GetEnvironmentVariable("CI") != "true" && !Array.Exists((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'), path => File.Exists(Path.Combine(path, "kubectl")))
            ? "kubectl is not installed (package kubernetes-client, of Debian 13 or later)." : null;

    public static TheoryData<string> Names { get; } = [.. Directory.GetDirectories(Path.Combine(Repository.Root, "deploy", "kubernetes", "overlays")).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    public string Name { get; }

    public IReadOnlyList<JsonObject> Objects { get; }

    /// <summary>What the schemas say against it.</summary>
    public IReadOnlyList<string> Problems { get; }

    public bool Production => Name.StartsWith("production", StringComparison.Ordinal);

    /// <summary>Containers of all pods with the template they are in and the name of what makes the pods.</summary>
    public IEnumerable<Container> Containers =>
        from made in Objects
        let template = (made["spec"] as JsonObject)?["template"]?["spec"] as JsonObject
        where template is not null
        from container in template["containers"]!.AsArray()
        select new Container($"{Kind(made)}/{NameOf(made)}", made, template, container!.AsObject());

    /// <summary>Those of this system's programs.</summary>
    public IEnumerable<Container> OwnContainers => Containers.Where(container => container.Service is not null);

    public static Task<Overlay> ReadAsync(string name)
    {
        Assert.SkipWhen(Missing is not null, Missing ?? "");
        lock (Rendered)
        {
            if (!Rendered.TryGetValue(name, out var task)) Rendered[name] = task = RenderAsync(name);
            return task;
        }
    }

    public static string Kind(JsonObject made) => (string)made["kind"]!;

    public static string NameOf(JsonObject made) => (string)made["metadata"]!["name"]!;

    public IEnumerable<JsonObject> OfKind(string kind) => Objects.Where(made => Kind(made) == kind);

    public JsonObject? Find(string kind, string name) => OfKind(kind).SingleOrDefault(made => NameOf(made) == name);

    /// <summary>What a container is given, with values made up for what a vault would give.</summary>
    public Provided Provide(Container container)
    {
        var provided = new Provided();
        foreach (var (variable, value) in Dockerfile.Read(container.Service!).Environment) provided.Set(variable, value);
        foreach (var variable in container.Spec["env"]?.AsArray() ?? []) provided.Set((string)variable!["name"]!, (string?)variable["value"] ?? "by-reference");
        foreach (var (setting, path) in provided.Environment.Where(pair => pair.Key.EndsWith("_DIRECTORY", StringComparison.Ordinal)).ToList())
        {
            var mount = container.Spec["volumeMounts"]!.AsArray().Single(mount => (string)mount!["mountPath"]! == path)!;
            Assert.Null(mount["subPath"]);
            var volume = container.Pod["volumes"]!.AsArray().Single(volume => (string)volume!["name"]! == (string)mount["name"]!)!;
            provided.Environment[setting] = provided.Mount(Files(volume).Select(file => (file.Name, file.Text.Replace("/tls/", provided.Certificates + "/", StringComparison.Ordinal))));
        }
        return provided;
    }

    private IEnumerable<(string Name, string Text)> Files(JsonNode volume)
    {
        if ((string?)volume["configMap"]?["name"] is { } map)
            return Existing("ConfigMap", map)["data"]!.AsObject().Select(file => (file.Key, (string)file.Value!));
        if ((string?)volume["csi"]?["volumeAttributes"]?["secretProviderClass"] is { } provider)
            return ObjectName().Matches((string)Existing("SecretProviderClass", provider)["spec"]!["parameters"]!["objects"]!).Select(match => (match.Groups["name"].Value, MadeUp(match.Groups["name"].Value)));
        var secret = (string)volume["secret"]!["secretName"]!;
        if (Find("Secret", secret) is { } literal)
            return literal["data"]!.AsObject().Select(file => (file.Key, Encoding.UTF8.GetString(Convert.FromBase64String((string)file.Value!))));
        var external = Existing("ExternalSecret", secret);
        return external["spec"]!["target"]!["template"]!["data"]!.AsObject().Select(file => (file.Key, Placeholder().Replace((string)file.Value!, _ => MadeUp(file.Key))));
    }

    private JsonObject Existing(string kind, string name) => Find(kind, name) ?? throw new InvalidOperationException($"{Name} names {kind}/{name}, which it does not have.");

    private static string MadeUp(string setting) =>
        setting.Contains("KeyEncryptionKeys", StringComparison.Ordinal) ? Convert.ToBase64String(RandomNumberGenerator.GetBytes(32))
        : setting.EndsWith("ConnectionStrings__Users", StringComparison.Ordinal) ? "Host=postgresql;Database=users"
        : "made-up";

    private static async Task<Overlay> RenderAsync(string name)
    {
        var yaml = await NodeProgram.RunAsync("kubectl", ["kustomize", Path.Combine(Repository.Root, "deploy", "kubernetes", "overlays", name)], "", CancellationToken.None);
        var result = await NodeProgram.RunAsync("check.mjs", yaml, CancellationToken.None);
        return new Overlay(name, [.. result["objects"]!.AsArray().Select(made => made!.AsObject())], [.. result["problems"]!.AsArray().Select(problem => (string)problem!)]);
    }

    [GeneratedRegex(@"objectName: (?<name>\S+)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex ObjectName();

    [GeneratedRegex(@"\{\{[^}]*\}\}", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Placeholder();
}

/// <summary>A container of a pod.</summary>
internal sealed record Container(string Owner, JsonObject Made, JsonObject Pod, JsonObject Spec)
{
    public string Image => (string)Spec["image"]!;

    public Service? Service => Service.OfImage(Image);

    public IReadOnlyDictionary<string, string> Labels =>
        Made["spec"]!["template"]!["metadata"]!["labels"]!.AsObject().ToDictionary(label => label.Key, label => (string)label.Value!);

    public int? Port(string name) => (int?)Spec["ports"]?.AsArray().SingleOrDefault(port => (string?)port!["name"] == name)?["containerPort"];
}
