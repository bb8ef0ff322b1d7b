using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Unicode;

namespace Gateway.Authentication;

/// <summary>
/// Reads a compact JWS (RFC 7515 section 3.1) whose header and payload have exactly one meaning, and nothing else. It
/// stands before any key and any signature, so that whatever two parsers could read in two ways never gets there.
/// </summary>
internal static class StrictTokenReader
{
    /// <summary>The longest token, in characters: 8 KiB.</summary>
    public const int MaxLength = 8 * 1024;

    private const int MaxDepth = 16;
    private const int MaxKnownHeader = 512;

    private static readonly KnownHeader?[] KnownHeaders = new KnownHeader?[64];

    private static readonly SearchValues<char> Base64UrlAlphabet =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    private static readonly JsonDocumentOptions OneMeaning = new() { AllowDuplicateProperties = false, MaxDepth = MaxDepth };

    /// <summary>Reads the token, or says false for one that must be refused as malformed.</summary>
    public static bool TryRead(ReadOnlySpan<char> token, [NotNullWhen(true)] out UnverifiedToken? result)
    {
        result = null;
        if (token.Length > MaxLength) return false;

        // Three parts: a JWE (RFC 7516) has five, an unsecured JWS (RFC 7515 appendix A.5) an empty third one.
        var first = token.IndexOf('.');
        if (first < 0) return false;
        var second = token[(first + 1)..].IndexOf('.') + first + 1;
        if (second == first) return false;
        if (token[(second + 1)..].Contains('.')) return false;

        Span<byte> buffer = stackalloc byte[Base64Url.GetMaxDecodedLength(token.Length)];
        if (!TryReadHeader(token[..first], buffer, out var header)) return false;
        if (!TryDecode(token[(first + 1)..second], buffer, out var length) || !TryReadPayload(buffer[..length], out var payload)) return false;
        if (!TryDecode(token[(second + 1)..], buffer, out length)) return false;
        if (!TokenClaims.TryRead(payload, out var claims)) return false;

        result = new UnverifiedToken(header, payload, claims, SignedLength: second, Signature: buffer[..length].ToArray());
        return true;
    }

    /// <summary>All tokens of a key have the same header: what a text means is remembered, and never changes.</summary>
    private static bool TryReadHeader(ReadOnlySpan<char> text, Span<byte> buffer, out TokenHeader header)
    {
        ref var place = ref KnownHeaders[(uint)string.GetHashCode(text, StringComparison.Ordinal) % KnownHeaders.Length];
        if (Volatile.Read(ref place) is { } known && text.SequenceEqual(known.Text))
        {
            header = known.Header;
            return true;
        }

        header = default;
        if (!TryDecode(text, buffer, out var length) || !TryReadHeader(buffer[..length], out header)) return false;
        if (text.Length <= MaxKnownHeader) Volatile.Write(ref place, new KnownHeader(text.ToString(), header));
        return true;
    }

    /// <summary>
    /// Canonical base64url without padding (RFC 7515 section 2): not empty, only the alphabet, and the bits of the last
    /// character that carry no data are zero, so that one token has one spelling.
    /// </summary>
    private static bool TryDecode(ReadOnlySpan<char> text, Span<byte> bytes, out int length)
    {
        length = 0;
        if (text.IsEmpty || text.Length % 4 == 1 || text.ContainsAnyExcept(Base64UrlAlphabet)) return false;
        var status = Base64Url.DecodeFromChars(text, bytes, out _, out length);
        if (status != OperationStatus.Done || length == 0) return false;

        var unused = (text.Length % 4) switch { 2 => 0b1111, 3 => 0b11, _ => 0 };
        return (Value(text[^1]) & unused) == 0;
    }

    private static int Value(char c) => c switch
    {
        >= 'A' and <= 'Z' => c - 'A',
        >= 'a' and <= 'z' => c - 'a' + 26,
        >= '0' and <= '9' => c - '0' + 52,
        '-' => 62,
        _ => 63,
    };

    /// <summary>
    /// Exactly one object with no member but these, each once and a string. So there is no <c>crit</c>, <c>b64</c>,
    /// <c>zip</c> or <c>enc</c> to misunderstand, and no <c>jwk</c>, <c>jku</c> or <c>x5u</c> by which a token could bring
    /// its own key.
    /// </summary>
    private static bool TryReadHeader(ReadOnlySpan<byte> json, out TokenHeader header)
    {
        header = default;
        if (!Utf8.IsValid(json)) return false;
        string? alg = null, kid = null, typ = null;
        var seen = 0;
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 1 });
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return false;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                // ValueTextEquals compares what a name means, however it is escaped.
                var member = reader.ValueTextEquals("alg"u8) ? 1
                    : reader.ValueTextEquals("kid"u8) ? 2
                    : reader.ValueTextEquals("typ"u8) ? 4
                    : reader.ValueTextEquals("cty"u8) ? 8
                    : reader.ValueTextEquals("x5t"u8) ? 16
                    : reader.ValueTextEquals("x5t#S256"u8) ? 32
                    : 0;
                if (member == 0 || (seen & member) != 0) return false;
                seen |= member;
                if (!reader.Read() || reader.TokenType != JsonTokenType.String) return false;
                var value = reader.GetString();
                if (member == 1) alg = value;
                else if (member == 2) kid = value;
                else if (member == 4) typ = value;
            }

            // The object has ended, and nothing but white space follows.
            if (reader.TokenType != JsonTokenType.EndObject || reader.Read()) return false;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // Not JSON; or a string with half a surrogate pair.
            return false;
        }

        if (string.IsNullOrEmpty(alg) || IsNeverAccepted(alg)) return false;
        header = new TokenHeader(alg, kid, typ);
        return true;
    }

    /// <summary>No signature, or one that whoever verifies could make (RFC 8725 sections 2.1 and 3.1), in any spelling.</summary>
    private static bool IsNeverAccepted(string alg) =>
        alg.Equals("none", StringComparison.OrdinalIgnoreCase) || alg.StartsWith("HS", StringComparison.OrdinalIgnoreCase);

    private static bool TryReadPayload(ReadOnlySpan<byte> json, out JsonElement payload)
    {
        payload = default;
        if (!Utf8.IsValid(json)) return false;
        try
        {
            payload = JsonElement.Parse(json, OneMeaning);
            return payload.ValueKind == JsonValueKind.Object && (!json.Contains((byte)'\\') || HasWholeStrings(json));
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>An escape may spell half a surrogate pair; such a string has no value, and reading it later would fail.</summary>
    private static bool HasWholeStrings(ReadOnlySpan<byte> json)
    {
        Span<char> scratch = stackalloc char[json.Length];
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MaxDepth });
        while (reader.Read())
        {
            if (reader.ValueIsEscaped) reader.CopyString(scratch);
        }

        return true;
    }

    /// <summary>A header as it stands in tokens, and what it means. Where two meet, the later one takes the place.</summary>
    private sealed record KnownHeader(string Text, TokenHeader Header);
}

/// <summary>The members of the header that decide anything.</summary>
internal readonly record struct TokenHeader(string Algorithm, string? Kid, string? Type);

/// <summary>A well-formed token about which nothing is known to be true yet.</summary>
/// <param name="Header">Header.</param>
/// <param name="Payload">The whole payload.</param>
/// <param name="Claims">The claims that decide.</param>
/// <param name="SignedLength">How many characters of the token the signature covers.</param>
/// <param name="Signature">The decoded signature.</param>
internal sealed record UnverifiedToken(TokenHeader Header, JsonElement Payload, TokenClaims Claims, int SignedLength, byte[] Signature);
