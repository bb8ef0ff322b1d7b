using System.Text.Json.Nodes;

namespace AuthService.Administration;

/// <summary><c>/api/admin/roles</c>.</summary>
internal static class RoleAdminEndpoints
{
    private const string Name = "/roles/{name:maxlength(100)}";

    public static void MapRoles(this RouteGroupBuilder admin)
    {
        admin.MapGet("/roles", ListAsync);
        admin.MapPost("/roles", CreateAsync);
        admin.MapGet(Name, ShowAsync);
        admin.MapPatch(Name, ChangeAsync);
        admin.MapDelete(Name, DeleteAsync);
    }

    private static async Task<IResult> ListAsync(HttpContext context, RoleAdministration roles)
    {
        var query = new AdminQuery(context.Request.Query);
        var page = query.Page();
        query.Close();
        return AdminAnswers.Page(await roles.ListAsync(page, context.RequestAborted), view => view.Members);
    }

    private static async Task<IResult> CreateAsync(HttpContext context, RoleAdministration roles)
    {
        var body = await AdminBody.ReadAsync(context);
        var (name, claims) = (body.RequiredText("name"), body.Object("claims"));
        body.Close();
        var role = await roles.CreateAsync(name, claims.IsGiven ? JsonObject.Create(claims.Value)! : [], context.Administrator(), context.RequestAborted);
        return AdminAnswers.Created($"/api/admin/roles/{Uri.EscapeDataString(name)}", role.Stamp, role.Members);
    }

    private static async Task<IResult> ShowAsync(string name, HttpContext context, RoleAdministration roles)
    {
        var role = await roles.FindAsync(name, context.RequestAborted);
        return AdminAnswers.Shown(role.Stamp, role.Members);
    }

    private static async Task<IResult> ChangeAsync(string name, HttpContext context, RoleAdministration roles)
    {
        var tags = EntityTags.Read(context);
        var body = await AdminBody.ReadAsync(context);
        var present = await roles.FindAsync(name, context.RequestAborted);
        body.ReadOnly("name", name);
        var claims = body.Object("claims");
        body.Close();
        var changed = await roles.ChangeAsync(name, claims.IsGiven ? JsonObject.Create(claims.Value)! : present.Claims, tags, context.Administrator(), context.RequestAborted);
        return AdminAnswers.Changed(changed.Value.Stamp, changed.Value.Members, changed.Receipt);
    }

    private static async Task<IResult> DeleteAsync(string name, HttpContext context, RoleAdministration roles) =>
        AdminAnswers.Receipt(await roles.DeleteAsync(name, EntityTags.Read(context), context.Administrator(), context.RequestAborted));
}
