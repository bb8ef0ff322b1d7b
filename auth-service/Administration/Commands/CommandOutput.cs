using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using AuthService.Revocation;
using Spectre.Console;

namespace AuthService.Administration.Commands;

/// <summary>What a verb prints: tables for people, or one JSON document, the same as the endpoint's.</summary>
internal sealed class CommandOutput
{
    /// <summary>Into a file or a pipe nothing is broken into lines.</summary>
    private const int WidthOfPipe = 1000;

    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly TextWriter _writer;
    private readonly bool _json;
    private readonly IAnsiConsole _console;

    public CommandOutput(TextWriter writer, bool json)
    {
        _writer = writer;
        _json = json;
        _console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer) });
        if (Console.IsOutputRedirected) _console.Profile.Width = WidthOfPipe;
    }

    /// <summary>A list, with the named members as columns.</summary>
    public void Page<T>(Page<T> page, Func<T, Dictionary<string, object?>> members, params string[] columns)
    {
        if (_json)
        {
            Write(new Dictionary<string, object?> { ["items"] = page.Items.Select(members), ["next_cursor"] = page.Next });
            return;
        }
        var table = new Table { Border = TableBorder.Simple };
        foreach (var column in columns) table.AddColumn(column);
        foreach (var item in page.Items.Select(members)) table.AddRow([.. columns.Select(column => Markup.Escape(Text(item[column])))]);
        _console.Write(table);
        if (page.Next is not null) _writer.WriteLine($"There are more: --cursor {page.Next}");
    }

    /// <summary>One thing, member by member.</summary>
    public void Item(Dictionary<string, object?> members)
    {
        if (_json)
        {
            Write(members);
            return;
        }
        var table = new Table { Border = TableBorder.None, ShowHeaders = false };
        table.AddColumn("").AddColumn("");
        foreach (var (name, value) in members) table.AddRow(Markup.Escape(name), Markup.Escape(Text(value)));
        _console.Write(table);
    }

    /// <summary>What was done, and how far its revocations went.</summary>
    public void Changed(string sentence, Dictionary<string, object?> members, RevocationReceipt receipt)
    {
        if (_json)
        {
            foreach (var (name, value) in AdminAnswers.Members(receipt)) members[name] = value;
            Write(members);
            return;
        }
        _writer.WriteLine(receipt switch
        {
            { Revoked: 0 } => $"{sentence}.",
            { Gateways: 0 } => $"{sentence}; no gateway is running.",
            _ when receipt.Acknowledged == receipt.Gateways => $"{sentence}; in force at all gateways ({receipt.Gateways}).",
            _ => $"{sentence}; in force at {receipt.Acknowledged} of {receipt.Gateways} gateways, and at the others as soon as they can be reached.",
        });
        if (!receipt.Durable) _writer.WriteLine("The users database does not have it yet; that follows by itself.");
    }

    private void Write(Dictionary<string, object?> document) => _writer.WriteLine(JsonSerializer.Serialize(document, Readable));

    private static string Text(object? value) => value switch
    {
        null => "",
        string text => Clean(text),
        bool flag => flag ? "yes" : "no",
        DateTimeOffset time => time.ToString("yyyy-MM-dd HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture),
        JsonObject { Count: 0 } => "",
        JsonNode node => Clean(node.ToJsonString(new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping })),
        IEnumerable<string> texts => Clean(string.Join(' ', texts)),
        IFormattable number => number.ToString(null, System.Globalization.CultureInfo.InvariantCulture),
        _ => Clean(value.ToString() ?? ""),
    };

    /// <summary>A user agent that somebody sent must not steer the terminal.</summary>
    private static string Clean(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '\ufffd' : c));
}
