using System.Text.Json;

namespace EndToEnd.Tests.Administration;

/// <summary>One request that was made, and its answer.</summary>
internal sealed record RecordedExchange(string Method, string Path, int Status, string? MediaType, string Body)
{
    public override string ToString() => $"{Method} {Path}: {Status} {MediaType} {(Body.Length > 300 ? Body[..300] : Body)}";
}

/// <summary>Passes requests on and keeps them with their answers.</summary>
internal sealed class RecordingHandler(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    private readonly Lock _lock = new();
    private readonly List<RecordedExchange> _exchanges = [];

    public IReadOnlyList<RecordedExchange> Exchanges
    {
        get
        {
            lock (_lock) return [.. _exchanges];
        }
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await base.SendAsync(request, cancellationToken);
        await response.Content.LoadIntoBufferAsync(cancellationToken);
        var body = await response.Content.ReadAsStringAsync(cancellationToken);
        lock (_lock)
            _exchanges.Add(new RecordedExchange(request.Method.Method, request.RequestUri!.AbsolutePath, (int)response.StatusCode, response.Content.Headers.ContentType?.MediaType, body));
        return response;
    }
}

/// <summary>Holds recorded traffic against an OpenAPI 3.1 document.</summary>
internal sealed class ApiContract(JsonElement document)
{
    private readonly List<(string Method, string[] Path, string Name, JsonElement Operation)> _operations =
    [
        .. from path in document.GetProperty("paths").EnumerateObject()
           from operation in path.Value.EnumerateObject()
           where operation.Value.ValueKind == JsonValueKind.Object
           select (operation.Name.ToUpperInvariant(), path.Name.Trim('/').Split('/'), $"{operation.Name.ToUpperInvariant()} {path.Name}", operation.Value),
    ];

    public IEnumerable<string> Operations => _operations.Select(operation => operation.Name);

    /// <summary>The operation of a request; null if the document has none.</summary>
    public string? OperationOf(RecordedExchange exchange) => Find(exchange)?.Name;

    /// <summary>What the document says otherwise about an exchange; null if it agrees.</summary>
    public string? Fault(RecordedExchange exchange)
    {
        if (Find(exchange) is not { } found) return $"{exchange}: no such operation";
        if (!found.Operation.GetProperty("responses").TryGetProperty($"{exchange.Status}", out var response)) return $"{exchange}: no such status";
        if (!response.TryGetProperty("content", out var content)) return exchange.Body.Length == 0 ? null : $"{exchange}: a body where there is none";
        if (exchange.MediaType is null || !content.TryGetProperty(exchange.MediaType, out var media)) return $"{exchange}: no such media type";
        using var body = JsonDocument.Parse(exchange.Body);
        return SchemaFault(media.GetProperty("schema"), body.RootElement, "$") is { } fault ? $"{exchange}: {fault}" : null;
    }

    private (string Name, JsonElement Operation)? Find(RecordedExchange exchange)
    {
        var parts = exchange.Path.Trim('/').Split('/');
        // A path of fixed parts goes before one with parameters.
        var found = _operations.Where(operation => operation.Method == exchange.Method && operation.Path.Length == parts.Length
            && operation.Path.Zip(parts).All(pair => pair.First.StartsWith('{') || pair.First == pair.Second)).OrderBy(operation => operation.Path.Count(part => part.StartsWith('{'))).ToList();
        return found.Count == 0 ? null : (found[0].Name, found[0].Operation);
    }

    private static string? SchemaFault(JsonElement schema, JsonElement value, string at)
    {
        if (schema.TryGetProperty("type", out var type))
        {
            string[] types = type.ValueKind == JsonValueKind.Array ? [.. type.EnumerateArray().Select(one => one.GetString()!)] : [type.GetString()!];
            if (!types.Any(one => Is(one, value))) return $"{at} is {value.ValueKind}, not {string.Join(" or ", types)}";
        }
        if (schema.TryGetProperty("enum", out var values) && !values.EnumerateArray().Any(one => JsonElement.DeepEquals(one, value))) return $"{at} is {value}, none of {values}";
        if (schema.TryGetProperty("format", out var format) && value.ValueKind == JsonValueKind.String && !HasFormat(format.GetString()!, value)) return $"{at} is '{value}', no {format}";
        return value.ValueKind switch
        {
            JsonValueKind.Array when schema.TryGetProperty("items", out var items) => value.EnumerateArray().Select((item, i) => SchemaFault(items, item, $"{at}[{i}]")).FirstOrDefault(fault => fault is not null),
            JsonValueKind.Object => ObjectFault(schema, value, at),
            _ => null,
        };
    }

    private static string? ObjectFault(JsonElement schema, JsonElement value, string at)
    {
        if (schema.TryGetProperty("required", out var required))
        {
            foreach (var name in required.EnumerateArray())
            {
                if (!value.TryGetProperty(name.GetString()!, out _)) return $"{at} has no {name}";
            }
        }
        var hasMembers = schema.TryGetProperty("properties", out var members);
        var others = schema.TryGetProperty("additionalProperties", out var more) ? more : default;
        foreach (var member in value.EnumerateObject())
        {
            if (hasMembers && members.TryGetProperty(member.Name, out var known))
            {
                if (SchemaFault(known, member.Value, $"{at}.{member.Name}") is { } fault) return fault;
            }
            else if (others.ValueKind == JsonValueKind.False) return $"{at}.{member.Name} is not described";
            else if (others.ValueKind == JsonValueKind.Object && SchemaFault(others, member.Value, $"{at}.{member.Name}") is { } fault) return fault;
        }
        return null;
    }

    private static bool HasFormat(string format, JsonElement value) => format switch
    {
        "uuid" => value.TryGetGuid(out _),
        "date-time" => value.TryGetDateTimeOffset(out _),
        _ => true,
    };

    private static bool Is(string type, JsonElement value) => type switch
    {
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "string" => value.ValueKind == JsonValueKind.String,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "integer" => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out _),
        "number" => value.ValueKind == JsonValueKind.Number,
        "null" => value.ValueKind == JsonValueKind.Null,
        _ => false,
    };
}
