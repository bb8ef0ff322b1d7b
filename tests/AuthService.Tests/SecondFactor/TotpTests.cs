using System.Text;
using AuthService.SecondFactor;

namespace AuthService.Tests.SecondFactor;

public sealed class TotpTests
{
    private static readonly byte[] Secret = Encoding.ASCII.GetBytes("12345678901234567890");

    // RFC 6238 appendix B, the last six of its eight digits.
    [Theory]
    [InlineData(59, "287082")]
    [InlineData(1111111109, "081804")]
    [InlineData(1111111111, "050471")]
    [InlineData(1234567890, "005924")]
    [InlineData(2000000000, "279037")]
    [InlineData(20000000000, "353130")]
    public void Code_is_that_of_the_standard(long seconds, string code) => Assert.Equal(code, Totp.Code(Secret, seconds / 30));

    [Theory]
    [InlineData(-2, false)]
    [InlineData(-1, true)]
    [InlineData(0, true)]
    [InlineData(1, true)]
    [InlineData(2, false)]
    public void Code_of_a_step_beside_the_present_one_is_taken(int offset, bool taken)
    {
        var now = DateTimeOffset.FromUnixTimeSeconds(1_800_000_015);
        var step = (now.ToUnixTimeSeconds() / 30) + offset;
        Assert.Equal(taken ? step : null, Totp.FindStep(Secret, Totp.Code(Secret, step), now, lastStep: 0));
    }

    [Fact]
    public void Code_of_a_step_that_was_used_or_passed_over_is_refused()
    {
        var now = DateTimeOffset.FromUnixTimeSeconds(1_800_000_015);
        var step = now.ToUnixTimeSeconds() / 30;
        Assert.Null(Totp.FindStep(Secret, Totp.Code(Secret, step), now, lastStep: step));
        Assert.Null(Totp.FindStep(Secret, Totp.Code(Secret, step - 1), now, lastStep: step));
        Assert.Equal(step + 1, Totp.FindStep(Secret, Totp.Code(Secret, step + 1), now, lastStep: step));
    }

    [Theory]
    [InlineData("")]
    [InlineData("12345")]
    [InlineData("1234567")]
    [InlineData("12345x")]
    [InlineData("１２３４５６")]
    public void What_is_no_code_is_refused(string code) => Assert.Null(Totp.FindStep(Secret, code, DateTimeOffset.FromUnixTimeSeconds(59), 0));

    [Fact]
    public void Secret_is_base32_and_the_address_holds_everything()
    {
        Assert.Equal("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", Totp.Text(Secret));
        Assert.Equal(["", "MY", "MZXQ", "MZXW6", "MZXW6YQ", "MZXW6YTB", "MZXW6YTBOI"], ((string[])["", "f", "fo", "foo", "foob", "fooba", "foobar"]).Select(text => Totp.Text(Encoding.ASCII.GetBytes(text))));
        Assert.Equal(
            "otpauth://totp/login.example.com:J%C3%BCrgen%2B1?secret=MZXQ&issuer=login.example.com&algorithm=SHA1&digits=6&period=30",
            Totp.Uri("login.example.com", "Jürgen+1", "MZXQ"));
    }

    [Fact]
    public void Recovery_codes_are_ten_and_read_however_they_are_written()
    {
        var codes = RecoveryCodes.New();
        Assert.Equal(10, codes.Distinct().Count());
        Assert.All(codes, code => Assert.Matches("^[a-z2-7]{4}(-[a-z2-7]{4}){3}$", code));
        Assert.Equal(RecoveryCodes.Hash(codes[0]), RecoveryCodes.Hash(codes[0].Replace("-", " ", StringComparison.Ordinal).ToUpperInvariant()));
        Assert.Null(RecoveryCodes.Hash("123456"));
        Assert.Null(RecoveryCodes.Hash(codes[0] + "a"));
        Assert.Null(RecoveryCodes.Hash(new string('a', 10_000)));
    }
}
