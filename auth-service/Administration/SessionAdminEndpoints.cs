namespace AuthService.Administration;

/// <summary><c>/api/admin/sessions</c> and <c>/api/admin/audit</c>.</summary>
internal static class SessionAdminEndpoints
{
    public static void MapSessions(this RouteGroupBuilder admin)
    {
        admin.MapGet("/sessions", ListAsync);
        admin.MapDelete("/sessions", EndAllAsync);
        admin.MapDelete("/sessions/{sid}", EndAsync);
    }

    public static void MapAudit(this RouteGroupBuilder admin) => admin.MapGet("/audit", AuditAsync);

    private static async Task<IResult> ListAsync(HttpContext context, SessionAdministration sessions)
    {
        var query = new AdminQuery(context.Request.Query);
        var (user, client, page) = (User(query), query.Text("client_id"), query.Page());
        query.Close();
        return AdminAnswers.Page(await sessions.ListAsync(page, user, client, context.RequestAborted), view => view.Members);
    }

    private static async Task<IResult> EndAllAsync(HttpContext context, SessionAdministration sessions)
    {
        var query = new AdminQuery(context.Request.Query);
        var user = User(query);
        if (user is null) query.Faults.Add("user_id", "This is required: the user whose sessions are to end.");
        query.Close();
        return AdminAnswers.Receipt(await sessions.EndAllAsync(user!.Value, context.Administrator(), context.RequestAborted));
    }

    private static async Task<IResult> EndAsync(string sid, HttpContext context, SessionAdministration sessions) =>
        AdminAnswers.Receipt(await sessions.EndAsync(sid, context.Administrator(), context.RequestAborted));

    private static async Task<IResult> AuditAsync(HttpContext context, AuditReader audit)
    {
        var query = new AdminQuery(context.Request.Query);
        var filter = new AuditFilter(
            query.Time("from"), query.Time("to"), query.Text("subject"), query.Text("actor"), query.Text("type"), query.Text("client_id"), query.Text("sid"));
        var page = query.Page();
        query.Close();
        return AdminAnswers.Page(await audit.ListAsync(page, filter, context.RequestAborted), AuditReader.Members);
    }

    private static Guid? User(AdminQuery query)
    {
        if (query.Text("user_id") is not { } text) return null;
        if (Guid.TryParseExact(text, "D", out var id)) return id;
        query.Faults.Add("user_id", "This must be the id of a user.");
        return null;
    }
}
