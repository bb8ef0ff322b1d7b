using System.Text;

namespace Bench.Load;

/// <summary>Draws CPU a request against size as SVG: size on a logarithmic axis, the spread of the rounds as bars.</summary>
internal static class Plot
{
    private const int Width = 720;
    private const int Height = 360;
    private const int Left = 60;
    private const int Right = 150;
    private const int Top = 30;
    private const int Bottom = 50;
    private const int Decades = 6;

    private static readonly string[] Colours = ["#1b6ca8", "#c2571a", "#3a7d44"];

    public sealed record Point(int Size, double Median, double Least, double Most);

    public sealed record Series(string Name, IReadOnlyList<Point> Points);

    public static void Write(string path, IEnumerable<Series> series)
    {
        Series[] all = [.. series];
        var most = Math.Ceiling(all.SelectMany(one => one.Points).Max(point => point.Most) / 10) * 10;
        var svg = new StringBuilder();
        Add($"""<svg xmlns="http://www.w3.org/2000/svg" width="{Width}" height="{Height}" font-family="sans-serif" font-size="12">""");
        Add($"""<rect width="{Width}" height="{Height}" fill="white"/>""");
        Add($"""<text x="{Left}" y="18">CPU of the gateway a request, µs: medians, and the spread of the rounds</text>""");
        for (var value = 0.0; value <= most; value += 10)
        {
            Add($"""<line x1="{Left}" x2="{Width - Right}" y1="{Y(value):0.#}" y2="{Y(value):0.#}" stroke="#ddd"/>""");
            Add($"""<text x="{Left - 8}" y="{Y(value) + 4:0.#}" text-anchor="end">{value:0}</text>""");
        }

        for (var decade = 0; decade <= Decades; decade++)
            Add($"""<text x="{X(Math.Pow(10, decade)):0.#}" y="{Height - Bottom + 20}" text-anchor="middle">{Math.Pow(10, decade):n0}</text>""");
        Add($"""<text x="{(Left + Width - Right) / 2}" y="{Height - 10}" text-anchor="middle">how many (0 is drawn at 1)</text>""");

        for (var i = 0; i < all.Length; i++)
        {
            var (name, points) = all[i];
            var colour = Colours[i % Colours.Length];
            Add($"""<polyline fill="none" stroke="{colour}" stroke-width="2" points="{string.Join(' ', points.Select(point => $"{X(point.Size):0.#},{Y(point.Median):0.#}"))}"/>""");
            foreach (var point in points)
            {
                Add($"""<line x1="{X(point.Size):0.#}" x2="{X(point.Size):0.#}" y1="{Y(point.Least):0.#}" y2="{Y(point.Most):0.#}" stroke="{colour}"/>""");
                Add($"""<circle cx="{X(point.Size):0.#}" cy="{Y(point.Median):0.#}" r="3.5" fill="{colour}"/>""");
            }

            Add($"""<text x="{Width - Right + 12}" y="{Top + 20 + i * 18}" fill="{colour}">{name}</text>""");
        }

        Add("</svg>");
        File.WriteAllText(path, svg.ToString());

        void Add(string line) => svg.Append(line).Append('\n');

        double X(double size) => Left + Math.Log10(size) / Decades * (Width - Left - Right);

        double Y(double value) => Height - Bottom - value / most * (Height - Top - Bottom);
    }
}
