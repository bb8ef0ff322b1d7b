using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Deploy.Tests.Documents;

/// <summary>The XML documentation that the compiler wrote beside an assembly, as Markdown.</summary>
internal static partial class XmlDocs
{
    private static readonly Dictionary<string, Dictionary<string, XElement>> Read = [];

    public static string? Summary(Type type) => Text(Member(type.Assembly, "T:" + Name(type))?.Element("summary"));

    public static string? Summary(PropertyInfo property) => Text(Member(property.DeclaringType!.Assembly, $"P:{Name(property.DeclaringType)}.{property.Name}")?.Element("summary"));

    public static string? Summary(FieldInfo field) => Text(Member(field.DeclaringType!.Assembly, $"F:{Name(field.DeclaringType)}.{field.Name}")?.Element("summary"));

    /// <summary>Of a parameter of a positional record.</summary>
    public static string? Parameter(Type type, string name) =>
        Text(Member(type.Assembly, "T:" + Name(type))?.Elements("param").SingleOrDefault(param => (string?)param.Attribute("name") == name));

    private static string Name(Type type) => type.FullName!.Replace('+', '.');

    private static XElement? Member(Assembly assembly, string name)
    {
        var file = Path.ChangeExtension(assembly.Location, ".xml");
        lock (Read)
        {
            if (!Read.TryGetValue(file, out var members))
                Read[file] = members = XDocument.Load(file).Descendants("member").ToDictionary(member => (string)member.Attribute("name")!);
            return members.GetValueOrDefault(name);
        }
    }

    private static string? Text(XElement? element) =>
        element is null ? null : Blanks().Replace(string.Concat(element.Nodes().Select(Text)), " ").Trim().Replace("|", "\\|", StringComparison.Ordinal);

    private static string Text(XNode node) => node switch
    {
        XText text => text.Value,
        XElement { Name.LocalName: "c" } code => $"`{code.Value}`",
        XElement { Name.LocalName: "see" or "seealso" } see when see.Attribute("cref") is { } to => $"`{to.Value.Split('.')[^1].Split('(')[0]}`",
        XElement { Name.LocalName: "see" } see => $"`{see.Attribute("langword")?.Value ?? see.Value}`",
        XElement { Name.LocalName: "paramref" } reference => $"`{reference.Attribute("name")!.Value}`",
        XElement other => string.Concat(other.Nodes().Select(Text)),
        _ => "",
    };

    [GeneratedRegex(@"\s+", RegexOptions.None, 1000)]
    private static partial Regex Blanks();
}
