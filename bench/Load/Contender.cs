using System.Diagnostics;
using System.Globalization;

namespace Bench.Load;

/// <summary>One proxy under load.</summary>
/// <param name="Name">As in the table.</param>
/// <param name="Port">Where it listens.</param>
/// <param name="Process">Whose processor time counts.</param>
/// <param name="RequestFile">The requests it gets.</param>
/// <param name="Path">A protected path.</param>
/// <param name="Probes">What it must answer, so that nobody is compared who does not do his work.</param>
/// <param name="IsManaged">Whether it is .NET: it compiles while it runs, and tells what it allocates.</param>
internal sealed record Contender(string Name, int Port, Process Process, string RequestFile, string Path, IReadOnlyList<Probe> Probes, bool IsManaged = true)
{
    private const double TicksPerSecond = 100; // sysconf(_SC_CLK_TCK): 100 on every Linux of today

    /// <summary>User and system time of the process so far, s.</summary>
    public double CpuSeconds()
    {
        var stat = File.ReadAllText($"/proc/{Process.Id}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerSecond;
    }
}

/// <summary>A service that has just started.</summary>
/// <param name="Ready">From its start to its readiness.</param>
/// <param name="FirstAnswer">From its start to its first answer 200: in the gateway, to an authenticated request.</param>
internal sealed record Started(Process Process, int Port, TimeSpan Ready, TimeSpan FirstAnswer);

/// <summary>A token, and the status that it must bring.</summary>
internal sealed record Probe(string Name, string Token, int Status);
