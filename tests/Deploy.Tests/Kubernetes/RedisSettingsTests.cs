using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Testing;

namespace Deploy.Tests.Kubernetes;

/// <summary>The settings and scripts of the Redis Cluster, run by a real redis-server with this test's paths and port.</summary>
public sealed class RedisSettingsTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("redis-settings-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task Node_starts_encrypted_behind_a_password_and_never_evicts()
    {
        var cancellation = TestContext.Current.CancellationToken;
        using var port = PortLease.Take();
        using var bus = PortLease.Take();
        Lay("password", "secret-password-1");
        WriteCertificate("redis");
        var source = Path.Combine(Repository.Root, "deploy", "kubernetes", "components", "redis-cluster");
        Lay("redis.conf", Here(File.ReadAllText(Path.Combine(source, "redis.conf")))
            .Replace("tls-port 6379", $"tls-port {port.Port}\ncluster-port {bus.Port}", StringComparison.Ordinal));
        var script = Lay("start.sh", Here(File.ReadAllText(Path.Combine(source, "start.sh"))));

        var start = new ProcessStartInfo("/bin/sh", [script]) { UseShellExecute = false, RedirectStandardOutput = true };
        start.Environment["POD_IP"] = "127.0.0.1";
        start.Environment["AUTH_FILE"] = Path.Combine(_directory.FullName, "auth.conf");
        using var server = Process.Start(start)!;
        try
        {
            server.BeginOutputReadLine();
            await Eventually.TrueAsync(async () => await AskAsync("secret-password-1", "ping") == "PONG", "redis-server answers over TLS");
            foreach (var (setting, value) in ((string, string)[])[("maxmemory-policy", "noeviction"), ("port", "0"), ("appendonly", "yes"), ("tls-cluster", "yes"), ("tls-replication", "yes"), ("min-replicas-to-write", "1"), ("cluster-announce-ip", "127.0.0.1")])
                Assert.Equal($"{setting}\n{value}", await AskAsync("secret-password-1", "config", "get", setting));
            Assert.Contains("NOAUTH", await AskAsync("", "ping"), StringComparison.Ordinal);
            if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(start.Environment["AUTH_FILE"]!));
            Assert.DoesNotContain("secret-password-1", await File.ReadAllTextAsync($"/proc/{server.Id}/cmdline", cancellation), StringComparison.Ordinal);
        }
        finally
        {
            server.Kill();
            await server.WaitForExitAsync(CancellationToken.None);
        }

        async Task<string> AskAsync(string password, params string[] command)
        {
            var ask = new ProcessStartInfo("redis-cli", ["-h", "127.0.0.1", "-p", $"{port.Port}", "--raw", "--tls", "--cacert", Path.Combine(_directory.FullName, "ca.crt"), "--sni", "redis", .. command])
            {
                UseShellExecute = false,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            if (password.Length > 0) ask.Environment["REDISCLI_AUTH"] = password;
            using var cli = Process.Start(ask)!;
            var errors = cli.StandardError.ReadToEndAsync(cancellation);
            var output = await cli.StandardOutput.ReadToEndAsync(cancellation);
            await cli.WaitForExitAsync(cancellation);
            return (output + await errors).Trim();
        }
    }

    [Theory]
    [InlineData("start.sh")]
    [InlineData("create.sh")]
    public async Task Script_is_one_a_shell_reads(string name) =>
        await NodeProgram.RunAsync("/bin/sh", ["-n", Path.Combine(Repository.Root, "deploy", "kubernetes", "components", "redis-cluster", name)], "", TestContext.Current.CancellationToken);

    private string Lay(string name, string text)
    {
        var file = Path.Combine(_directory.FullName, name);
        File.WriteAllText(file, text);
        return file;
    }

    private string Here(string text) => text
        .Replace("/etc/redis/", _directory.FullName + "/", StringComparison.Ordinal).Replace("/secrets/", _directory.FullName + "/", StringComparison.Ordinal)
        .Replace("/tls/", _directory.FullName + "/", StringComparison.Ordinal).Replace("dir /data", $"dir {_directory.FullName}", StringComparison.Ordinal);

    private void WriteCertificate(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddMinutes(-5), now.AddDays(1));
        Lay("tls.crt", certificate.ExportCertificatePem());
        Lay("ca.crt", certificate.ExportCertificatePem());
        Lay("tls.key", key.ExportPkcs8PrivateKeyPem());
    }
}
