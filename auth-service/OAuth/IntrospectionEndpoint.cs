using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;
using AuthService.OAuth.Clients;
using AuthService.Sessions;
using AuthService.Tokens;
using Microsoft.Extensions.Options;
using RevocationProtocol;

namespace AuthService.OAuth;

/// <summary><c>POST /connect/introspect</c> (RFC 7662), for clients that are registered with the scope
/// <see cref="Scopes.Introspection"/>. A token is active if it would be accepted now; of any other nothing is said.</summary>
internal static class IntrospectionEndpoint
{
    public static IEndpointRouteBuilder MapIntrospectionEndpoint(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapPost(OAuthPaths.Introspection, AnswerAsync);
        return endpoints;
    }

    private static async Task AnswerAsync(HttpContext context)
    {
        var services = context.RequestServices;
        var (form, refusal) = await FormParameters.ReadAsync(context);
        if (form is not null) refusal = await CheckAsync(context, form);
        if (refusal is not null)
        {
            await OAuthAnswers.RefuseAsync(context, refusal);
            return;
        }

        var body = await services.GetRequiredService<Introspection>().DescribeAsync(form!["token"]!, context.RequestAborted);
        await TokenAnswers.WriteAsync(context, StatusCodes.Status200OK, body);
    }

    private static async Task<OAuthRefusal?> CheckAsync(HttpContext context, FormParameters form)
    {
        var (client, refusal) = await context.RequestServices.GetRequiredService<ClientAuthentication>().AuthenticateAsync(context, form);
        if (client is null) return refusal;
        // RFC 7662 section 4: or anybody could try out tokens here.
        if (!client.IsConfidential) return OAuthRefusal.InvalidClient("The client must authenticate.");
        if (!client.Client.Scopes.Contains(Scopes.Introspection)) return OAuthRefusal.UnauthorizedClient("The client may not introspect tokens.");
        return form["token"] is null ? OAuthRefusal.InvalidRequest("token is required.") : null;
    }
}

/// <summary>Says what a token is good for now.</summary>
internal sealed class Introspection(
    AccessTokenVerifier accessTokens, RefreshTokens refreshTokens, SessionTokens sessionTokens, SessionStore sessions, IOptions<AuthServiceOptions> options)
{
    private static readonly byte[] Inactive = """{"active":false}"""u8.ToArray();

    /// <returns>JSON (RFC 7662 section 2.2).</returns>
    /// <exception cref="RedisUnavailableException">It cannot be known now.</exception>
    public async Task<byte[]> DescribeAsync(string text, CancellationToken cancellationToken) => text.StartsWith(RefreshTokenCodec.Prefix, StringComparison.Ordinal)
        ? await DescribeRefreshTokenAsync(text, cancellationToken)
        : DescribeAccessToken(text);

    private byte[] DescribeAccessToken(string text)
    {
        var reading = accessTokens.Verify(text, anyAudience: true);
        if (reading.Refusal == AccessTokenReading.RevocationUnknown) throw new RedisUnavailableException("It is not known now whether the token is revoked.");
        if (reading.Token is null) return Inactive;
        using var claims = JsonDocument.Parse(Base64Url.DecodeFromChars(text.Split('.')[1]));
        return Write(json =>
        {
            json.WriteString("token_type", "Bearer");
            foreach (var claim in claims.RootElement.EnumerateObject().Where(claim => claim.Name is not ("token_type" or "active"))) claim.WriteTo(json);
        });
    }

    private async Task<byte[]> DescribeRefreshTokenAsync(string text, CancellationToken cancellationToken)
    {
        if (await refreshTokens.ReadAsync(text) is not { } token || !await sessionTokens.IsLiveAsync(text, cancellationToken)
            || await sessions.FindAsync(token.Sid, token.UserId, cancellationToken) is not { } session)
            return Inactive;
        return Write(json =>
        {
            json.WriteString("iss", options.Value.Issuer);
            json.WriteString("sub", token.UserId.ToString("D"));
            json.WriteString("client_id", token.ClientId);
            json.WriteNumber("exp", session.ExpiresAt.ToUnixTimeSeconds());
            json.WriteString("scope", session.Scope);
            json.WriteString("sid", token.Sid);
        });
    }

    private static byte[] Write(Action<Utf8JsonWriter> members)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteBoolean("active", true);
            members(json);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}
