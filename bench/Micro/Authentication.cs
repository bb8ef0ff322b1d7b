using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gateway.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;
using RevocationProtocol;

namespace Bench.Micro;

/// <summary>The gateway's authentication with keys of its own, and tokens for it.</summary>
internal sealed class Authentication : IDisposable
{
    public const string Es256 = "ES256";
    public const string Rs256 = "RS256";

    private const string Issuer = "https://bench.test";

    private readonly ServiceProvider _services;
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("gateway-micro-");
    private readonly DateTimeOffset _now = TimeProvider.System.GetUtcNow();

    private Authentication()
    {
        var keys = Path.Combine(_directory.FullName, "keys.pem");
        File.WriteAllText(keys, $"{Ec.ExportSubjectPublicKeyInfoPem()}\n{Rsa.ExportSubjectPublicKeyInfoPem()}\n");
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection(
        [
            new("Gateway:Issuers:0:Issuer", Issuer), new("Gateway:Issuers:0:KeyFile", keys), new("Gateway:Issuers:0:Audiences:0", "gateway"),
        ]).Build());
        services.AddSingleton<IHostEnvironment>(new HostEnvironment());
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(Revocations);
        services.AddTokenAuthentication();
        _services = services.BuildServiceProvider();
    }

    public ECDsa Ec { get; } = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public RSA Rsa { get; } = RSA.Create(2048);

    public RevocationReplica Revocations { get; } = new(TimeSpan.FromDays(1), TimeProvider.System);

    public TokenValidator Validator => _services.GetRequiredService<TokenValidator>();

    public static async Task<Authentication> StartAsync()
    {
        var authentication = new Authentication();
        foreach (var issuer in authentication._services.GetRequiredService<IssuerRegistry>().All) await issuer.Keys.FetchAsync(CancellationToken.None);
        authentication.KeepCurrent();
        return authentication;
    }

    /// <summary>The revocation state is of now; it goes stale a second after.</summary>
    public void KeepCurrent() => Revocations.Prove(TimeProvider.System.GetTimestamp());

    /// <summary>An access token of the auth-service's form, as a request brings it.</summary>
    public (BearerToken Token, byte[] Signed, byte[] Signature) Make(string algorithm)
    {
        var payload = new JsonObject
        {
            ["iss"] = Issuer,
            ["sub"] = Guid.NewGuid().ToString(),
            ["aud"] = "gateway",
            ["exp"] = _now.ToUnixTimeSeconds() + 3600,
            ["iat"] = _now.ToUnixTimeSeconds(),
            ["jti"] = Guid.CreateVersion7(_now).ToString(),
            ["client_id"] = "demo-spa",
            ["scope"] = "openid profile",
            ["sid"] = Base64Url.EncodeToString(Guid.NewGuid().ToByteArray()),
            ["auth_time"] = _now.ToUnixTimeSeconds(),
            ["roles"] = new JsonArray("user", "editor"),
            ["name"] = "Alice",
            ["token_type"] = "access",
        };
        var header = new JsonObject { ["alg"] = algorithm, ["typ"] = "at+jwt" };
        var text = $"{Encode(header)}.{Encode(payload)}";
        var signed = Encoding.ASCII.GetBytes(text);
        var signature = algorithm == Es256
            ? Ec.SignData(signed, HashAlgorithmName.SHA256)
            : Rsa.SignData(signed, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var context = new DefaultHttpContext();
        context.Request.Headers.Authorization = $"Bearer {text}.{Base64Url.EncodeToString(signature)}";
        return (BearerToken.Find(context), signed, signature);
    }

    /// <summary>The caller that a token names.</summary>
    public AuthenticatedCaller Accept(BearerToken token)
    {
        var authenticating = Validator.AuthenticateAsync(token, CancellationToken.None);
        // With loaded keys there is nothing to wait for.
        if (!authenticating.IsCompletedSuccessfully) throw new InvalidOperationException("The keys are not loaded.");
        var outcome = authenticating.GetAwaiter().GetResult();
        return outcome.Caller ?? throw new InvalidOperationException($"Refused: {outcome.Refusal?.Code}.");
    }

    public void Dispose()
    {
        _services.Dispose();
        Ec.Dispose();
        Rsa.Dispose();
        _directory.Delete(recursive: true);
    }

    private static string Encode(JsonObject json) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(json));

    private sealed class HostEnvironment : IHostEnvironment
    {
        public string EnvironmentName { get; set; } = Environments.Production;

        public string ApplicationName { get; set; } = "gateway";

        public string ContentRootPath { get; set; } = AppContext.BaseDirectory;

        public IFileProvider ContentRootFileProvider { get; set; } = new NullFileProvider();
    }
}
