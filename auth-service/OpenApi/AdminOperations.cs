using AuthService.Administration;
using AuthService.OAuth.Grants;
using Microsoft.OpenApi;
using static AuthService.OpenApi.Schemas;

namespace AuthService.OpenApi;

/// <summary>The operations of <c>/api/admin</c>.</summary>
internal static class AdminOperations
{
    private const string Users = "Administration: users";
    private const string Clients = "Administration: clients";
    private const string Others = "Administration";

    public static OpenApiSchema Receipt => Object(("revoked", Number), ("gateways", Number), ("acknowledged", Number), ("durable", Flag));

    /// <summary>A custom claim: a text, a number, a truth value, or a list of them.</summary>
    private static OpenApiSchema Claim => new() { Type = JsonSchemaType.String | JsonSchemaType.Number | JsonSchemaType.Boolean | JsonSchemaType.Array };

    private static OpenApiSchema UserMembers => Object(
        ("id", Uuid), ("username", Text), ("name", OrNull(Text)), ("email", OrNull(Text)), ("roles", Texts), ("claims", Map(Claim)), ("disabled", Flag),
        ("second_factor", Flag), ("created_at", Time));

    private static OpenApiSchema RoleMembers => Object(("name", Text), ("claims", Map(Claim)));

    private static OpenApiSchema ClientMembers => Object(
        ("client_id", Text), ("client_id_issued_at", Number), ("client_name", Text), ("client_uri", OrNull(Text)),
        ("token_endpoint_auth_method", OneOf(ClientRules.AuthMethods)), ("grant_types", List(OneOf(GrantTypes.All))), ("redirect_uris", Texts),
        ("post_logout_redirect_uris", Texts), ("scope", Text), ("jwks", OrNull(Anything)), ("claim_rules", OrNull(List(new OpenApiSchema()))), ("first_party", Flag),
        ("identity_audiences", Texts), ("exchange_audiences", Texts), ("refresh_token_lifetime", OrNull(Number)), ("session_lifetime", OrNull(Number)), ("disabled", Flag));

    private static OpenApiSchema Secret => Object(("client_secret?", Text), ("client_secret_expires_at?", Number));

    private static OpenApiSchema Session => Object(
        ("sid", Text), ("user_id", Uuid), ("username", Text), ("client_id", Text), ("created_at", Time), ("last_seen_at", Time), ("expires_at", Time), ("ip", OrNull(Text)),
        ("user_agent", OrNull(Text)));

    private static OpenApiSchema Key => Object(
        ("kid", Text), ("alg", Text), ("state", Text), ("withdrawn", Flag), ("created_at", Time), ("activated_at", OrNull(Time)), ("retired_at", OrNull(Time)),
        ("gone_at", OrNull(Time)), ("next_change_at", OrNull(Time)));

    private static OpenApiSchema AuditEvent => Object(
        ("id", Text), ("at", Time), ("type", Text), ("actor", OrNull(Text)), ("subject", OrNull(Text)), ("client_id", OrNull(Text)), ("sid", OrNull(Text)),
        ("ip", OrNull(Text)), ("trace_id", OrNull(Text)), ("detail", OrNull(Anything)));

    public static IEnumerable<ApiOperation> All =>
    [
        Listing("/users", "Users in the order of their names.", Users, UserMembers,
            ("username", "Names that begin so."), ("email", "This address."), ("role", "With this role."), ("disabled", "true or false.")),
        Create("/users", "Makes a user.", Users, Object(
            ("username", Text), ("password", Text), ("name?", OrNull(Text)), ("email?", OrNull(Text)), ("roles?", Texts), ("claims?", Map(Claim)), ("disabled?", Flag),
            ("second_factor?", Flag)), UserMembers),
        Show("/users/{id}", "One user.", Users, UserMembers),
        Change("/users/{id}", "Changes what is given; disabling ends sessions, other roles, claims or names end access tokens.", Users, UserMembers, UserMembers),
        Delete("/users/{id}", "Deletes a user and ends every session.", Users),
        Act("/users/{id}/password", "Sets another password and ends every session.", Users, Receipt, Object(("password", Text))) with { IfMatch = true },
        Listing("/roles", "Roles in the order of their names.", Users, RoleMembers),
        Create("/roles", "Makes a role.", Users, Object(("name", Text), ("claims?", Map(Claim))), RoleMembers),
        Show("/roles/{name}", "One role.", Users, RoleMembers),
        Change("/roles/{name}", "Changes the claims that its users have by it, and ends their access tokens.", Users, RoleMembers, RoleMembers),
        Delete("/roles/{name}", "Deletes a role; its users have it no more.", Users),
        Listing("/clients", "Clients in the order of their ids.", Clients, ClientMembers, ("disabled", "true or false.")),
        Create("/clients", "Makes a client. This answer alone has its secret.", Clients, Partial(ClientMembers), Both(ClientMembers, Secret)),
        Show("/clients/{id}", "One client.", Clients, ClientMembers),
        Change("/clients/{id}", "Changes what is given; disabling, or taking something away, ends its access tokens.", Clients, ClientMembers, Both(ClientMembers, Secret)),
        Delete("/clients/{id}", "Deletes a client and ends its tokens. Its id is never used again.", Clients),
        Act("/clients/{id}/secret", "Makes another secret; the old one is worth nothing at once.", Clients,
            Object(("client_id", Text), ("client_secret", Text), ("client_secret_expires_at", Number)), body: null, eTag: true) with { IfMatch = true },
        Listing("/sessions", "Live sessions in the order of user names. A page may hold fewer than asked for, none even, and have a next one.", Others, Session,
            ("user_id", "Of this user."), ("client_id", "Of this client.")),
        Delete("/sessions", "Ends all sessions of a user.", Others) with { Query = new Dictionary<string, string> { ["user_id"] = "The user." }, IfMatch = false },
        Delete("/sessions/{sid}", "Ends one session.", Others) with { IfMatch = false },
        Listing("/keys", "All signing keys, the newest first, on one page.", Others, Key) with { Query = new Dictionary<string, string>() },
        Act("/keys/rotate", "Announces the next key; it signs a few minutes later.", Others, Key, body: null),
        Act("/keys/{kid}/withdraw", "Takes a key out of use at once; every token it signed dies.", Others, Both(Receipt, Object(("withdrawn", Texts), ("active", Text))), body: null),
        Listing("/audit", "What has happened, the latest first.", Others, AuditEvent,
            ("from", "From this moment on (RFC 3339)."), ("to", "Before this moment."), ("subject", "Whom or what it befell."), ("actor", "Who did it."), ("type", "Of this type."),
            ("client_id", "Of this client."), ("sid", "Of this session.")),
    ];

    private static ApiOperation Listing(string path, string summary, string tag, OpenApiSchema item, params (string Name, string Meaning)[] filters) =>
        new("GET", "/api/admin" + path, summary, tag)
        {
            Bearer = true,
            Query = filters.Append(("limit", $"Items at most, 1 to {PageRequest.MaxLimit}.")).Append(("cursor", "next_cursor of the page before.")).ToDictionary(),
            Answers = [new(200, Page(item)), .. Problems.Of(400, 401, 403, 404, 503)],
        };

    private static ApiOperation Show(string path, string summary, string tag, OpenApiSchema item) => new("GET", "/api/admin" + path, summary, tag)
    {
        Bearer = true,
        Answers = [new(200, item, ETag: true), .. Problems.Of(401, 403, 404, 503)],
    };

    private static ApiOperation Create(string path, string summary, string tag, OpenApiSchema body, OpenApiSchema made) => new("POST", "/api/admin" + path, summary, tag)
    {
        Bearer = true,
        Body = body,
        Answers = [new(201, made, ETag: true), .. Problems.Of(400, 401, 403, 409, 413, 415, 503)],
    };

    private static ApiOperation Change(string path, string summary, string tag, OpenApiSchema item, OpenApiSchema changed) => new("PATCH", "/api/admin" + path, summary, tag)
    {
        Bearer = true,
        IfMatch = true,
        Body = Partial(item),
        BodyTypes = ["application/json", "application/merge-patch+json"],
        Answers = [new(200, Both(changed, Receipt), ETag: true), .. Problems.Of(400, 401, 403, 404, 409, 412, 413, 415, 503)],
    };

    private static ApiOperation Delete(string path, string summary, string tag) => new("DELETE", "/api/admin" + path, summary, tag)
    {
        Bearer = true,
        IfMatch = true,
        Answers = [new(200, Receipt), .. Problems.Of(400, 401, 403, 404, 409, 412, 503)],
    };

    private static ApiOperation Act(string path, string summary, string tag, OpenApiSchema answer, OpenApiSchema? body, bool eTag = false) => new("POST", "/api/admin" + path, summary, tag)
    {
        Bearer = true,
        Body = body,
        Answers = [new(200, answer, ETag: eTag), .. Problems.Of(400, 401, 403, 404, 409, 412, 413, 415, 503)],
    };
}

/// <summary>Refusals: RFC 9457, with the stable member <c>code</c>.</summary>
internal static class Problems
{
    public const string MediaType = "application/problem+json";

    public static OpenApiSchema Schema => Object(
        ("type", Text), ("title", Text), ("status", Number), ("detail", Text), ("code", Text), ("errors?", Map(Texts)));

    public static IEnumerable<ApiAnswer> Of(params int[] statuses) => statuses.Select(status => new ApiAnswer(status, Schema, MediaType));
}
