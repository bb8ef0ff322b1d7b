using System.Globalization;
using AuthService.OAuth.Clients;
using AuthService.OAuth.Grants;
using AuthService.Users;

namespace AuthService.OAuth.Authorization;

/// <summary>What became of the parameters of an authorization request.</summary>
internal abstract record AuthorizationReading
{
    private AuthorizationReading()
    {
    }

    /// <summary>It is right in itself.</summary>
    internal sealed record Valid(AuthorizationRequest Request, Client Client) : AuthorizationReading;

    /// <summary>The client is told, at an address that is registered.</summary>
    internal sealed record Refused(string RedirectUri, string? State, AuthorizationError Error) : AuthorizationReading;

    /// <summary>Nobody knows where an answer could go: only the person is told (RFC 6749 section 4.1.2.1).</summary>
    internal sealed record NoAddress(string Detail) : AuthorizationReading;
}

/// <summary>
/// Reads authorization requests (RFC 6749 section 4.1.1, RFC 7636, OpenID Connect Core section 3.1.2.1). First client and
/// redirect URI: until both are sure, nothing is sent anywhere. Every parameter stands there at most once and is bounded.
/// </summary>
internal sealed class AuthorizationRequestReader(ClientReader clients, IdTokens idTokens, IHostEnvironment environment)
{
    private const int MaxLength = 2048;

    /// <summary>The values of <c>prompt</c>.</summary>
    public static readonly string[] Prompts = ["none", "login", "consent"];

    /// <summary>Parameters that would change what is asked for, and are not supported: ignored they would be misunderstood
    /// (OpenID Connect Core sections 6.1, 6.2, 7.2.1).</summary>
    private static readonly (string Name, string Error)[] Unsupported =
        [("request", "request_not_supported"), ("request_uri", "request_uri_not_supported"), ("registration", "registration_not_supported")];

    private static readonly string[] Bounded =
        ["response_type", "response_mode", "scope", "state", "nonce", "code_challenge", "code_challenge_method", "prompt", "max_age", "login_hint"];

    public async Task<AuthorizationReading> ReadAsync(FormParameters form, CancellationToken cancellationToken)
    {
        if (form.Repeated.Contains("client_id") || form.Repeated.Contains("redirect_uri")) return new AuthorizationReading.NoAddress("The request names more than one client or address.");
        if (form["client_id"] is not { } clientId) return new AuthorizationReading.NoAddress("The request names no client.");
        if ((await clients.ReadAsync([clientId], cancellationToken)).SingleOrDefault() is not { Client: { Disabled: false } client })
            return new AuthorizationReading.NoAddress("The client is not known, or is disabled.");
        // Without it there would be a choice to make; OpenID Connect requires it (RFC 9700 section 2.1: exact match).
        if (form["redirect_uri"] is not { } redirectUri || !RedirectUris.IsRegistered(client.RedirectUris, redirectUri))
            return new AuthorizationReading.NoAddress("The address to go back to is not registered for the client.");

        var state = form.Repeated.Contains("state") || form["state"] is not { Length: <= MaxLength } given ? null : given;
        return Check(form, client, redirectUri, state, out var request) is { } error
            ? new AuthorizationReading.Refused(redirectUri, state, error)
            : new AuthorizationReading.Valid(request!, client);
    }

    private AuthorizationError? Check(FormParameters form, Client client, string redirectUri, string? state, out AuthorizationRequest? request)
    {
        request = null;
        if (form.Repeated.Count > 0) return AuthorizationError.InvalidRequest("A parameter stands there more than once.");
        if (Array.Find(Bounded, name => form[name] is { Length: > MaxLength }) is { } tooLong) return AuthorizationError.InvalidRequest($"{tooLong} is too long.");
        foreach (var (name, error) in Unsupported)
        {
            if (form[name] is not null) return new AuthorizationError(error, $"{name} is not supported.");
        }

        if (form["response_type"] is not { } responseType) return AuthorizationError.InvalidRequest("response_type is missing.");
        if (responseType != "code") return new AuthorizationError("unsupported_response_type", "Only the response type code is supported.");
        if (form["response_mode"] is not (null or "query")) return AuthorizationError.InvalidRequest("Only the response mode query is supported.");
        if (!client.GrantTypes.Contains(GrantTypes.AuthorizationCode)) return new AuthorizationError("unauthorized_client", "The client may not use authorization codes.");
        // RFC 9700 section 2.1.1. Without a method the challenge would be the plain verifier (RFC 7636 section 4.3).
        if (form["code_challenge"] is not { } challenge) return AuthorizationError.InvalidRequest("code_challenge is required.");
        if (form["code_challenge_method"] != Pkce.Method) return AuthorizationError.InvalidRequest("code_challenge_method must be S256.");
        if (!Pkce.IsChallenge(challenge)) return AuthorizationError.InvalidRequest("code_challenge must be a SHA-256 in base64url.");
        if (ScopesOf(form["scope"], client) is not { } scope) return new AuthorizationError("invalid_scope", "A scope is unknown, malformed, or not one of the client's.");
        if (PromptsOf(form["prompt"]) is not { } prompts) return AuthorizationError.InvalidRequest("prompt must be none, or login and consent.");
        if (!TryReadMaxAge(form["max_age"], out var maxAge)) return AuthorizationError.InvalidRequest("max_age must be a number of seconds.");
        var interactive = !prompts.Contains("none");
        // Which of the machine's programs gets the answer is not sure: RFC 8252 section 8.6.
        if (!interactive && RedirectUris.IsLoopback(redirectUri) && !environment.IsDevelopment())
            return AuthorizationError.InteractionRequired("prompt=none is not answered at a loopback address.");
        IdTokenHint? hint = null;
        if (form["id_token_hint"] is { } hintText && ((hint = idTokens.ReadHint(hintText)) is null || hint.ClientId != client.ClientId))
            return AuthorizationError.InvalidRequest("id_token_hint is not an ID token of this client.");

        request = new AuthorizationRequest(
            client.ClientId, redirectUri, scope, state, form["nonce"], challenge, interactive, prompts.Contains("login") || maxAge == 0, prompts.Contains("consent"), maxAge,
            form["login_hint"], hint?.Subject);
        return null;
    }

    /// <summary>What is asked for; all that the client may have, but no refresh tokens, if nothing is.</summary>
    private static string? ScopesOf(string? asked, Client client) => asked is null
        ? Scopes.Join(client.Scopes.Where(scope => scope != Scopes.OfflineAccess))
        : Scopes.Select(asked, client.Scopes) is { } scopes ? Scopes.Join(scopes) : null;

    /// <summary>OpenID Connect Core section 3.1.2.1; null for what is none of it.</summary>
    private static string[]? PromptsOf(string? text)
    {
        var prompts = text?.Split(' ') ?? [];
        return Array.TrueForAll(prompts, Prompts.Contains) && (prompts.Length < 2 || !prompts.Contains("none")) ? prompts : null;
    }

    private static bool TryReadMaxAge(string? text, out long? seconds)
    {
        seconds = null;
        if (text is null) return true;
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return false;
        seconds = number;
        return true;
    }
}
