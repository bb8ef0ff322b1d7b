using System.Globalization;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.OpenApi;

namespace AuthService.OpenApi;

/// <summary>
/// <c>/openapi/v1.json</c>: every operation for programs, from the tables beside this file. Tests hold the tables against the
/// mapped endpoints and against recorded traffic, so that the document says what the service does.
/// </summary>
internal sealed class ApiDocument : IOpenApiDocumentTransformer
{
    private const string BearerScheme = "bearer";

    public static IReadOnlyList<ApiOperation> Operations { get; } = [.. AdminOperations.All, .. UserOperations.All, .. OAuthOperations.All];

    public Task TransformAsync(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        document.Info = new OpenApiInfo { Title = "auth-service", Version = "v1", Description = "Refusals are application/problem+json with a stable code, except where a standard says otherwise." };
        document.Servers = [];
        document.Components ??= new OpenApiComponents();
        document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
        {
            [BearerScheme] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", BearerFormat = "JWT" },
        };
        document.Paths = [];
        foreach (var path in Operations.GroupBy(operation => operation.Path))
        {
            var item = new OpenApiPathItem();
            foreach (var operation in path) item.AddOperation(HttpMethod.Parse(operation.Method), Describe(operation, document));
            document.Paths.Add(path.Key, item);
        }
        return Task.CompletedTask;
    }

    private static OpenApiOperation Describe(ApiOperation operation, OpenApiDocument document)
    {
        var described = new OpenApiOperation
        {
            Summary = operation.Summary,
            Tags = new HashSet<OpenApiTagReference> { new(operation.Tag, document) },
            Parameters = [.. Parameters(operation)],
            Responses = [],
        };
        document.Tags ??= new HashSet<OpenApiTag>();
        document.Tags.Add(new OpenApiTag { Name = operation.Tag });
        if (operation.Bearer) described.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(BearerScheme, document)] = [] }];
        if (operation.Body is { } body)
            described.RequestBody = new OpenApiRequestBody { Required = true, Content = operation.BodyTypes.ToDictionary(type => type, _ => new OpenApiMediaType { Schema = body }) };
        foreach (var status in operation.Answers.GroupBy(answer => answer.Status)) described.Responses.Add(status.Key.ToString(CultureInfo.InvariantCulture), Describe(status));
        return described;
    }

    private static OpenApiResponse Describe(IGrouping<int, ApiAnswer> answers)
    {
        var response = new OpenApiResponse { Description = ReasonPhrases.GetReasonPhrase(answers.Key) };
        var bodies = answers.Where(answer => answer.Schema is not null).ToList();
        if (bodies.Count > 0) response.Content = bodies.ToDictionary(answer => answer.MediaType, answer => new OpenApiMediaType { Schema = answer.Schema });
        if (answers.Any(answer => answer.ETag))
        {
            response.Headers = new Dictionary<string, IOpenApiHeader>
            {
                ["ETag"] = new OpenApiHeader { Description = "For If-Match of a change.", Schema = Schemas.Text },
            };
        }
        return response;
    }

    private static IEnumerable<IOpenApiParameter> Parameters(ApiOperation operation)
    {
        foreach (var part in operation.Path.Split('/').Where(part => part.StartsWith('{')))
            yield return new OpenApiParameter { Name = part.Trim('{', '}'), In = ParameterLocation.Path, Required = true, Schema = Schemas.Text };
        foreach (var (name, meaning) in operation.Query)
            yield return new OpenApiParameter { Name = name, In = ParameterLocation.Query, Description = meaning, Schema = Schemas.Text };
        if (operation.IfMatch)
            yield return new OpenApiParameter { Name = "If-Match", In = ParameterLocation.Header, Description = "The ETag of the state that the change is for; 412 if it is another by now. Without it the change is made on whatever stands.", Schema = Schemas.Text };
    }
}

internal static class OpenApiExtensions
{
    /// <summary>The description of every operation for programs.</summary>
    public static IServiceCollection AddApiDocument(this IServiceCollection services) => services.AddOpenApi("v1", options =>
    {
        // The tables say it all, and say it of endpoints that answer byte for byte as a standard demands.
        options.ShouldInclude = _ => false;
        options.AddDocumentTransformer<ApiDocument>();
    });
}
