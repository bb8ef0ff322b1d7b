using System.Text;
using QRCoder;

namespace AuthService.Pages;

/// <summary>A QR code (ISO/IEC 18004) to be drawn as one SVG path, of dark modules on a square of <paramref name="Size"/>.</summary>
internal sealed record QrCode(int Size, string Path)
{
    public static QrCode Of(string text)
    {
        using var code = QRCodeGenerator.GenerateQrCode(text, QRCodeGenerator.ECCLevel.M);
        var rows = code.ModuleMatrix; // With the quiet zone.
        var path = new StringBuilder();
        for (var y = 0; y < rows.Count; y++)
        {
            for (var x = 0; x < rows.Count; x++)
            {
                if (rows[y][x]) path.Append('M').Append(x).Append(' ').Append(y).Append("h1v1h-1z");
            }
        }
        return new QrCode(rows.Count, path.ToString());
    }
}
