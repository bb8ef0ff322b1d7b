namespace AuthService.Administration;

/// <summary><c>/api/admin/clients</c>.</summary>
internal static class ClientAdminEndpoints
{
    /// <summary>The longest id there is to look for.</summary>
    private const string Id = "/clients/{id:maxlength(100)}";

    public static void MapClients(this RouteGroupBuilder admin)
    {
        admin.MapGet("/clients", ListAsync);
        admin.MapPost("/clients", CreateAsync);
        admin.MapGet(Id, ShowAsync);
        admin.MapPatch(Id, ChangeAsync);
        admin.MapDelete(Id, DeleteAsync);
        admin.MapPost(Id + "/secret", RotateSecretAsync);
    }

    private static async Task<IResult> ListAsync(HttpContext context, ClientAdministration clients)
    {
        var query = new AdminQuery(context.Request.Query);
        var disabled = query.Flag("disabled");
        var page = query.Page();
        query.Close();
        return AdminAnswers.Page(await clients.ListAsync(page, disabled, context.RequestAborted), view => view.Members);
    }

    private static async Task<IResult> CreateAsync(HttpContext context, ClientAdministration clients)
    {
        var body = await AdminBody.ReadAsync(context);
        var id = body.Text("client_id");
        var change = Read(body) with { Name = body.RequiredText("client_name") };
        body.Close();
        var made = await clients.CreateAsync(id.IsGiven ? id.Value : null, change, context.Administrator(), context.RequestAborted);
        return AdminAnswers.Created($"/api/admin/clients/{made.View.Client.ClientId}", made.View.Stamp, WithSecret(made.View.Members, made.Secret));
    }

    private static async Task<IResult> ShowAsync(string id, HttpContext context, ClientAdministration clients)
    {
        var client = await clients.FindAsync(id, context.RequestAborted);
        return AdminAnswers.Shown(client.Stamp, client.Members);
    }

    private static async Task<IResult> ChangeAsync(string id, HttpContext context, ClientAdministration clients)
    {
        var tags = EntityTags.Read(context);
        var body = await AdminBody.ReadAsync(context);
        var present = await clients.FindAsync(id, context.RequestAborted);
        foreach (var member in (string[])["client_id", "client_id_issued_at"]) body.ReadOnly(member, present.Members[member]);
        var change = Read(body);
        body.Close();
        var changed = await clients.ChangeAsync(id, change, tags, context.Administrator(), context.RequestAborted);
        return AdminAnswers.Changed(changed.Value.View.Stamp, WithSecret(changed.Value.View.Members, changed.Value.Secret), changed.Receipt);
    }

    private static async Task<IResult> DeleteAsync(string id, HttpContext context, ClientAdministration clients) =>
        AdminAnswers.Receipt(await clients.DeleteAsync(id, EntityTags.Read(context), context.Administrator(), context.RequestAborted));

    private static async Task<IResult> RotateSecretAsync(string id, HttpContext context, ClientAdministration clients)
    {
        var changed = await clients.RotateSecretAsync(id, EntityTags.Read(context), context.Administrator(), context.RequestAborted);
        return AdminAnswers.Shown(changed.View.Stamp, WithSecret(new() { ["client_id"] = id }, changed.Secret));
    }

    /// <summary>RFC 7591 section 3.2.1. The answer that makes the secret is the only one that has it.</summary>
    public static Dictionary<string, object?> WithSecret(Dictionary<string, object?> members, string? secret)
    {
        if (secret is null) return members;
        members["client_secret"] = secret;
        members["client_secret_expires_at"] = 0;
        return members;
    }

    private static ClientChange Read(AdminBody body) => new()
    {
        Name = body.Text("client_name"),
        Uri = body.OptionalText("client_uri"),
        TokenEndpointAuthMethod = body.Text("token_endpoint_auth_method"),
        GrantTypes = body.Texts("grant_types"),
        RedirectUris = body.Texts("redirect_uris"),
        PostLogoutRedirectUris = body.Texts("post_logout_redirect_uris"),
        Scope = body.Text("scope"),
        Jwks = body.OptionalObject("jwks"),
        ClaimRules = body.OptionalList("claim_rules"),
        FirstParty = body.Flag("first_party"),
        IdentityAudiences = body.Texts("identity_audiences"),
        ExchangeAudiences = body.Texts("exchange_audiences"),
        RefreshTokenLifetime = body.OptionalNumber("refresh_token_lifetime"),
        SessionLifetime = body.OptionalNumber("session_lifetime"),
        Disabled = body.Flag("disabled"),
    };
}
