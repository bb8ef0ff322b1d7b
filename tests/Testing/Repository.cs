using System.Runtime.InteropServices;

namespace Testing;

/// <summary>Where this work tree and its built programs are.</summary>
public static class Repository
{
    /// <summary>The folder of Gateway.sln.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The host of the runtime that runs the tests: a <c>dotnet</c> in the path may be a script, whose shell drops settings
    /// with a hyphen in their names.</summary>
    public static string DotnetHost { get; } = FindHost();

    /// <summary>The configuration this assembly was built in, which is that of the services under test.</summary>
    public static string Configuration { get; } =
        AppContext.BaseDirectory.Contains($"{Path.DirectorySeparatorChar}Release{Path.DirectorySeparatorChar}", StringComparison.Ordinal) ? "Release" : "Debug";

    /// <summary>The built program of a service.</summary>
    public static string Program(string project, string assembly)
    {
        var path = Path.Combine(Root, project, "bin", Configuration, "net10.0", assembly + ".dll");
        return File.Exists(path) ? path : throw new InvalidOperationException($"{path} is not built.");
    }

    private static string FindRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Gateway.sln"))) return directory.FullName;
        }

        throw new InvalidOperationException($"Gateway.sln is in no folder above {AppContext.BaseDirectory}.");
    }

    private static string FindHost()
    {
        var host = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));
        return File.Exists(host) ? host : "dotnet";
    }
}
