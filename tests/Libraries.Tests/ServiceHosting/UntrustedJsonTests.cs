using System.Text;
using System.Text.Json;
using ServiceHosting;

namespace Libraries.Tests.ServiceHosting;

public sealed class UntrustedJsonTests
{
    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{} {}")]
    [InlineData("""{"a":1,"a":2}""")]
    [InlineData("""{"a":{"b":1,"\u0062":2}}""")]
    [InlineData("""{"\ud800":1}""")]
    [InlineData("""{"a\udfffb":1,"c":2}""")]
    [InlineData("""{"a":{"\ud800":1}}""")]
    [InlineData("{\"\u00ff\":1}")]
    [InlineData("""[[[[1]]]]""")]
    public async Task Json_that_has_no_one_meaning_is_refused(string latin1)
    {
        var body = Encoding.Latin1.GetBytes(latin1);
        Assert.ThrowsAny<JsonException>(() => UntrustedJson.Parse(body, maxDepth: 3));
        using var stream = new MemoryStream(body);
        await Assert.ThrowsAnyAsync<JsonException>(() => UntrustedJson.ParseAsync(stream, maxDepth: 3, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Text_that_is_not_unicode_is_found_wherever_it_is()
    {
        using var document = UntrustedJson.Parse(Encoding.Latin1.GetBytes("""{"good":"\ud83d\ude00","half":"\ud83d","list":[1,["\udc00"]],"object":{"a":"b","c":null},"bytes":"<ff>","names":{"<ff>":1}}""".Replace("<ff>", "\u00ff", StringComparison.Ordinal)), maxDepth: 4);
        var root = document.RootElement;

        Assert.Equal("\U0001F600", UntrustedJson.Text(root.GetProperty("good")));
        Assert.Null(UntrustedJson.Text(root.GetProperty("half")));
        Assert.Null(UntrustedJson.Text(root.GetProperty("bytes")));
        Assert.Null(UntrustedJson.Text(root.GetProperty("list")));
        Assert.Equal(["good", "object"], root.EnumerateObject().Where(member => UntrustedJson.IsReadable(member.Value)).Select(member => member.Name));
    }

    [Theory]
    [InlineData("0", true)]
    [InlineData("-12.50", true)]
    [InlineData("123456789012345678901234567890", true)]
    [InlineData("1.7e+308", true)]
    [InlineData("5E-324", true)]
    [InlineData("1e309", false)]
    [InlineData("-1e999", false)]
    [InlineData("1e99999999999", false)]
    [InlineData("1e-99999999999", false)]
    [InlineData("0e99999999999", false)]
    public void Number_that_no_program_has_is_found(string number, bool readable)
    {
        using var document = UntrustedJson.Parse(Encoding.ASCII.GetBytes($$"""{"list":[{"n":{{number}}}]}"""), maxDepth: 4);
        Assert.Equal(readable, UntrustedJson.IsReadable(document.RootElement));
        // What can be read can be compared, which fails for exponents that .NET cannot hold.
        if (readable) Assert.True(JsonElement.DeepEquals(document.RootElement, document.RootElement));
    }
}
