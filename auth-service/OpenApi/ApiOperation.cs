using Microsoft.OpenApi;

namespace AuthService.OpenApi;

/// <summary>What one endpoint takes and answers.</summary>
/// <param name="Method">Upper case.</param>
/// <param name="Path">As it is mapped, without route constraints.</param>
internal sealed record ApiOperation(string Method, string Path, string Summary, string Tag)
{
    /// <summary>Whether it takes an access token.</summary>
    public bool Bearer { get; init; }

    /// <summary>Query parameters, with what they mean.</summary>
    public IReadOnlyDictionary<string, string> Query { get; init; } = new Dictionary<string, string>();

    /// <summary>Takes <c>If-Match</c>.</summary>
    public bool IfMatch { get; init; }

    /// <summary>The body; null for none.</summary>
    public IOpenApiSchema? Body { get; init; }

    /// <summary>Media types of the body.</summary>
    public IReadOnlyList<string> BodyTypes { get; init; } = ["application/json"];

    public IReadOnlyList<ApiAnswer> Answers { get; init; } = [];
}

/// <param name="Schema">Null for an answer without a body.</param>
internal sealed record ApiAnswer(int Status, IOpenApiSchema? Schema, string MediaType = "application/json", bool ETag = false);
