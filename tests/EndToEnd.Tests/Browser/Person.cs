using System.Buffers.Binary;
using System.Security.Cryptography;
using Microsoft.Playwright;
using Testing;

namespace EndToEnd.Tests.Browser;

/// <summary>A user of a test's own, and what people do at the pages.</summary>
internal sealed record Person(string UserName, string Password)
{
    /// <summary>Registers somebody nobody else knows.</summary>
    public static async Task<Person> RegisterAsync(Stack stack)
    {
        var person = new Person($"p{Guid.NewGuid():N}", "a password of their own");
        var answer = await stack.Client.PostAsync("/api/users", new { username = person.UserName, password = person.Password });
        Assert.Equal(201, answer.Status);
        return person;
    }

    /// <summary>Fills in the sign-in page it is at.</summary>
    public async Task SignInAsync(IPage page, string? password = null)
    {
        await page.GetByLabel("User name").FillAsync(UserName);
        await page.GetByLabel("Password").FillAsync(password ?? Password);
        await PressAsync(page, "Sign in");
    }

    public static Task PressAsync(IPage page, string button) => page.GetByRole(AriaRole.Button, new() { Name = button, Exact = true }).ClickAsync();

    public static async Task<string> HeadingAsync(IPage page) => await page.GetByRole(AriaRole.Heading, new() { Level = 1 }).InnerTextAsync();

    /// <summary>What an authenticator shows (RFC 6238).</summary>
    /// <param name="secret">Base32.</param>
    /// <param name="ahead">Steps of 30 s from now: each code is taken once, and the next one already.</param>
    public static string Code(string secret, int ahead = 0)
    {
        Span<byte> counter = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(counter, TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() / 30 + ahead);
#pragma warning disable CA5350 // RFC 6238.
        var hash = HMACSHA1.HashData(Base32(secret), counter.ToArray());
#pragma warning restore CA5350
        return ((BinaryPrimitives.ReadInt32BigEndian(hash.AsSpan(hash[^1] & 15)) & int.MaxValue) % 1_000_000).ToString("D6");
    }

    private static byte[] Base32(string text)
    {
        var (buffer, bits, bytes) = (0, 0, new List<byte>());
        foreach (var letter in text)
        {
            buffer = (buffer << 5) | "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".IndexOf(letter, StringComparison.Ordinal);
            if ((bits += 5) < 8) continue;
            bits -= 8;
            bytes.Add((byte)(buffer >> bits));
        }
        return [.. bytes];
    }
}
