namespace Gateway.Tests;

/// <summary>What of the distribution a test needs. Where it is missing the test is skipped by name; in CI that is a failure.</summary>
internal static class InstalledPrograms
{
    /// <summary>The first of the files that is there.</summary>
    public static string Require(string package, params string[] files)
    {
        var found = Array.Find(files, File.Exists);
        if (found is not null) return found;
        var missing = $"{package} is not installed ({string.Join(", ", files)}).";
        Assert.False(string.Equals(Environment.GetEnvironmentVariable("CI"), "true", StringComparison.OrdinalIgnoreCase), missing);
        Assert.Skip(missing);
        return "";
    }
}
