using Microsoft.OpenApi;
using static AuthService.OpenApi.Schemas;

namespace AuthService.OpenApi;

/// <summary>The JSON API of users: signing in, sessions, registration.</summary>
internal static class UserOperations
{
    private const string SignIn = "Sign-in";
    private const string Own = "Own account";
    private const string SecondFactor = "/api/users/me/second-factor";

    private static readonly string[] JsonOrForm = ["application/json", "application/x-www-form-urlencoded"];

    private static OpenApiSchema Pair => Object(("access", Text), ("refresh", Text));

    private static OpenApiSchema Empty => Object();

    /// <summary>Reasons by field, as the API's tutorials show them; or why the body cannot be read.</summary>
    private static OpenApiSchema FieldFaults => Map(TextOrTexts);

    private static OpenApiSchema Refusal => Object(("detail", Text), ("code", Text));

    private static OpenApiSchema SignInRefusal => Object(("detail", Text), ("code", Text), ("ticket?", Text), ("expires_in?", Number));

    private static OpenApiSchema RecoveryCodes => Object(("recovery_codes", Texts));

    private static OpenApiSchema Detail => Object(("detail", Text), ("code?", Text));

    private static OpenApiSchema Profile => Object(
        ("id", Uuid), ("username", Text), ("name", Text), ("email", OrNull(Text)), ("roles", Texts), ("created_at", Time));

    private static OpenApiSchema Session => Object(
        ("sid", Text), ("client_id", Text), ("created_at", Time), ("last_seen_at", Time), ("expires_at", Time), ("ip", OrNull(Text)), ("user_agent", OrNull(Text)), ("current", Flag));

    public static IEnumerable<ApiOperation> All =>
    [
        Token("/api/token", "Signs in. A user with a second factor gets 401 mfa_required and a ticket.", Object(("username", Text), ("password", Text)), Pair, SignInRefusal, [.. Problems.Of(429)]),
        Token("/api/token/mfa", "The second step of a sign-in: the ticket, and a code of the authenticator or a recovery code.", Object(("ticket", Text), ("code", Text)), Pair, Refusal, [.. Problems.Of(429)]),
        Token("/api/token/refresh", "Gives the next pair of tokens; roles and claims are read afresh.", Object(("refresh", Text)), Pair, Refusal, [.. Problems.Of(429)]),
        Token("/api/token/verify", "Answers 200 only for a token that a gateway would accept now, or a live refresh token.", Object(("token", Text)), Empty, Refusal),
        Token("/api/token/blacklist", "Ends the session of a refresh token.", Object(("refresh", Text)), Empty, Refusal),
        new("POST", "/api/logout", "Ends this session.", Own) { Bearer = true, Answers = [new(200, AdminOperations.Receipt), .. Problems.Of(401, 403, 503)] },
        new("GET", "/api/sessions", "The user's live sessions.", Own) { Bearer = true, Answers = [new(200, Schemas.List(Session)), .. Problems.Of(401, 403, 503)] },
        new("DELETE", "/api/sessions", "Ends all of the user's sessions.", Own)
        {
            Bearer = true,
            Query = new Dictionary<string, string> { ["except"] = "current: all but this one." },
            Answers = [new(200, AdminOperations.Receipt), .. Problems.Of(400, 401, 403, 404, 503)],
        },
        new("DELETE", "/api/sessions/{sid}", "Ends one of the user's sessions.", Own) { Bearer = true, Answers = [new(200, AdminOperations.Receipt), .. Problems.Of(401, 403, 404, 503)] },
        new("POST", "/api/users", "Registers, where registration is on.", Own)
        {
            Body = Object(("username", Text), ("password", Text), ("email?", OrNull(Text))),
            Answers = [new(201, Profile), .. Problems.Of(400, 403, 409, 413, 415, 429, 503)],
        },
        new("GET", "/api/users/me", "The user's own profile.", Own) { Bearer = true, Answers = [new(200, Profile), .. Problems.Of(401, 403, 503)] },
        new("POST", "/api/users/me/password", "Sets another password and ends every other session.", Own)
        {
            Bearer = true,
            Body = Object(("current_password", Text), ("new_password", Text)),
            Answers = [new(200, AdminOperations.Receipt), .. Problems.Of(400, 401, 403, 413, 415, 429, 503)],
        },
        new("GET", SecondFactor, "Whether the user has a second factor, and how many recovery codes are left.", Own)
        {
            Bearer = true,
            Answers = [new(200, Object(("enabled", Flag), ("recovery_codes_left", Number))), .. Problems.Of(401, 403, 503)],
        },
        Factor(SecondFactor, "Makes a secret for an authenticator; it counts once it is confirmed.", Object(("password", Text)), new(200, Object(("secret", Text), ("otpauth_uri", Text)))),
        Factor(SecondFactor + "/confirm", "Turns the second factor on with a first code. This answer alone has the recovery codes.", Object(("code", Text)), new(200, RecoveryCodes)),
        Factor(SecondFactor + "/disable", "Turns the second factor off.", Object(("password", Text), ("code", Text)), new(204, null)),
        Factor(SecondFactor + "/recovery-codes", "Makes other recovery codes; the old ones are void.", Object(("password", Text), ("code", Text)), new(200, RecoveryCodes)),
    ];

    private static ApiOperation Factor(string path, string summary, OpenApiSchema body, ApiAnswer answer) => new("POST", path, summary, Own)
    {
        Bearer = true,
        Body = body,
        Answers = [answer, .. Problems.Of(400, 401, 403, 409, 413, 415, 429, 503)],
    };

    private static ApiOperation Token(string path, string summary, OpenApiSchema body, OpenApiSchema answer, OpenApiSchema refusal, params ApiAnswer[] more) => new("POST", path, summary, SignIn)
    {
        Body = body,
        BodyTypes = JsonOrForm,
        Answers = [new(200, answer), new(400, FieldFaults), new(401, refusal), new(413, Detail), new(415, Detail), .. more, .. Problems.Of(503)],
    };
}
