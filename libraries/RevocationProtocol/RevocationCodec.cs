using System.Globalization;
using StackExchange.Redis;

namespace RevocationProtocol;

/// <summary>
/// Text form of an entry in the stream: fields <c>v issuer kind id cut-off except expires</c>, always all and in this
/// order (Redis then stores their names once per block). Readers skip versions and kinds they do not know.
/// </summary>
public static class RevocationCodec
{
    private const string Version = "1";

    /// <summary>Number of values <see cref="Append"/> adds.</summary>
    internal const int ValuesPerEntry = 7;

    /// <summary>The text of a kind in Redis, in the database and in answers.</summary>
    /// <param name="kind">The kind.</param>
    public static string KindText(RevocationKind kind) => kind switch
    {
        RevocationKind.Jti => "jti",
        RevocationKind.Sid => "sid",
        RevocationKind.Kid => "kid",
        RevocationKind.Sub => "sub",
        RevocationKind.Client => "client",
        RevocationKind.All => "all",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    /// <summary>The kind of a text, or null for one this version does not know.</summary>
    /// <param name="text">Text form.</param>
    public static RevocationKind? ParseKind(string? text) => text switch
    {
        "jti" => RevocationKind.Jti,
        "sid" => RevocationKind.Sid,
        "kid" => RevocationKind.Kid,
        "sub" => RevocationKind.Sub,
        "client" => RevocationKind.Client,
        "all" => RevocationKind.All,
        _ => null,
    };

    internal static void Append(List<RedisValue> values, RevocationEntry entry)
    {
        values.Add(Version);
        values.Add(entry.Issuer);
        values.Add(KindText(entry.Kind));
        values.Add(entry.Id);
        values.Add(entry.CutOffMs.ToString(CultureInfo.InvariantCulture));
        values.Add(entry.ExceptSid ?? "");
        values.Add(entry.ExpiresMs.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Reads the flat field list of a stream entry; null if this version does not understand it.</summary>
    internal static RevocationEntry? Read(RedisResult[] fields)
    {
        string? version = null, issuer = null, kindText = null, id = null, cutOff = null, except = null, expires = null;
        for (var i = 0; i + 1 < fields.Length; i += 2)
        {
            var value = (string?)fields[i + 1];
            switch ((string?)fields[i])
            {
                case "v": version = value; break;
                case "issuer": issuer = value; break;
                case "kind": kindText = value; break;
                case "id": id = value; break;
                case "cut-off": cutOff = value; break;
                case "except": except = value; break;
                case "expires": expires = value; break;
            }
        }
        return version == Version && issuer is not null && id is not null && ParseKind(kindText) is { } kind
            && long.TryParse(cutOff, NumberStyles.None, CultureInfo.InvariantCulture, out var cutOffMs)
            && long.TryParse(expires, NumberStyles.None, CultureInfo.InvariantCulture, out var expiresMs)
            ? new RevocationEntry(issuer, kind, id, cutOffMs, string.IsNullOrEmpty(except) ? null : except, expiresMs)
            : null;
    }
}
