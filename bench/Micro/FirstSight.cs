using System.Security.Cryptography;

namespace Bench.Micro;

/// <summary>A token that was never seen, read and checked as a whole, against one bare signature check of its algorithm.</summary>
internal static class FirstSight
{
    private const int Rounds = 101;
    private const int TokensARound = 200;
    private const double Bar = 1.25;

    /// <summary>Until then what is hot is compiled anew; less, and half the difference is code that is not optimised.</summary>
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(10);

    public static async Task<int> RunAsync()
    {
        Console.WriteLine($"{"first sight of a token",-70} {"value",10} {"bar",10}");
        var missed = false;
        foreach (var algorithm in (string[])[Authentication.Es256, Authentication.Rs256])
        {
            // A cache of its own, which is not full meanwhile.
            using var authentication = await Authentication.StartAsync();
            missed |= Measure(authentication, algorithm);
        }

        return missed ? 1 : 0;
    }

    private static bool Measure(Authentication authentication, string algorithm)
    {
        var (bare, whole, ratios) = (new List<double>(), new List<double>(), new List<double>());
        var start = TimeProvider.System.GetTimestamp();
        while (ratios.Count < Rounds)
        {
            var isWarm = TimeProvider.System.GetElapsedTime(start) > WarmUp;
            var tokens = Enumerable.Range(0, TokensARound).Select(_ => authentication.Make(algorithm)).ToArray();
            authentication.KeepCurrent();
            // In turns, so that whatever else the machine does falls on both.
            var (bareUs, wholeUs) = (0.0, 0.0);
            foreach (var (token, signed, signature) in tokens)
            {
                var began = TimeProvider.System.GetTimestamp();
                var good = algorithm == Authentication.Es256
                    ? authentication.Ec.VerifyData(signed, signature, HashAlgorithmName.SHA256)
                    : authentication.Rsa.VerifyData(signed, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
                var between = TimeProvider.System.GetTimestamp();
                authentication.Accept(token);
                wholeUs += TimeProvider.System.GetElapsedTime(between).TotalMicroseconds;
                bareUs += TimeProvider.System.GetElapsedTime(began, between).TotalMicroseconds;
                if (!good) throw new InvalidOperationException("A true signature was refused.");
            }

            if (!isWarm) continue;
            bare.Add(bareUs / TokensARound);
            whole.Add(wholeUs / TokensARound);
            ratios.Add(wholeUs / bareUs);
        }

        var ratio = Median(ratios);
        Console.WriteLine($"{$"one bare {algorithm} check, µs",-70} {Median(bare),10:0.0}");
        Console.WriteLine($"{$"first sight of an {algorithm} token, µs",-70} {Median(whole),10:0.0}");
        Console.WriteLine($"{$"ratio, {algorithm}",-70} {ratio,10:0.00} {Bar,10:0.00} {(ratio <= Bar ? "ok" : "missed")}");
        return ratio > Bar;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
