using System.Collections.Concurrent;

namespace EndToEnd.Tests.Faults;

/// <summary>Ways to be wrong while something fails.</summary>
internal enum WrongAnswer
{
    /// <summary>A request with a revoked token passed.</summary>
    AcceptedRevoked,

    /// <summary>A request with a live token was called unauthorized.</summary>
    RefusedLive,

    /// <summary>A user who is entitled was told no, where "not now" was due.</summary>
    UnauthorizedForUnavailable,

    /// <summary>No answer, a 5xx that the fault does not excuse, or a 503 that does not say when to try again.</summary>
    Failed,

    /// <summary>After the fault a session was gone that should live, or lived that was ended.</summary>
    LostState,

    /// <summary>The fault is over, and something still does not work.</summary>
    Unrecovered,
}

/// <summary>The answers given while something fails, counted. One row of the table of faults.</summary>
internal sealed class Tally(string fault)
{
    /// <summary>The environment variable that names the file the rows go to; without it nothing is written.</summary>
    public const string FileVariable = "FAULT_TABLE";

    private const int MostExamples = 5;

    private static readonly Lock Writing = new();

    private readonly int[] _wrong = new int[Enum.GetValues<WrongAnswer>().Length];
    private readonly ConcurrentQueue<string> _examples = new();
    private int _requests;
    private int _notNow;

    public int Requests => _requests;

    public void CountRequest() => Interlocked.Increment(ref _requests);

    /// <summary>A 503 that says when to try again.</summary>
    public void CountNotNow() => Interlocked.Increment(ref _notNow);

    public void Add(WrongAnswer wrong, string what)
    {
        Interlocked.Increment(ref _wrong[(int)wrong]);
        if (_examples.Count < MostExamples) _examples.Enqueue($"{wrong}: {what}");
    }

    /// <summary>Writes the row, and fails unless every answer was right.</summary>
    public void Close()
    {
        Write();
        Assert.True(_wrong.Sum() == 0, $"{fault}: {string.Join(Environment.NewLine, _examples)}");
    }

    /// <summary>Writes the row: fault, requests, told to try again, and the wrong answers by their kind.</summary>
    public void Write()
    {
        if (Environment.GetEnvironmentVariable(FileVariable) is not { Length: > 0 } file) return;
        lock (Writing) File.AppendAllText(file, $"{fault}\t{_requests}\t{_notNow}\t{string.Join('\t', _wrong)}\n");
    }
}
