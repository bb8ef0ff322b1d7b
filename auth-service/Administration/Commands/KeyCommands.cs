using System.CommandLine;
using AuthService.SigningKeys;

namespace AuthService.Administration.Commands;

/// <summary><c>keys …</c>.</summary>
internal static class KeyCommands
{
    private static readonly Argument<string> Kid = new("kid") { Description = "The key's id, as the list shows it." };

    public static Command Create() => new("keys", "Shows and changes the keys that sign tokens.")
    {
        CommandRun.Verb("list", "Shows all keys, the newest first.", ListAsync),
        CommandRun.Verb("rotate", "Announces the next key; it signs a few minutes later, and no request fails by it.", RotateAsync),
        CommandRun.Verb("withdraw", "Takes a key out of use at once, because somebody else may have it: every token it signed dies.", WithdrawAsync, Kid),
    };

    private static async Task ListAsync(CommandRun run) => run.Output.Page(
        new Page<SigningKeyInfo>(await run.Get<SigningKeyRotation>().ListAsync(run.Cancellation), null), KeyAdminEndpoints.Members,
        "kid", "alg", "state", "withdrawn", "created_at", "activated_at", "retired_at", "gone_at", "next_change_at");

    private static async Task RotateAsync(CommandRun run)
    {
        await run.ConnectAsync();
        run.Output.Item(KeyAdminEndpoints.Members(await run.Get<SigningKeyRotation>().RotateAsync(run.By.Actor, run.Cancellation)));
    }

    private static async Task WithdrawAsync(CommandRun run)
    {
        await run.ConnectAsync();
        var withdrawal = await run.Get<SigningKeyRotation>().WithdrawAsync(run.Value(Kid), run.By.Actor, run.Cancellation) ?? throw RefusedException.NotFound("key");
        var sentence = withdrawal.Withdrawn.Count == 0 ? "The key was withdrawn before" : $"Withdrawn: {string.Join(", ", withdrawal.Withdrawn)}; {withdrawal.Active.Kid} signs";
        run.Output.Changed(sentence, KeyAdminEndpoints.Members(withdrawal), withdrawal.Receipt with { Revoked = withdrawal.Withdrawn.Count });
    }
}
