using AuthService.OAuth;
using AuthService.SignIn;
using AuthService.Users;
using Microsoft.AspNetCore.Mvc.Filters;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Pages.Account;

/// <summary>A page for somebody who is signed in; anybody else signs in first.</summary>
internal abstract class AccountPage(SignInCookie cookie, UsersDbContext database) : BrowserPage
{
    /// <summary>Who is signed in, as the database has it now.</summary>
    public User Person { get; private set; } = null!;

    /// <summary>What was just done; null for nothing.</summary>
    public string? Done => Request.Query["done"] is [{ } done] ? Acknowledge(done) : null;

    protected SignInCookie Cookie { get; } = cookie;

    protected UsersDbContext Database { get; } = database;

    protected BrowserSignIn Current { get; private set; } = null!;

    protected string Sub => Person.Id.ToString("D");

    public override async Task OnPageHandlerExecutionAsync(PageHandlerExecutingContext context, PageHandlerExecutionDelegate next)
    {
        if (await Cookie.ReadAsync(HttpContext, Aborted) is not { } signIn
            || await Database.Users.AsNoTracking().SingleOrDefaultAsync(user => user.Id == signIn.UserId, Aborted) is not { } person)
        {
            context.Result = SeeOther(OAuthPaths.SignInPage);
            return;
        }
        (Current, Person) = (signIn, person);
        ViewData["Account"] = true;
        await next();
    }

    /// <summary>The sentence for a name in the address; null for a name that is none of the page's.</summary>
    protected virtual string? Acknowledge(string done) => null;
}
