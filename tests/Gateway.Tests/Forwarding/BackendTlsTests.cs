using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;
using Testing;

namespace Gateway.Tests.Forwarding;

/// <summary>Mutual TLS between gateway and backends, over real sockets.</summary>
public sealed class BackendTlsTests : IAsyncLifetime
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("backend-tls-");
    private TlsCertificate _client = null!;
    private TlsCertificate _server = null!;
    private WebApplication _backend = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _client = Certificate("client");
        _server = Certificate("server");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(https =>
        {
            https.ServerCertificate = X509Certificate2.CreateFromPemFile(_server.CertificateFile, _server.KeyFile);
            https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
            https.AllowAnyClientCertificate();
        })));
        _backend = builder.Build();
        _backend.Run(context =>
        {
            // Every request makes a connection, and so a handshake, of its own.
            context.Response.Headers.Connection = "close";
            return context.Response.WriteAsync(context.Connection.ClientCertificate!.Thumbprint);
        });
        await _backend.StartAsync(Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        await _backend.DisposeAsync();
        _directory.Delete(recursive: true);
    }

    [Fact]
    public async Task Backend_that_demands_a_certificate_is_shown_the_clusters()
    {
        await using var gateway = await RoutedGateway.StartAsync(Configuration(_client), Cancellation);

        var answer = await gateway.GetAsync("/");

        Assert.Equal((200, Thumbprint(_client)), (answer.Status, answer.BodyText));
    }

    [Fact]
    public async Task Without_a_certificate_such_a_backend_is_502_until_a_reload_names_one()
    {
        await using var gateway = await RoutedGateway.StartAsync(Configuration(client: null), Cancellation);
        var refused = await gateway.GetAsync("/");
        Assert.Equal(502, refused.Status);
        Assert.Contains("\"code\":\"upstream_failed\"", refused.BodyText, StringComparison.Ordinal);

        gateway.WriteConfiguration(Configuration(_client));

        await Eventually.TrueAsync(async () => (await gateway.GetAsync("/")).Status == 200, "the certificate is shown", Cancellation);
    }

    [Fact]
    public async Task Certificate_that_was_replaced_is_shown_to_new_connections_and_half_a_replacement_is_not()
    {
        await using var gateway = await RoutedGateway.StartAsync(Configuration(_client), Cancellation);
        var before = Thumbprint(_client);
        Assert.Equal(before, (await gateway.GetAsync("/")).BodyText);
        var next = Certificate("next");

        File.Copy(next.CertificateFile, _client.CertificateFile, overwrite: true);
        Assert.Equal(before, (await gateway.GetAsync("/")).BodyText);

        File.Copy(next.KeyFile, _client.KeyFile, overwrite: true);
        Assert.Equal(Thumbprint(next), (await gateway.GetAsync("/")).BodyText);

        File.Delete(_client.KeyFile);
        Assert.Equal(Thumbprint(next), (await gateway.GetAsync("/")).BodyText);
    }

    [Fact]
    public async Task Backend_of_another_authority_is_502()
    {
        await using var gateway = await RoutedGateway.StartAsync(Configuration(_client, authority: Certificate("other")), Cancellation);

        Assert.Equal(502, (await gateway.GetAsync("/")).Status);
    }

    [Theory]
    [InlineData("Gateway.ClientCertificate", "MISSING", "Gateway.ClientCertificateKey", "KEY", "Gateway.ClientCertificate:", "cannot be used")]
    [InlineData("Gateway.ClientCertificate", "CERTIFICATE", "Gateway.ClientCertificateKey", "OTHER", "Gateway.ClientCertificate:", "cannot be used")]
    [InlineData("Gateway.ServerAuthority", "KEY", null, null, "Gateway.ServerAuthority:", "holds no certificate")]
    [InlineData("Gateway.ServerAuthority", "MISSING", null, null, "Gateway.ServerAuthority:", "cannot be used")]
    [InlineData("Gateway.ClientCertificate", "CERTIFICATE", null, null, "Metadata:", "need each other")]
    [InlineData("Gateway.ClientCertficate", "CERTIFICATE", null, null, "Gateway.ClientCertficate:", "is not a setting")]
    public async Task Faulty_setting_stops_the_start_and_is_named(string name, string value, string? second, string? secondValue, string key, string fault)
    {
        var metadata = new Dictionary<string, string> { [name] = Resolve(value) };
        if (second is not null) metadata[second] = Resolve(secondValue!);

        var problem = Assert.Single(await RoutedGateway.FindProblemsAsync(Configuration(metadata)));

        Assert.StartsWith("ReverseProxy:Clusters:backend:Metadata:", problem, StringComparison.Ordinal);
        Assert.Contains(key, problem, StringComparison.Ordinal);
        Assert.Contains(fault, problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cleartext_destination_of_a_cluster_with_a_certificate_stops_the_start()
    {
        var problem = Assert.Single(await RoutedGateway.FindProblemsAsync(Configuration(_client).Replace("https://", "http://", StringComparison.Ordinal)));

        Assert.Contains("ReverseProxy:Clusters:backend:Destinations:1:Address: is not https", problem, StringComparison.Ordinal);
    }

    private string Configuration(TlsCertificate? client, TlsCertificate? authority = null)
    {
        var metadata = new Dictionary<string, string> { ["Gateway.ServerAuthority"] = (authority ?? _server).CertificateFile };
        if (client is not null) (metadata["Gateway.ClientCertificate"], metadata["Gateway.ClientCertificateKey"]) = (client.CertificateFile, client.KeyFile);
        return Configuration(metadata);
    }

    private string Configuration(Dictionary<string, string> metadata) => $$"""
        {
          "ReverseProxy": {
            "Routes": { "all": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Match": { "Path": "{**all}" } } },
            "Clusters": { "backend": { "Metadata": {{JsonSerializer.Serialize(metadata)}}, "Destinations": { "1": { "Address": "{{_backend.Urls.Single()}}" } } } }
          }
        }
        """;

    private string Resolve(string word) => word switch
    {
        "CERTIFICATE" => _client.CertificateFile,
        "KEY" => _client.KeyFile,
        "OTHER" => _server.KeyFile,
        _ => Path.Combine(_directory.FullName, "missing.pem"),
    };

    private TlsCertificate Certificate(string name) => TlsCertificate.Create(_directory.CreateSubdirectory(name).FullName);

    private static string Thumbprint(TlsCertificate files)
    {
        using var certificate = X509Certificate2.CreateFromPemFile(files.CertificateFile, files.KeyFile);
        return certificate.Thumbprint;
    }
}
