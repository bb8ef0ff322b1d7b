namespace Gateway.BoundaryCheck;

/// <summary>The attacks, as data: the same files that the tests use, in the assembly.</summary>
internal static class Corpus
{
    /// <summary>Characters that RFC 9110 section 5.6.2 allows in a name besides letters and digits.</summary>
    public const string Separators = "-_.~!#$%&'*+^`|";

    /// <summary>Names that must not arrive.</summary>
    public static IReadOnlyList<string> HeaderNames { get; } = Lines("headers.txt");

    /// <summary>Request targets, all beginning with a slash; those with bytes that no text can hold are left out.</summary>
    public static IReadOnlyList<string> Targets { get; } =
    [
        .. Lines("paths.txt").Select(line => line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..])
            .Where(target => target.StartsWith('/') && !target.Contains('`', StringComparison.Ordinal)),
    ];

    /// <summary>Every way to write a name that some server could take for it.</summary>
    public static IEnumerable<string> Spellings(string name) => new[]
    {
        name, name.ToUpperInvariant(), name.ToLowerInvariant(), name.Replace("-", "", StringComparison.Ordinal),
    }
        .Concat(Separators.Select(separator => name.Replace('-', separator)))
        .Concat(Separators.Select(separator => separator + name + separator))
        .Concat(Separators.Select(separator => name.Replace("-", $"{separator}-", StringComparison.Ordinal)))
        .Distinct(StringComparer.Ordinal);

    private static string[] Lines(string file)
    {
        using var stream = typeof(Corpus).Assembly.GetManifestResourceStream($"corpus/{file}")
            ?? throw new InvalidOperationException($"The corpus {file} is not in the assembly.");
        using var reader = new StreamReader(stream);
        return [.. reader.ReadToEnd().Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Where(line => line[0] != '#')];
    }
}
