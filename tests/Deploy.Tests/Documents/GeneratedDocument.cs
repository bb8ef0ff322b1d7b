using System.Text;
using Testing;

namespace Deploy.Tests.Documents;

/// <summary>A document that the code writes. <c>deploy/docs/generate.sh</c> sets the variable that makes these tests write instead of compare.</summary>
internal static class GeneratedDocument
{
    public static async Task CompareOrWriteAsync(string path, StringBuilder text, CancellationToken cancellationToken)
    {
        var file = Path.Combine(Repository.Root, path);
        if (Environment.GetEnvironmentVariable("WRITE_DOCUMENTS") == "1")
        {
            await File.WriteAllTextAsync(file, text.ToString(), cancellationToken);
            return;
        }

        var written = File.Exists(file) ? await File.ReadAllTextAsync(file, cancellationToken) : "";
        Assert.True(written == text.ToString(), $"{path} is not what the code says: run deploy/docs/generate.sh. {FirstDifference(written, text.ToString())}");
    }

    private static string FirstDifference(string written, string said)
    {
        var (left, right) = (written.Split('\n'), said.Split('\n'));
        var at = Enumerable.Range(0, Math.Max(left.Length, right.Length)).FirstOrDefault(i => left.ElementAtOrDefault(i) != right.ElementAtOrDefault(i));
        return $"Line {at + 1}: {left.ElementAtOrDefault(at)} / {right.ElementAtOrDefault(at)}";
    }
}
