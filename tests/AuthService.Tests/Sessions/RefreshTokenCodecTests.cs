using System.Buffers.Text;
using System.Security.Cryptography;
using AuthService.Sessions;

namespace AuthService.Tests.Sessions;

public sealed class RefreshTokenCodecTests
{
    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    private static readonly MacKey First = new(1, RandomNumberGenerator.GetBytes(MacKey.SecretLength));
    private static readonly MacKey Second = new(2, RandomNumberGenerator.GetBytes(MacKey.SecretLength));
    private static readonly MacKeySet Keys = new(Second, [First, Second]);
    private static readonly RefreshToken Token = new("00112233445566778899aabbccddeeff", Guid.NewGuid(), "api", 7, 1_800_000_000_000);

    [Theory]
    [InlineData("a")]
    [InlineData("api")]
    [InlineData("клиент")]
    [InlineData("a client with blanks and \0 too")]
    public void Read_of_a_written_token_gives_it_back(string clientId)
    {
        var token = Token with { ClientId = clientId };

        Assert.Equal(RefreshTokenReading.Genuine, RefreshTokenCodec.Read(RefreshTokenCodec.Write(token, Keys.Signing), Keys, out var read));

        Assert.Equal(token, read);
    }

    [Fact]
    public void Write_of_the_longest_client_id_fits_and_a_longer_one_is_refused()
    {
        var longest = Token with { ClientId = new string('x', RefreshTokenCodec.MaxClientIdBytes) };
        var text = RefreshTokenCodec.Write(longest, First);

        Assert.Equal(RefreshTokenCodec.MaxLength, text.Length);
        Assert.Equal(RefreshTokenReading.Genuine, RefreshTokenCodec.Read(text, Keys, out _));
        Assert.Throws<ArgumentException>(() => RefreshTokenCodec.Write(Token with { ClientId = longest.ClientId + "x" }, First));
    }

    [Fact]
    public void Write_of_the_same_generation_makes_the_same_text()
    {
        Assert.Equal(RefreshTokenCodec.Write(Token, First), RefreshTokenCodec.Write(Token with { }, First));
        Assert.NotEqual(RefreshTokenCodec.Write(Token, First), RefreshTokenCodec.Write(Token with { Generation = 8 }, First));
    }

    [Fact]
    public void Read_refuses_every_change_of_a_single_character()
    {
        var text = RefreshTokenCodec.Write(Token, First);
        var tried = 0;
        for (var at = 0; at < text.Length; at++)
        {
            foreach (var character in Alphabet + "=+/ .\n\0é")
            {
                if (character == text[at]) continue;
                var changed = text[..at] + character + text[(at + 1)..];
                Assert.NotEqual(RefreshTokenReading.Genuine, RefreshTokenCodec.Read(changed, Keys, out var read));
                Assert.Null(read);
                tried++;
            }
        }

        Assert.True(tried > 5000);
    }

    [Fact]
    public void Read_refuses_every_flip_of_a_bit_whichever_key_it_then_names()
    {
        var bytes = Base64Url.DecodeFromChars(RefreshTokenCodec.Write(Token, First).AsSpan(RefreshTokenCodec.Prefix.Length));
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            var reading = RefreshTokenCodec.Read(RefreshTokenCodec.Prefix + Base64Url.EncodeToString(bytes), Keys, out _);
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));

            // Bytes 1 to 4 name the key: flipped, most name none.
            Assert.True(reading == RefreshTokenReading.Refused || (reading == RefreshTokenReading.UnknownKey && bit / 8 is >= 1 and <= 4), $"bit {bit}");
        }
    }

    [Fact]
    public void Read_refuses_every_truncation_and_every_extension()
    {
        var text = RefreshTokenCodec.Write(Token, First);
        for (var length = 0; length < text.Length; length++)
        {
            Assert.Equal(RefreshTokenReading.Refused, RefreshTokenCodec.Read(text[..length], Keys, out _));
            Assert.Equal(RefreshTokenReading.Refused, RefreshTokenCodec.Read(text[(length + 1)..], Keys, out _));
        }

        foreach (var more in (string[])["=", "==", "A", "AA", "AAA", "AAAA", " ", "\n", "." + text, text])
        {
            Assert.Equal(RefreshTokenReading.Refused, RefreshTokenCodec.Read(text + more, Keys, out _));
            Assert.Equal(RefreshTokenReading.Refused, RefreshTokenCodec.Read(more + text, Keys, out _));
        }
    }

    [Fact]
    public void Read_refuses_parts_of_two_genuine_tokens_put_together()
    {
        var one = RefreshTokenCodec.Write(Token, First);
        var other = RefreshTokenCodec.Write(new RefreshToken("ffeeddccbbaa99887766554433221100", Guid.NewGuid(), "xyz", 9, 1_900_000_000_000), First);
        Assert.Equal(one.Length, other.Length);

        // Where both agree (prefix, version, key id, at times the last character) a cut gives a whole token.
        var mixed = Enumerable.Range(0, one.Length).Select(cut => one[..cut] + other[cut..]).Where(text => text != one && text != other).ToList();
        Assert.True(mixed.Count > one.Length / 2);
        Assert.All(mixed, text => Assert.Equal(RefreshTokenReading.Refused, RefreshTokenCodec.Read(text, Keys, out _)));
    }

    [Fact]
    public void Read_refuses_a_byte_moved_between_fields_under_the_same_mac()
    {
        var bytes = Base64Url.DecodeFromChars(RefreshTokenCodec.Write(Token with { ClientId = "ab" }, First).AsSpan(RefreshTokenCodec.Prefix.Length));
        const int clientLengthAt = 1 + 4 + 16 + 16 + 8 + 8;
        Assert.Equal(2, bytes[clientLengthAt]);
        foreach (var length in (byte[])[0, 1, 3, 34, 255])
        {
            bytes[clientLengthAt] = length;
            Assert.Equal(RefreshTokenReading.Refused, RefreshTokenCodec.Read(RefreshTokenCodec.Prefix + Base64Url.EncodeToString(bytes), Keys, out _));
        }
    }

    [Fact]
    public void Read_refuses_other_texts_for_the_same_bytes()
    {
        // 93 bytes end in a full group, 94 and 95 leave stray bits in the last character.
        var tried = 0;
        foreach (var clientId in (string[])["api", "api1", "api12"])
        {
            var text = RefreshTokenCodec.Write(Token with { ClientId = clientId }, First);
            var bytes = Base64Url.DecodeFromChars(text.AsSpan(RefreshTokenCodec.Prefix.Length));
            foreach (var last in Alphabet)
            {
                var twin = text[..^1] + last;
                if (twin == text || !Lenient(twin).SequenceEqual(bytes)) continue;
                tried++;
                Assert.Equal(RefreshTokenReading.Refused, RefreshTokenCodec.Read(twin, Keys, out _));
            }

            Assert.Equal(RefreshTokenReading.Refused, RefreshTokenCodec.Read(text.Insert(20, "\n"), Keys, out _));
        }

        Assert.True(tried > 0);
    }

    /// <summary>Decodes as forgivingly as the platform can.</summary>
    private static byte[] Lenient(string text)
    {
        var base64 = text[RefreshTokenCodec.Prefix.Length..].Replace('-', '+').Replace('_', '/');
        return Convert.FromBase64String(base64 + new string('=', (4 - (base64.Length % 4)) % 4));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("gwr_")]
    [InlineData("GWR_AQ")]
    [InlineData("gwr_====")]
    [InlineData("eyJhbGciOiJub25lIn0.e30.")]
    public void Read_refuses_what_is_no_token_at_all(string? text) =>
        Assert.Equal(RefreshTokenReading.Refused, RefreshTokenCodec.Read(text, Keys, out _));

    [Fact]
    public void Read_refuses_megabytes_without_working_on_them()
    {
        var huge = RefreshTokenCodec.Prefix + new string('A', 8 * 1024 * 1024);
        var before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Equal(RefreshTokenReading.Refused, RefreshTokenCodec.Read(huge, Keys, out _));

        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 4096);
    }

    [Fact]
    public void Read_of_a_token_under_another_secret_of_the_same_id_is_refused()
    {
        var forged = RefreshTokenCodec.Write(Token, new MacKey(1, RandomNumberGenerator.GetBytes(MacKey.SecretLength)));
        var unknown = RefreshTokenCodec.Write(Token, new MacKey(3, RandomNumberGenerator.GetBytes(MacKey.SecretLength)));

        Assert.Equal(RefreshTokenReading.Refused, RefreshTokenCodec.Read(forged, Keys, out _));
        Assert.Equal(RefreshTokenReading.UnknownKey, RefreshTokenCodec.Read(unknown, Keys, out _));
    }
}
