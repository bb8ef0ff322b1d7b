using Microsoft.Extensions.Options;

namespace Gateway.Routing;

/// <summary><c>Gateway:Paths</c>: what a request path may hold.</summary>
internal sealed class PathOptions
{
    public const string Section = "Gateway:Paths";

    /// <summary>
    /// Raw path prefixes, each from slash to slash (<c>/files/</c>), below which <c>%2F</c> passes; compared byte for byte.
    /// Default none. The dot and empty segment rules see an encoded slash as a slash. The router does not: a single-segment
    /// parameter matches <c>a%2Fb</c> whole, while many backends see two segments.
    /// </summary>
    public IList<string> AllowEncodedSlashes { get; } = [];
}

internal sealed class PathOptionsValidator : IValidateOptions<PathOptions>
{
    public ValidateOptionsResult Validate(string? name, PathOptions options)
    {
        var errors = new ValidateOptionsResultBuilder();
        for (var i = 0; i < options.AllowEncodedSlashes.Count; i++)
        {
            var prefix = options.AllowEncodedSlashes[i];
            if (!prefix.StartsWith('/') || !prefix.EndsWith('/') || RequestTarget.CheckPath(prefix, []) is not null)
                errors.AddError($"'{prefix}' must be a plain path from slash to slash, like '/files/'.", $"{PathOptions.Section}:AllowEncodedSlashes:{i}");
        }

        return errors.Build();
    }
}
