using AuthService.Users;
using AuthService.Users.Names;

namespace AuthService.Tests.Users;

public sealed class UserNamesTests
{
    [Theory]
    [InlineData("alice")]
    [InlineData("a+b_c.d-e@example.com")]
    [InlineData("Jürgen")]
    [InlineData("Nguyễn")]
    [InlineData("Ольга.2")]
    [InlineData("Νίκος")]
    [InlineData("李雷")]
    [InlineData("たなかタロウ")]
    [InlineData("田中tanaka")]
    [InlineData("김철수kim")]
    [InlineData("محمد")]
    [InlineData("דוד")]
    [InlineData("สมชาย")]
    [InlineData("12345")]
    [InlineData("ａｌｉｃｅ")] // full width: alice
    public void Name_of_one_script_or_of_scripts_written_together_is_taken(string name) => Assert.Null(UserNames.Fault(name));

    [Theory]
    [InlineData("pаypal")] // Cyrillic а
    [InlineData("αlice")] // Greek alpha
    [InlineData("Олga")]
    [InlineData("ΝікоѕΑ")] // Greek and Cyrillic
    [InlineData("김タロウ")]
    public void Name_of_scripts_that_are_not_written_together_is_refused(string name) => Assert.Equal(UserNames.ScriptRule, UserNames.Fault(name));

    [Theory]
    [InlineData("")]
    [InlineData("has space")]
    [InlineData("e\u0301")] // combining
    [InlineData("ﬁsh")] // ligature
    [InlineData("x²")]
    [InlineData("\u212Aelvin")] // Kelvin sign
    [InlineData("𝐚lice")] // mathematical
    [InlineData("ɑlice")] // phonetic
    [InlineData("ᏣᎳᎩ")] // a script that looks like Latin and that few people write
    [InlineData("a\u200Db")]
    [InlineData("a\u202Eb")]
    [InlineData("<half>")]
    public void What_is_no_letter_is_refused(string name) =>
        Assert.Equal(UserNames.Rule, UserNames.Fault(name.Replace("<half>", "\ud800", StringComparison.Ordinal)));

    [Theory]
    [InlineData("Alice", "ALICE")]
    [InlineData("ａｌｉｃｅ", "alice")]
    [InlineData("ΝΊΚΟΣ", "νίκος")]
    [InlineData("ОЛЬГА", "ольга")]
    public void Spellings_of_one_name_are_one_name(string one, string other) => Assert.Equal(UserNames.Normalize(one), UserNames.Normalize(other));

    [Theory]
    [InlineData("раура", "paypa")] // Cyrillic all
    [InlineData("сосо", "coco")]
    [InlineData("ΑΒΕΗ", "abeh")] // Greek all
    [InlineData("ΟΡΟΡ", "ОРОР")] // Greek, Cyrillic
    [InlineData("paypaI", "paypal")]
    [InlineData("b0b", "bob")]
    [InlineData("a1ice", "alice")]
    [InlineData("rnark", "mark")]
    [InlineData("カ", "力")]
    public void Names_that_look_alike_have_one_skeleton(string one, string other) => Assert.Equal(NameSkeleton.Of(one), NameSkeleton.Of(other));

    [Theory]
    [InlineData("alice", "alica")]
    [InlineData("jürgen", "jurgen")]
    [InlineData("user1", "user2")]
    [InlineData("van", "nav")]
    [InlineData("ольга", "olga")]
    public void Names_that_do_not_look_alike_have_two(string one, string other) => Assert.NotEqual(NameSkeleton.Of(one), NameSkeleton.Of(other));

    [Fact]
    public void Table_of_letters_is_in_order_and_knows_the_scripts_in_everyday_use()
    {
        Assert.Equal("LATIN", NameLetters.ScriptOf(new('z')));
        Assert.Equal("HAN", NameLetters.ScriptOf(new(0x9FFF)));
        Assert.Equal(NameLetters.Common, NameLetters.ScriptOf(new('0')));
        Assert.Null(NameLetters.ScriptOf(new('!')));
        Assert.Null(NameLetters.ScriptOf(new(0x10FFFF)));
    }

    [Fact]
    public void Common_passwords_are_known_in_any_case()
    {
        Assert.True(CommonPasswords.Count > 1000);
        Assert.True(CommonPasswords.Contains("Password123"));
        Assert.True(CommonPasswords.Contains("QWERTYUIOP"));
        Assert.True(CommonPasswords.Contains("iloveyou1"));
        Assert.False(CommonPasswords.Contains("alice-password-1"));
    }
}
