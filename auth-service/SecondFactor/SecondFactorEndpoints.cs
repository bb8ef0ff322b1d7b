using System.Text.Json;
using AuthService.Audit;
using AuthService.Limits;
using AuthService.Sessions;
using AuthService.Tokens;
using AuthService.Users;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using ServiceHosting;

namespace AuthService.SecondFactor;

/// <summary>The second step of a sign-in through the JSON API, and what users may do about their own second factor.</summary>
internal static class SecondFactorEndpoints
{
    public static IEndpointRouteBuilder MapSecondFactorEndpoints(this IEndpointRouteBuilder endpoints)
    {
        TokenEndpoints.Map(endpoints, "/api/token/mfa", SignInAsync);
        var own = endpoints.MapGroup("/api/users/me/second-factor");
        own.MapGet("", ShowAsync).RequireUser();
        own.MapPost("", BeginAsync).RequireUser();
        own.MapPost("confirm", ConfirmAsync).RequireUser();
        own.MapPost("disable", DisableAsync).RequireUser();
        own.MapPost("recovery-codes", ReplaceRecoveryCodesAsync).RequireUser();
        return endpoints;
    }

    private static async Task SignInAsync(HttpContext context)
    {
        if (await TokenRequest.ReadAsync(context, "ticket", "code") is not { } request) return;
        var services = context.RequestServices;
        var cancellationToken = context.RequestAborted;
        var startMs = services.GetRequiredService<IssueClock>().Start();
        services.GetRequiredService<Revocation.RevocationService>().EnsureAvailable();
        var address = services.GetRequiredService<ClientAddress>().Of(context);
        switch (await services.GetRequiredService<SecondFactorSignIn>().CompleteAsync(request["ticket"], request["code"], address, cancellationToken))
        {
            case SecondFactorOutcome.SignedIn(var account, var clientId, _):
                await TokenAnswers.PairAsync(context, await services.GetRequiredService<SessionTokens>().StartAsync(
                    account, clientId, TokenEndpoints.Scope, startMs, address, TokenEndpoints.UserAgent(context), cancellationToken));
                break;
            case SecondFactorOutcome.CodeNotValid:
                await TokenAnswers.CodeNotValidAsync(context);
                break;
            default:
                await TokenAnswers.TicketNotValidAsync(context);
                break;
        }
    }

    private static async Task ShowAsync(HttpContext context, SecondFactorEnrolment enrolment)
    {
        var (enabled, left) = await enrolment.ShowAsync(context.Caller().UserId!.Value, context.RequestAborted);
        await WriteAsync(context, new { enabled, recovery_codes_left = left });
    }

    private static async Task BeginAsync(HttpContext context, SecondFactorEnrolment enrolment)
    {
        if (await UserRequest.ReadAsync(context, ["password"]) is not { } request || !await IsPasswordAsync(context, request)) return;
        if (await enrolment.BeginAsync(context.Caller().UserId!.Value, context.RequestAborted) is { } begun)
            await WriteAsync(context, new { secret = begun.Secret, otpauth_uri = begun.Uri });
        else
            await ConflictAsync(context, "second_factor_enabled", "The second factor is on already.");
    }

    private static async Task ConfirmAsync(HttpContext context, SecondFactorEnrolment enrolment, SignInLimit limit, ClientAddress address)
    {
        if (await UserRequest.ReadAsync(context, ["code"]) is not { } request || !await IsShortAsync(context, request)) return;
        string[]? codes = null;
        var userId = context.Caller().UserId!.Value;
        await limit.CheckCodeAsync(userId, address.Of(context), async () =>
        {
            codes = await enrolment.ConfirmAsync(userId, request["code"]!, context.RequestAborted);
            return codes is null ? SecondFactorProof.None : SecondFactorProof.Authenticator;
        }, context.RequestAborted);
        await (codes is null ? WrongCodeAsync(context) : WriteAsync(context, new { recovery_codes = codes }));
    }

    private static async Task DisableAsync(HttpContext context, SecondFactorEnrolment enrolment)
    {
        if (!await IsProvenAsync(context)) return;
        var userId = context.Caller().UserId!.Value;
        await enrolment.DisableAsync(userId, AuditTypes.SecondFactorDisabled, userId.ToString("D"), context.RequestAborted);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private static async Task ReplaceRecoveryCodesAsync(HttpContext context, SecondFactorEnrolment enrolment)
    {
        if (!await IsProvenAsync(context)) return;
        if (await enrolment.ReplaceRecoveryCodesAsync(context.Caller().UserId!.Value, context.RequestAborted) is { } codes)
            await WriteAsync(context, new { recovery_codes = codes });
        else
            await ConflictAsync(context, "second_factor_disabled", "The second factor is off.");
    }

    /// <summary>Password and code of the caller, or answers and returns false: a stolen token takes no factor away.</summary>
    private static async Task<bool> IsProvenAsync(HttpContext context)
    {
        if (await UserRequest.ReadAsync(context, ["password", "code"]) is not { } request || !await IsShortAsync(context, request) || !await IsPasswordAsync(context, request))
            return false;
        var services = context.RequestServices;
        var userId = context.Caller().UserId!.Value;
        if (!(await services.GetRequiredService<SecondFactorEnrolment>().ShowAsync(userId, context.RequestAborted)).Enabled)
        {
            await ConflictAsync(context, "second_factor_disabled", "The second factor is off.");
            return false;
        }
        var proof = await services.GetRequiredService<SecondFactorService>()
            .VerifyAsync(userId, request["code"]!, services.GetRequiredService<ClientAddress>().Of(context), context.RequestAborted);
        if (proof != SecondFactorProof.None) return true;
        await WrongCodeAsync(context);
        return false;
    }

    private static async Task<bool> IsPasswordAsync(HttpContext context, UserRequest request)
    {
        var services = context.RequestServices;
        var cancellationToken = context.RequestAborted;
        var userId = context.Caller().UserId!.Value;
        User? user;
        await using (var database = await services.GetRequiredService<IDbContextFactory<UsersDbContext>>().CreateDbContextAsync(cancellationToken))
            user = await database.Users.AsNoTracking().SingleOrDefaultAsync(u => u.Id == userId && !u.Disabled, cancellationToken);
        var right = await services.GetRequiredService<SignInLimit>().CheckAsync(
            UserNames.Normalize(user?.UserName ?? ""), services.GetRequiredService<ClientAddress>().Of(context),
            async () => await services.GetRequiredService<PasswordHashing>().VerifyAsync(user, request["password"]!, cancellationToken) == PasswordVerificationResult.Failed ? null : user,
            cancellationToken);
        if (right is not null) return true;
        await UserRequest.RefuseAsync(context, new Dictionary<string, string[]> { ["password"] = ["This is not the current password."] });
        return false;
    }

    private static async Task<bool> IsShortAsync(HttpContext context, UserRequest request)
    {
        if (request["code"]!.Length <= SecondFactorService.MaxCodeLength) return true;
        await UserRequest.RefuseAsync(context, new Dictionary<string, string[]> { ["code"] = [$"A code has at most {SecondFactorService.MaxCodeLength} characters."] });
        return false;
    }

    private static Task WrongCodeAsync(HttpContext context) =>
        UserRequest.RefuseAsync(context, new Dictionary<string, string[]> { ["code"] = ["This code is wrong, too old, or was used before."] });

    private static Task ConflictAsync(HttpContext context, string code, string detail) =>
        ProblemBody.WriteAsync(context, StatusCodes.Status409Conflict, code, detail, context.RequestAborted);

    private static Task WriteAsync<T>(HttpContext context, T body)
    {
        context.Response.Headers.CacheControl = "no-store";
        return context.Response.WriteAsJsonAsync(body, JsonSerializerOptions.Default, context.RequestAborted);
    }
}
