using System.Text.Json.Nodes;

namespace AuthService.Administration;

/// <summary><c>/api/admin/users</c>.</summary>
internal static class UserAdminEndpoints
{
    public static void MapUsers(this RouteGroupBuilder admin)
    {
        admin.MapGet("/users", ListAsync);
        admin.MapPost("/users", CreateAsync);
        admin.MapGet("/users/{id:guid}", ShowAsync);
        admin.MapPatch("/users/{id:guid}", ChangeAsync);
        admin.MapDelete("/users/{id:guid}", DeleteAsync);
        admin.MapPost("/users/{id:guid}/password", ResetPasswordAsync);
    }

    private static async Task<IResult> ListAsync(HttpContext context, UserReader users)
    {
        var query = new AdminQuery(context.Request.Query);
        var filter = new UserFilter(query.Text("username"), query.Text("email"), query.Text("role"), query.Flag("disabled"));
        var page = query.Page();
        query.Close();
        return AdminAnswers.Page(await users.ListAsync(page, filter, context.RequestAborted), view => view.Members);
    }

    private static async Task<IResult> CreateAsync(HttpContext context, UserAdministration users)
    {
        var body = await AdminBody.ReadAsync(context);
        var (userName, password, change) = (body.RequiredText("username"), body.RequiredText("password"), Read(body));
        body.Close();
        var user = await users.CreateAsync(userName, password, change, context.Administrator(), context.RequestAborted);
        return AdminAnswers.Created($"/api/admin/users/{user.Id}", user.Stamp, user.Members);
    }

    private static async Task<IResult> ShowAsync(Guid id, HttpContext context, UserReader users)
    {
        var user = await users.FindAsync(id, context.RequestAborted);
        return AdminAnswers.Shown(user.Stamp, user.Members);
    }

    private static async Task<IResult> ChangeAsync(Guid id, HttpContext context, UserAdministration users, UserReader reader)
    {
        var tags = EntityTags.Read(context);
        var body = await AdminBody.ReadAsync(context);
        var present = await reader.FindAsync(id, context.RequestAborted);
        foreach (var member in (string[])["id", "created_at"]) body.ReadOnly(member, present.Members[member]);
        var change = Read(body) with { UserName = body.Text("username") };
        body.Close();
        var changed = await users.ChangeAsync(id, change, tags, context.Administrator(), context.RequestAborted);
        return AdminAnswers.Changed(changed.Value.Stamp, changed.Value.Members, changed.Receipt);
    }

    private static async Task<IResult> DeleteAsync(Guid id, HttpContext context, UserAdministration users) =>
        AdminAnswers.Receipt(await users.DeleteAsync(id, EntityTags.Read(context), context.Administrator(), context.RequestAborted));

    private static async Task<IResult> ResetPasswordAsync(Guid id, HttpContext context, UserAdministration users)
    {
        var tags = EntityTags.Read(context);
        var body = await AdminBody.ReadAsync(context);
        var password = body.RequiredText("password");
        body.Close();
        var changed = await users.ResetPasswordAsync(id, password, tags, context.Administrator(), context.RequestAborted);
        return AdminAnswers.Receipt(changed.Receipt, changed.Value.Stamp);
    }

    private static UserChange Read(AdminBody body) => new()
    {
        Name = body.OptionalText("name"),
        Email = body.OptionalText("email"),
        Roles = body.Texts("roles"),
        Claims = Claims(body.Object("claims")),
        Disabled = body.Flag("disabled"),
        SecondFactor = body.Flag("second_factor"),
    };

    private static Given<JsonObject> Claims(Given<System.Text.Json.JsonElement> given) => given.IsGiven ? JsonObject.Create(given.Value)! : default(Given<JsonObject>);
}
