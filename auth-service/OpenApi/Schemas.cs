using System.Text.Json.Nodes;
using Microsoft.OpenApi;

namespace AuthService.OpenApi;

/// <summary>JSON schemas, written short.</summary>
internal static class Schemas
{
    public static OpenApiSchema Text => new() { Type = JsonSchemaType.String };

    public static OpenApiSchema Uuid => new() { Type = JsonSchemaType.String, Format = "uuid" };

    public static OpenApiSchema Time => new() { Type = JsonSchemaType.String, Format = "date-time" };

    public static OpenApiSchema Flag => new() { Type = JsonSchemaType.Boolean };

    public static OpenApiSchema Number => new() { Type = JsonSchemaType.Integer, Format = "int64" };

    public static OpenApiSchema Anything => new() { Type = JsonSchemaType.Object };

    public static OpenApiSchema Texts => List(Text);

    /// <summary>One text or several.</summary>
    public static OpenApiSchema TextOrTexts => new() { Type = JsonSchemaType.String | JsonSchemaType.Array, Items = Text };

    public static OpenApiSchema OneOf(params string[] values) => new() { Type = JsonSchemaType.String, Enum = [.. values.Select(value => (JsonNode)value)] };

    public static OpenApiSchema List(IOpenApiSchema item) => new() { Type = JsonSchemaType.Array, Items = item };

    /// <summary>Members of any name.</summary>
    public static OpenApiSchema Map(IOpenApiSchema value) => new() { Type = JsonSchemaType.Object, AdditionalProperties = value };

    public static OpenApiSchema OrNull(OpenApiSchema schema)
    {
        schema.Type |= JsonSchemaType.Null;
        return schema;
    }

    /// <summary>An object of exactly these members; a name with a question mark may be absent.</summary>
    public static OpenApiSchema Object(params (string Name, IOpenApiSchema Schema)[] members) => new()
    {
        Type = JsonSchemaType.Object,
        Properties = members.ToDictionary(member => member.Name.TrimEnd('?'), member => member.Schema),
        Required = members.Where(member => !member.Name.EndsWith('?')).Select(member => member.Name).ToHashSet(StringComparer.Ordinal),
        AdditionalPropertiesAllowed = false,
    };

    /// <summary>The same object with every member optional: what a change may say.</summary>
    public static OpenApiSchema Partial(OpenApiSchema whole) => new()
    {
        Type = whole.Type,
        Properties = whole.Properties,
        AdditionalPropertiesAllowed = false,
    };

    public static OpenApiSchema Page(IOpenApiSchema item) => Object(("items", List(item)), ("next_cursor", OrNull(Text)));

    /// <summary>The members of both.</summary>
    public static OpenApiSchema Both(OpenApiSchema one, OpenApiSchema other) => new()
    {
        Type = JsonSchemaType.Object,
        Properties = one.Properties!.Concat(other.Properties!).ToDictionary(member => member.Key, member => member.Value),
        Required = (one.Required ?? new HashSet<string>()).Concat(other.Required ?? new HashSet<string>()).ToHashSet(StringComparer.Ordinal),
        AdditionalPropertiesAllowed = false,
    };
}
