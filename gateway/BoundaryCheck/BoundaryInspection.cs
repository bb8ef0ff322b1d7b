using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using ServiceHosting;

namespace Gateway.BoundaryCheck;

/// <summary>What to attack and how.</summary>
/// <param name="Addresses">http: HTTP/1.1; https: HTTP/1.1 and HTTP/2.</param>
/// <param name="Http2Addresses">http: HTTP/2 without TLS.</param>
/// <param name="Open">A path for everybody whose backend answers with what it received, as sample-backend's <c>/public/echo</c>.</param>
/// <param name="Closed">A path of the same kind that needs a caller.</param>
/// <param name="AcceptAnyCertificate">Whether the certificate may be anybody's.</param>
/// <param name="Token">An access token, to attack the closed path as its owner too; null for none.</param>
internal sealed record BoundaryCheckTarget(
    IReadOnlyList<Uri> Addresses, IReadOnlyList<Uri> Http2Addresses, string Open, string Closed, bool AcceptAnyCertificate, string? Token = null)
{
    /// <summary>Without the token, which a record would print.</summary>
    public override string ToString() => string.Join(' ', Addresses);
}

/// <summary>
/// Fires every header and path trick at a running gateway and looks at what its backend received. It can only be believed when
/// the backend echoed: an attack that was simply lost proves nothing, so each kind must have been seen to arrive.
/// </summary>
internal sealed class BoundaryInspection(BoundaryCheckTarget target, TextWriter output)
{
    /// <summary>A header that must pass, by which an echo is known for the answer to this very check.</summary>
    private const string ProbeHeader = "X-Boundary-Check";

    /// <summary>By which a backend knows who calls.</summary>
    private static readonly string[] IdentityHeaders = ["X-User-Id", "X-Identity-Token"];

    private readonly string _mark = "foreign-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
    private const string SignedIn = "headers, signed in";

    private readonly SortedSet<string> _arrived = new(StringComparer.OrdinalIgnoreCase);
    private int _faults;

    /// <summary>Exit code: 0 when nothing foreign arrived, 1 when something did or nothing could be seen.</summary>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var probes = target.Addresses.SelectMany(Probes).Concat(target.Http2Addresses.Select(address => new Http2Probe(address, target.AcceptAnyCertificate)));
        foreach (var probe in probes)
        {
            using (probe)
            {
                try
                {
                    await FireAsync(probe, "headers", Attack.OnHeaders(target.Open + "/check", _mark), mustEcho: true, cancellationToken);
                    await FireAsync(probe, "headers, protected", Attack.OnHeaders(target.Closed + "/check", _mark), mustEcho: false, cancellationToken);
                    if (target.Token is not null)
                        await FireAsync(probe, SignedIn, Attack.OnHeaders(target.Closed + "/check", _mark).Select(AsCaller), mustEcho: true, cancellationToken);
                    await FireAsync(probe, "paths", Attack.OnPaths(target.Open, target.Closed), mustEcho: true, cancellationToken);
                }
                catch (Exception exception) when (exception is SocketException or HttpRequestException or OperationCanceledException or System.Security.Authentication.AuthenticationException)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    Fault($"{probe.Name}: {exception.Message}");
                }
            }
        }

        output.WriteLine($"arrived at the backend: {string.Join(", ", _arrived)}");
        output.WriteLine(_faults == 0 ? "nothing foreign arrived" : $"{_faults} faults");
        return _faults == 0 ? 0 : 1;
    }

    private IEnumerable<Probe> Probes(Uri address)
    {
        yield return new Http1Probe(address, target.AcceptAnyCertificate);
        if (address.Scheme == Uri.UriSchemeHttps) yield return new Http2Probe(address, target.AcceptAnyCertificate);
    }

    private Attack AsCaller(Attack attack) => attack with { Headers = [.. attack.Headers, ("Authorization", "Bearer " + target.Token)] };

    private async Task FireAsync(Probe probe, string kind, IEnumerable<Attack> attacks, bool mustEcho, CancellationToken cancellationToken)
    {
        var (sent, echoed, refused) = (0, 0, 0);
        foreach (var attack in attacks.Where(probe.CanSend))
        {
            var answer = await probe.SendAsync(attack with { Headers = [.. attack.Headers, (ProbeHeader, _mark[8..])] }, cancellationToken);
            sent++;
            if (answer.Status is 0 or >= 400) refused++;
            if (Echo(answer) is not { } echo) continue;
            using (echo)
            {
                Inspect(probe, attack, echo.RootElement);
                if (kind == SignedIn) InspectIdentity(probe, attack, echo.RootElement.GetProperty("headers"));
                else InspectAccess(probe, attack, echo.RootElement);
            }

            echoed++;
        }

        output.WriteLine($"{probe.Name}, {kind}: {sent} sent, {refused} refused, {echoed} arrived");
        if (mustEcho && echoed == 0) Fault($"{probe.Name}, {kind}: no answer shows what the backend received; {(kind == SignedIn ? $"is {target.Closed} an echo, and the token good?" : $"is {target.Open} an echo for everybody?")}");
    }

    private void Inspect(Probe probe, Attack attack, JsonElement echo)
    {
        foreach (var member in (string[])["headers", "trailers"])
        {
            if (!echo.TryGetProperty(member, out var received)) continue;
            foreach (var header in received.EnumerateObject())
            {
                _arrived.Add(header.Name);
                if (header.Value.GetRawText().Contains(_mark, StringComparison.Ordinal))
                    Fault($"{probe.Name}: the backend received '{header.Name}: {header.Value.GetRawText()}' from {Describe(attack)}");
            }
        }

        var path = echo.GetProperty("path").GetString() ?? "";
        if (path != attack.Target) Fault($"{probe.Name}: {attack.Target} arrived as {path}");
    }

    /// <summary>Nobody is signed in: only the open path may answer. Compared as the backend reads it.</summary>
    private void InspectAccess(Probe probe, Attack attack, JsonElement echo)
    {
        var decoded = Uri.UnescapeDataString((echo.GetProperty("path").GetString() ?? "").Split('?')[0]);
        if (!decoded.StartsWith(target.Open + "/", StringComparison.OrdinalIgnoreCase) && !decoded.Equals(target.Open, StringComparison.OrdinalIgnoreCase))
            Fault($"{probe.Name}: {attack.Target} was answered without a caller");
    }

    /// <summary>The caller is known to the backend, once, whatever the attack adds or has removed.</summary>
    private void InspectIdentity(Probe probe, Attack attack, JsonElement headers)
    {
        var values = headers.EnumerateObject().Where(header => IdentityHeaders.Contains(header.Name, StringComparer.OrdinalIgnoreCase)).ToList();
        if (values.Count == 0) Fault($"{probe.Name}: the backend does not know who called with {Describe(attack)}");
        foreach (var twice in values.Where(header => header.Value.ValueKind == JsonValueKind.Array && header.Value.GetArrayLength() != 1))
            Fault($"{probe.Name}: the backend received {twice.Value.GetArrayLength()} values of {twice.Name} from {Describe(attack)}");
    }

    private JsonDocument? Echo(ProbeAnswer answer)
    {
        if (answer.Status != StatusCodes.Status200OK) return null;
        try
        {
            var json = JsonDocument.Parse(answer.Body);
            if (json.RootElement.ValueKind == JsonValueKind.Object && UntrustedJson.IsReadable(json.RootElement) && json.RootElement.TryGetProperty("headers", out var headers)
                && headers.GetRawText().Contains(_mark[8..], StringComparison.Ordinal)) return json;
            json.Dispose();
        }
        catch (JsonException)
        {
            // Another endpoint than an echo.
        }

        return null;
    }

    private void Fault(string text)
    {
        _faults++;
        output.WriteLine("FAULT " + text);
    }

    private static string Describe(Attack attack) =>
        $"{attack.Target} with {string.Join(", ", attack.Headers.Concat(attack.Trailers).Take(3).Select(header => header.Name))}…";
}
