namespace Gateway.BoundaryCheck;

/// <summary>One request that tries to get something across.</summary>
/// <param name="Target">The raw request target.</param>
/// <param name="Headers">Header lines in order; a value may begin a line of its own (obs-fold) by CRLF and a blank.</param>
/// <param name="Trailers">Trailer lines; with any the request has a chunked body.</param>
internal sealed record Attack(string Target, IReadOnlyList<(string Name, string Value)> Headers, IReadOnlyList<(string Name, string Value)> Trailers)
{
    private static readonly string HighBytes = string.Concat(Enumerable.Range(0x80, 0x80).Select(b => (char)b));

    /// <summary>Whether only a raw HTTP/1.1 connection can send it.</summary>
    public bool IsForHttp1Only => Trailers.Count > 0
        || Headers.Any(header => header.Name.Equals("Connection", StringComparison.OrdinalIgnoreCase) || header.Value.Contains('\n', StringComparison.Ordinal));

    /// <summary>Each reserved name in every form. What arrives with <paramref name="mark"/> in its value is foreign.</summary>
    public static IEnumerable<Attack> OnHeaders(string target, string mark)
    {
        foreach (var name in Corpus.HeaderNames)
        {
            var spellings = Corpus.Spellings(name).ToList();
            yield return new(target, [.. spellings.Concat(spellings).Select(spelling => (spelling, mark))], []);
            yield return new(target, [.. spellings.Select(spelling => (spelling, mark + HighBytes))], []);
            yield return new(target, [("Connection", name), (name, mark)], []);
            yield return new(target, [("Connection", $"close, {name.ToLowerInvariant()}"), (name.Replace('-', '_'), mark)], []);
            yield return new(target, [("X-Fold", $"1\r\n {name}: {mark}")], []);
            yield return new(target, [(name, $"\r\n {mark}")], []);
            yield return new(target, [], [(name, mark), (name.Replace('-', '_'), mark)]);
        }
    }

    /// <summary>Each path trick below the open path, in its own place, and aimed from the open path at the protected one.</summary>
    public static IEnumerable<Attack> OnPaths(string open, string closed) => Corpus.Targets
        .SelectMany(target => new[]
        {
            open + target, target,
            target.Replace("/public", open, StringComparison.Ordinal).Replace("admin", closed.TrimStart('/') + "/x", StringComparison.Ordinal),
        })
        .Distinct(StringComparer.Ordinal)
        .Select(target => new Attack(target, [], []));
}
