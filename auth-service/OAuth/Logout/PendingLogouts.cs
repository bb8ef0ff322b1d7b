namespace AuthService.OAuth.Logout;

/// <summary>What a page may show of a sign-out that waits for its user.</summary>
/// <param name="ClientName">The client that asked; null if none said so.</param>
internal sealed record PendingLogout(string? ClientName, string? ReturnTo);

/// <summary>As it lies in Redis.</summary>
/// <param name="ReturnTo">Where the browser goes afterwards, with <c>state</c>; null for the page that says so.</param>
/// <param name="Hint">Whose sign-out the client says it is, and can show; null for nobody's.</param>
internal sealed record WaitingLogout(string? ClientName, string? ReturnTo, IdTokenHint? Hint);

/// <summary>Sign-outs that nobody has proven to come from the user: a page asks first.</summary>
internal sealed class PendingLogouts(BrowserTickets tickets)
{
    private const string Kind = "sign-out";

    /// <summary>What waits under a ticket; null if nothing (any more), or not for this browser.</summary>
    public async Task<PendingLogout?> ReadAsync(HttpContext context, string? ticket) =>
        await tickets.ReadAsync<WaitingLogout>(context, Kind, ticket) is { } waiting ? new PendingLogout(waiting.ClientName, waiting.ReturnTo) : null;

    /// <summary>The user agrees. Answers where to send the browser once the page has ended the sign-in and its sessions; null
    /// if nothing waits.</summary>
    public async Task<string?> ConfirmAsync(HttpContext context, string? ticket) =>
        await tickets.TakeAsync<WaitingLogout>(context, Kind, ticket) is { } waiting ? waiting.ReturnTo ?? OAuthPaths.SignedOutPage : null;

    internal Task<WaitingLogout?> FindAsync(HttpContext context, string? ticket) => tickets.ReadAsync<WaitingLogout>(context, Kind, ticket);

    internal Task<string> AddAsync(HttpContext context, WaitingLogout waiting) => tickets.AddAsync(context, Kind, waiting);
}
