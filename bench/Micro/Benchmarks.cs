using System.Security.Cryptography;
using AuthService.Sessions;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Gateway.Authentication;
using Gateway.Forwarding;
using Gateway.Routing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using RevocationProtocol;

namespace Bench.Micro;

/// <summary>In this process: BenchmarkDotNet's own projects would be built under the repository's rules.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class BriefAttribute : BenchmarkDotNet.Attributes.JobConfigBaseAttribute
{
    public BriefAttribute()
        : base(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance))
    {
    }
}

/// <summary>A token that was seen before: the look into the cache, the clock, and the revocation check.</summary>
[Brief]
[MemoryDiagnoser]
public class WarmToken
{
    private readonly BearerToken[] _tokens = new BearerToken[1_000];
    private Authentication _authentication = null!;
    private int _next;

    [GlobalSetup]
    public void Setup()
    {
        _authentication = Authentication.StartAsync().GetAwaiter().GetResult();
        for (var i = 0; i < _tokens.Length; i++) _authentication.Accept(_tokens[i] = _authentication.Make(Authentication.Es256).Token);
    }

    [Benchmark]
    public object? Validate()
    {
        _next = (_next + 1) % _tokens.Length;
        if (_next == 0) _authentication.KeepCurrent();
        return _authentication.Accept(_tokens[_next]);
    }

    [GlobalCleanup]
    public void Cleanup() => _authentication.Dispose();
}

/// <summary>Whether a token was revoked, by the number of live revocations.</summary>
[Brief]
public class RevocationCheck
{
    private readonly RevocableToken[] _tokens = new RevocableToken[10_000];
    private RevocationReplica _replica = null!;
    private int _next;

    [Params(0, 10_000, 1_000_000)]
    public int Revocations { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _replica = new RevocationReplica(TimeSpan.FromDays(1), TimeProvider.System);
        var expires = TimeProvider.System.GetUtcNow().AddHours(1).ToUnixTimeMilliseconds();
        foreach (var page in Enumerable.Range(0, Revocations).Chunk(1_000))
            _replica.Apply([.. page.Select(number => new RevocationEntry("https://bench.test", RevocationKind.Sid, $"dead-{number}", 0, null, expires))]);
        for (var i = 0; i < _tokens.Length; i++) _tokens[i] = new RevocableToken("https://bench.test", $"jti-{i}", $"sid-{i}", "key", $"user-{i}", "api", 1);
    }

    [Benchmark]
    public RevocationVerdict Check() => _replica.Check(_tokens[_next = (_next + 1) % _tokens.Length]);
}

/// <summary>The rules for the headers of a request, as a browser sends them.</summary>
[Brief]
[MemoryDiagnoser]
public class HeaderBoundaryNames
{
    private static readonly string[] Names =
        ["Host", "User-Agent", "Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Referer", "X-Requested-With", "X-User-Id", "X_Forwarded_For"];

    private readonly HeaderDictionary _headers = [];

    [GlobalSetup]
    public void Setup()
    {
        foreach (var name in Names) _headers[name] = "some text of a usual length, in ASCII";
    }

    [Benchmark]
    public object? Check() => HeaderRules.Check(_headers);

    [Benchmark]
    public int Dropped()
    {
        var dropped = 0;
        foreach (var name in Names) dropped += ForwardingRules.Default.Drops(name, trustsProxyHeaders: false) ? 1 : 0;
        return dropped;
    }
}

/// <summary>One identity token, and the look at one that is still good.</summary>
[Brief]
[MemoryDiagnoser]
public class IdentityTokenSigning
{
    private readonly IdentityTokenCache _kept = new();
    private IdentityTokens _tokens = null!;
    private Authentication _authentication = null!;
    private AuthenticatedCaller _caller = null!;

    [GlobalSetup]
    public void Setup()
    {
        var keys = new IdentityKeySet();
        var key = IdentityKey.Generate(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
        keys.Replace(key, [key]);
        _tokens = new IdentityTokens(
            keys, Options.Create(new IdentityOptions { Issuer = "https://bench.test" }), new ConfigurationBuilder().Build(), TimeProvider.System);
        _authentication = Authentication.StartAsync().GetAwaiter().GetResult();
        _caller = _authentication.Accept(_authentication.Make(Authentication.Es256).Token);
    }

    [Benchmark]
    public object? Sign() => _tokens.Find(_caller, new IdentityTokenCache(), "backend");

    [Benchmark]
    public object? Reuse() => _tokens.Find(_caller, _kept, "backend");

    [GlobalCleanup]
    public void Cleanup() => _authentication.Dispose();
}

/// <summary>What a refresh token says, and that it is ours; before any I/O.</summary>
[Brief]
[MemoryDiagnoser]
public class RefreshTokenCheck
{
    private MacKeySet _keys = null!;
    private string _genuine = "";
    private string _forged = "";

    [GlobalSetup]
    public void Setup()
    {
        var key = new MacKey(1, RandomNumberGenerator.GetBytes(32));
        _keys = new MacKeySet(key, [key]);
        _genuine = RefreshTokenCodec.Write(new RefreshToken(new string('a', 32), Guid.NewGuid(), "demo-spa", 7, 4_000_000_000_000), key);
        _forged = $"{_genuine[..^2]}AA";
    }

    [Benchmark]
    public object Genuine() => RefreshTokenCodec.Read(_genuine, _keys, out _);

    [Benchmark]
    public object Forged() => RefreshTokenCodec.Read(_forged, _keys, out _);
}
