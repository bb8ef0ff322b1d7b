using RevocationProtocol;

namespace Bench.Revocation;

/// <summary>What a million live revocations cost a gateway: memory, and time of the check of a token that is not revoked.</summary>
internal static class ReplicaCost
{
    private const int Revocations = 1_000_000;
    private const int Tokens = 100_000;
    private const int Rounds = 15;
    private const int ChecksARound = 2_000_000;
    private const double Mebibyte = 1024 * 1024;
    private const string Issuer = "http://127.0.0.1:8080";

    /// <summary>CPU of a request through plain YARP 2.1, ns: what the check comes on top of.</summary>
    private const double PlainRequestNs = 30_000;

    public static void Measure(Table table)
    {
        var tokens = new RevocableToken[Tokens];
        for (var i = 0; i < Tokens; i++)
            tokens[i] = new RevocableToken(Issuer, $"live-jti-{i}", $"live-sid-{i}", "key", $"user-{i}", "api", 1);
        // Requests do not come in the order in which their tokens came.
        Random.Shared.Shuffle(tokens);

        var empty = new RevocationReplica(TimeSpan.FromSeconds(30), TimeProvider.System);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var full = new RevocationReplica(TimeSpan.FromSeconds(30), TimeProvider.System);
        Fill(full);
        var memory = GC.GetTotalMemory(forceFullCollection: true) - before;
        table.Add($"memory of {Revocations:n0} live revocations in a replica, MiB", memory / Mebibyte, bar: 96);

        CheckNs(empty, tokens);
        CheckNs(full, tokens);
        // In turns, and the median: what else runs on the machine then meets both.
        var none = new double[Rounds];
        var million = new double[Rounds];
        for (var round = 0; round < Rounds; round++)
        {
            none[round] = CheckNs(empty, tokens);
            million[round] = CheckNs(full, tokens);
        }
        var (noneNs, millionNs) = (Median(none), Median(million));
        table.Add("check of a live token at 0 revocations, ns", noneNs);
        table.Add($"check of a live token at {Revocations:n0}, ns", millionNs);
        table.Add($"the same with the {PlainRequestNs / 1000:0} µs of a plain request, against 0 revocations", (PlainRequestNs + millionNs) / (PlainRequestNs + noneNs), bar: 1.10);
        GC.KeepAlive(full);
    }

    /// <summary>Ends of sessions, as logouts leave them: spread over the minutes for which their last token lives.</summary>
    private static void Fill(RevocationReplica replica)
    {
        const int Page = 1000;
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        for (var i = 0; i < Revocations; i += Page)
            replica.Apply([.. Enumerable.Range(i, Page).Select(n => new RevocationEntry(Issuer, RevocationKind.Sid, $"dead-sid-{n}", 0, null, now + 600_000 + n))]);
        if (replica.Counts.Exact != Revocations)
            throw new InvalidOperationException($"The replica holds {replica.Counts.Exact} revocations.");
    }

    private static double CheckNs(RevocationReplica replica, RevocableToken[] tokens)
    {
        replica.Prove(TimeProvider.System.GetTimestamp());
        var live = 0;
        var began = TimeProvider.System.GetTimestamp();
        for (var i = 0; i < ChecksARound; i++)
        {
            if (replica.Check(tokens[i % Tokens]) == RevocationVerdict.Live)
                live++;
        }
        var took = TimeProvider.System.GetElapsedTime(began);
        // A round that the machine stops for a second finds the state out of date, as it should; it took as long all the same.
        return live > 0 ? took.TotalNanoseconds / ChecksARound : throw new InvalidOperationException("No token was found to be live.");
    }

    private static double Median(double[] values) => values.Order().ElementAt(values.Length / 2);
}
