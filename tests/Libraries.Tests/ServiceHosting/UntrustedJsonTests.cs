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
        Assert.Equal(["good", "object"], root.EnumerateObject().Where(member => UntrustedJson.IsUnicode(member.Value)).Select(member => member.Name));
    }
}
