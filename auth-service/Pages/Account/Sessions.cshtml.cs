using AuthService.Audit;
using AuthService.OAuth;
using AuthService.Sessions;
using AuthService.SignIn;
using AuthService.Users;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Pages.Account;

/// <summary>A place where the person is signed in: a browser with what was opened from it, or one application.</summary>
/// <param name="Id">What to end: a <c>sid</c>, or the id of a browser's sign-in.</param>
internal sealed record SignedInPlace(string Id, bool IsBrowser, bool IsHere, string Name, string? Address, string? UserAgent, DateTimeOffset Since, DateTimeOffset LastUsed);

/// <summary>Where the person is signed in, and how to end it from here.</summary>
internal sealed class SessionsModel(
    SignInCookie cookie, UsersDbContext database, BrowserSignIns signIns, SessionStore sessions, SessionTokens tokens, UserSessions all, ClientAddress address)
    : AccountPage(cookie, database)
{
    public IReadOnlyList<SignedInPlace> Places { get; private set; } = [];

    public async Task OnGetAsync() => Places = [.. await BrowsersAsync(), .. await ApplicationsAsync()];

    /// <summary>Ends one application's session.</summary>
    public async Task<IActionResult> OnPostApplicationAsync()
    {
        var sid = Required("id");
        // What is not there any more has ended, and what is another's is not there.
        if (SessionKeys.IsSid(sid) && await sessions.FindAsync(sid, Person.Id, Aborted) is { } session)
            await tokens.EndAsync(sid, Person.Id, session.ClientId, expiresMs: null, SessionEndReason.EndedByUser, address.Actor(HttpContext, Sub), Aborted);
        return SeeOther(AccountPaths.Sessions + "?done=there");
    }

    /// <summary>Ends a browser's sign-in and everything that was opened from it.</summary>
    public async Task<IActionResult> OnPostBrowserAsync()
    {
        var id = Required("id");
        if (await signIns.IsOfAsync(id, Person.Id, Aborted)) await signIns.EndAsync(id, Sub, Aborted);
        return SeeOther(id == Current.SignInId ? OAuthPaths.SignedOutPage : AccountPaths.Sessions + "?done=there");
    }

    /// <summary>Ends everything, here too.</summary>
    public async Task<IActionResult> OnPostEverywhereAsync()
    {
        await all.EndAllAsync(Person.Id, exceptSid: null, AuditTypes.SessionsEnded, address.Actor(HttpContext, Sub), Aborted);
        await Cookie.EndAsync(HttpContext, Sub, Aborted);
        return SeeOther(OAuthPaths.SignedOutPage);
    }

    protected override string? Acknowledge(string done) => done == "there" ? "Signed out there." : null;

    private async Task<IEnumerable<SignedInPlace>> BrowsersAsync() => (await signIns.ListAsync(Person.Id, Current.SessionEpoch, Aborted))
        .Select(row => new SignedInPlace(
            row.Id, IsBrowser: true, row.Id == Current.SignInId, row.Id == Current.SignInId ? "This browser" : "Another browser", Address: null, UserAgent: null,
            Time(row.CreatedAtMs), Time(row.LastSeenAtMs)))
        .OrderByDescending(place => place.IsHere);

    private async Task<IEnumerable<SignedInPlace>> ApplicationsAsync()
    {
        var live = await sessions.ListAsync(Person.Id, Current.SessionEpoch, Aborted);
        var ids = live.Select(session => session.ClientId).Distinct().ToList();
        var names = await Database.Clients.Where(client => ids.Contains(client.ClientId)).ToDictionaryAsync(client => client.ClientId, client => client.Name, Aborted);
        return live.Select(session => new SignedInPlace(
            session.Sid, IsBrowser: false, IsHere: false, names.GetValueOrDefault(session.ClientId, session.ClientId), session.Address, session.UserAgent,
            session.CreatedAt, session.LastSeenAt)).OrderByDescending(place => place.LastUsed);
    }

    private static DateTimeOffset Time(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
}
