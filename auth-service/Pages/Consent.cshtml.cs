using AuthService.OAuth;
using AuthService.OAuth.Authorization;
using AuthService.SignIn;
using AuthService.Users;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Pages;

/// <summary>Asks whether a client may have what it asks for.</summary>
internal sealed class ConsentModel(SignInCookie cookie, PendingAuthorizations authorizations, UsersDbContext database) : BrowserPage
{
    private const string Expired = "Go back to the application, and begin again.";

    public PendingAuthorization Waiting { get; private set; } = null!;

    /// <summary>Who is asked.</summary>
    public string UserName { get; private set; } = "";

    /// <summary>Where the answer goes, for the person to recognise: a client's name can be any.</summary>
    public string Destination => Uri.TryCreate(Waiting.RedirectUri, UriKind.Absolute, out var uri) && uri.Host.Length > 0 ? uri.Host : Waiting.RedirectUri.Split(':')[0];

    public async Task<IActionResult> OnGetAsync() => await FindAsync() is { } elsewhere ? elsewhere : Page();

    public async Task<IActionResult> OnPostAsync()
    {
        if (await FindAsync() is { } elsewhere) return elsewhere;
        var next = Required("decision") switch
        {
            "allow" => await authorizations.GrantConsentAsync(HttpContext, Ticket, _userId),
            "refuse" => await authorizations.DenyAsync(HttpContext, Ticket),
            _ => "",
        };
        if (next is null) return await GoneAsync(Expired);
        return next.Length == 0 ? Refuse("request_invalid", "Choose one of the two.") : SeeOther(next);
    }

    /// <summary>What a scope means to a person.</summary>
    public static string Describe(string scope) => scope switch
    {
        "openid" => "Know who you are",
        "profile" => "See your name",
        "email" => "See your e-mail address",
        "offline_access" => "Keep its access while you are away",
        _ => scope,
    };

    private Guid _userId;

    private async Task<IActionResult?> FindAsync()
    {
        if (await authorizations.ReadAsync(HttpContext, Ticket) is not { } waiting) return await GoneAsync(Expired);
        if (await cookie.ReadAsync(HttpContext, Aborted) is not { } signIn) return SeeOther(OAuthPaths.WithTicket(OAuthPaths.SignInPage, Ticket!));
        Waiting = waiting;
        _userId = signIn.UserId;
        UserName = await database.Users.Where(user => user.Id == signIn.UserId).Select(user => user.UserName!).SingleAsync(Aborted);
        PageHeaders.AllowFormToEndAt(HttpContext, waiting.RedirectUri);
        return null;
    }
}
