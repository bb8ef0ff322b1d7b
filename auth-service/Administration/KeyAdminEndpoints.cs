using AuthService.SigningKeys;

namespace AuthService.Administration;

/// <summary><c>/api/admin/keys</c>: the keys that sign tokens.</summary>
internal static class KeyAdminEndpoints
{
    public static void MapKeys(this RouteGroupBuilder admin)
    {
        admin.MapGet("/keys", async (HttpContext context, SigningKeyRotation keys) =>
            AdminAnswers.Page(new Page<SigningKeyInfo>(await keys.ListAsync(context.RequestAborted), null), Members));
        admin.MapPost("/keys/rotate", async (HttpContext context, SigningKeyRotation keys) =>
            Results.Json(Members(await keys.RotateAsync(context.Administrator().Actor, context.RequestAborted))));
        admin.MapPost("/keys/{kid:maxlength(100)}/withdraw", WithdrawAsync);
    }

    private static async Task<IResult> WithdrawAsync(string kid, HttpContext context, SigningKeyRotation keys)
    {
        var withdrawal = await keys.WithdrawAsync(kid, context.Administrator().Actor, context.RequestAborted) ?? throw RefusedException.NotFound("key");
        return Results.Json(Members(withdrawal));
    }

    public static Dictionary<string, object?> Members(SigningKeyInfo key) => new()
    {
        ["kid"] = key.Kid,
        ["alg"] = key.Algorithm,
        ["state"] = key.State,
        ["withdrawn"] = key.Withdrawn,
        ["created_at"] = key.CreatedAt,
        ["activated_at"] = key.ActivatedAt,
        ["retired_at"] = key.RetiredAt,
        ["gone_at"] = key.GoneAt,
        ["next_change_at"] = key.NextChangeAt,
    };

    /// <summary>The receipt counts keys: one that is withdrawn again is withdrawn already.</summary>
    public static Dictionary<string, object?> Members(SigningKeyWithdrawal withdrawal)
    {
        var members = AdminAnswers.Members(withdrawal.Receipt with { Revoked = withdrawal.Withdrawn.Count });
        members["withdrawn"] = withdrawal.Withdrawn;
        members["active"] = withdrawal.Active.Kid;
        return members;
    }
}
