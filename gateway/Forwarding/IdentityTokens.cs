using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Gateway.Authentication;
using Microsoft.Extensions.Options;

namespace Gateway.Forwarding;

/// <summary>A signed identity token.</summary>
/// <param name="Text">The JWT.</param>
/// <param name="RenewMs">From when another is signed, Unix ms.</param>
/// <param name="ExpiresMs">Until when backends take it, Unix ms.</param>
internal sealed record IdentityToken(string Text, long RenewMs, long ExpiresMs)
{
    private string? _bearer;

    /// <summary>The value of <c>Authorization</c>.</summary>
    public string Bearer => _bearer ??= $"Bearer {Text}";
}

/// <summary>
/// Says to one backend who calls: a JWT that only it accepts (<c>aud</c>), of the same claims as the identity headers. Signed
/// once for each access token and audience.
/// </summary>
internal sealed class IdentityTokens(IdentityKeySet keys, IOptions<IdentityOptions> options, IConfiguration configuration, TimeProvider time)
{
    /// <summary>Letters outside ASCII as they are: shorter, and nothing here is ever put into HTML.</summary>
    private static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly string _issuer = options.Value.Issuer ?? configuration["Gateway:Issuers:0:Issuer"] ?? "";
    private readonly long _lifetimeMs = (long)options.Value.TokenLifetime.TotalMilliseconds;

    /// <summary><c>aud</c> where no cluster says who the token is for.</summary>
    public string VerifyAudience { get; } = options.Value.VerifyAudience;

    /// <summary>The token of a caller for an audience; null while the gateway has no keys. A look into memory, but for the first.</summary>
    public IdentityToken? Find(AuthenticatedCaller caller, IdentityTokenCache cache, string audience)
    {
        var nowMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        var slot = cache.Slot(audience);
        return slot.Current is { } current && nowMs < current.RenewMs ? current : Renew(caller, slot, nowMs);
    }

    private IdentityToken? Renew(AuthenticatedCaller caller, IdentityTokenCache.AudienceSlot slot, long nowMs)
    {
        if (keys.Signer is not { } key) return null;
        // While the old one is good only one request signs, and the others go on with it.
        if (slot.Current is { } current && nowMs < current.ExpiresMs)
        {
            if (!slot.Renewing.TryEnter()) return current;
        }
        else
        {
            slot.Renewing.Enter();
        }

        try
        {
            return slot.Current is { } signed && nowMs < signed.RenewMs ? signed : slot.Current = Sign(caller, slot.Audience, key, nowMs);
        }
        finally
        {
            slot.Renewing.Exit();
        }
    }

    private IdentityToken Sign(AuthenticatedCaller caller, string audience, IdentityKey key, long nowMs)
    {
        var callerExpires = caller.ExpiresAt.ToUnixTimeSeconds();
        var issued = nowMs / 1000;
        var expires = Math.Min((nowMs + _lifetimeMs) / 1000, callerExpires);

        var payload = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(payload, Compact)) WriteClaims(json, caller, audience, issued, expires);

        var header = key.EncodedHeader;
        var signedLength = header.Length + 1 + Base64Url.GetEncodedLength(payload.WrittenCount);
        var length = signedLength + 1 + Base64Url.GetEncodedLength(IdentityKey.SignatureLength);
        var buffer = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            header.CopyTo(buffer, 0);
            buffer[header.Length] = (byte)'.';
            Base64Url.EncodeToUtf8(payload.WrittenSpan, buffer.AsSpan(header.Length + 1));
            Span<byte> signature = stackalloc byte[IdentityKey.SignatureLength];
            key.Sign(buffer.AsSpan(0, signedLength), signature);
            buffer[signedLength] = (byte)'.';
            Base64Url.EncodeToUtf8(signature, buffer.AsSpan(signedLength + 1));
            // A quarter of its life is left for its way when another takes over. One that ends with the access token cannot be
            // bettered by another.
            var renewMs = expires == callerExpires ? long.MaxValue : (expires * 1000) - (_lifetimeMs / 4);
            return new IdentityToken(Encoding.ASCII.GetString(buffer.AsSpan(0, length)), renewMs, expires * 1000);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void WriteClaims(Utf8JsonWriter json, AuthenticatedCaller caller, string audience, long issued, long expires)
    {
        json.WriteStartObject();
        json.WriteString("iss"u8, _issuer);
        json.WriteString("aud"u8, audience);
        json.WriteString("sub"u8, caller.Subject);
        if (caller.Name is { } name) json.WriteString("name"u8, name);
        if (caller.Roles.Count > 0)
        {
            json.WriteStartArray("roles"u8);
            foreach (var role in caller.Roles) json.WriteStringValue(role);
            json.WriteEndArray();
        }

        if (caller.Scopes.Count > 0) json.WriteString("scope"u8, string.Join(' ', caller.Scopes));
        if (caller.ClientId is { } clientId) json.WriteString("client_id"u8, clientId);
        if (caller.SessionId is { } sessionId) json.WriteString("sid"u8, sessionId);
        // RFC 8693 section 4.1. The actors of a foreign issuer are nobody's names here.
        if (!caller.IsForeign && caller.Claims.TryGetProperty("act"u8, out var actor) && actor.ValueKind == JsonValueKind.Object)
        {
            json.WritePropertyName("act"u8);
            actor.WriteTo(json);
        }

        if (!caller.IsForeign)
        {
            if (caller.Claims.TryGetProperty("auth_time"u8, out var authTime) && authTime.ValueKind == JsonValueKind.Number) json.WriteNumber("auth_time"u8, authTime.GetInt64());
            // By it the auth-service knows when the access token was issued, and whether it was revoked, when this is exchanged.
            if (caller.Claims.TryGetProperty("jti"u8, out var accessToken)) json.WriteString("access_jti"u8, accessToken.GetString());
        }

        json.WriteNumber("iat"u8, issued);
        json.WriteNumber("exp"u8, expires);
        json.WriteString("jti"u8, Guid.CreateVersion7(time.GetUtcNow()));
        json.WriteEndObject();
    }
}

/// <summary>The identity tokens of one access token. There are as many as clusters that it was used for: nearly always one.</summary>
internal sealed class IdentityTokenCache
{
    private AudienceSlot? _first;

    public AudienceSlot Slot(string audience)
    {
        while (true)
        {
            var first = Volatile.Read(ref _first);
            for (var slot = first; slot is not null; slot = slot.Next)
            {
                if (string.Equals(slot.Audience, audience, StringComparison.Ordinal)) return slot;
            }

            var added = new AudienceSlot(audience, first);
            if (ReferenceEquals(Interlocked.CompareExchange(ref _first, added, first), first)) return added;
        }
    }

    internal sealed class AudienceSlot(string audience, AudienceSlot? next)
    {
        private volatile IdentityToken? _current;

        public AudienceSlot? Next { get; } = next;

        public string Audience { get; } = audience;

        public Lock Renewing { get; } = new();

        public IdentityToken? Current
        {
            get => _current;
            set => _current = value;
        }
    }
}
