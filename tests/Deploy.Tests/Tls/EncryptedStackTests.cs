using System.Diagnostics;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Npgsql;
using Testing;

namespace Deploy.Tests.Tls;

/// <summary>The programs as processes, every connection between them and their stores encrypted and verified, by settings alone.</summary>
public sealed class EncryptedStackTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("tls-");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task Redis_and_PostgreSQL_are_reached_over_verified_TLS_and_a_new_certificate_is_served_without_a_restart()
    {
        Assert.SkipWhen(PostgresFixture.MissingReason is not null, PostgresFixture.MissingReason ?? "");
        var certificate = TlsCertificate.Create(_directory.FullName);
        await using var postgres = new PostgresFixture();
        await postgres.StartAsync();
        var database = await EncryptAsync(postgres, certificate);
        using var redisPort = PortLease.Take();
        await using var redis = new RedisFixture
        {
            ExtraArguments = ["--tls-port", $"{redisPort.Port}", "--tls-cert-file", certificate.CertificateFile, "--tls-key-file", certificate.KeyFile, "--tls-ca-cert-file", certificate.CertificateFile, "--tls-auth-clients", "no", "--requirepass", "secret-1"],
        };
        await redis.StartAsync();

        var served = Publish("1", certificate);
        using var https = PortLease.Take();
        await using var stack = await Stack.StartAsync(
            new StackOptions
            {
                Database = $"{database};SSL Mode=VerifyFull;Root Certificate={certificate.CertificateFile}",
                Environment = new Dictionary<string, string>
                {
                    ["Redis__ConnectionString"] = $"127.0.0.1:{redisPort.Port},ssl=true,sslHost=localhost,password=secret-1",
                    ["SSL_CERT_FILE"] = certificate.CertificateFile,
                },
                GatewayEnvironment = new Dictionary<string, string>
                {
                    ["DOTNET_USE_POLLING_FILE_WATCHER"] = "true",
                    ["Kestrel__Endpoints__Renewed__Url"] = $"https://127.0.0.1:{https.Port}",
                    ["Kestrel__Endpoints__Renewed__Certificate__Path"] = Path.Combine(served, "tls.crt"),
                    ["Kestrel__Endpoints__Renewed__Certificate__KeyPath"] = Path.Combine(served, "tls.key"),
                },
            },
            Cancellation);
        await stack.SignInAsync(cancellationToken: Cancellation);
        Assert.True(await AllEncryptedAsync(database));

        var first = await ThumbprintAsync(https.Port);
        Assert.Equal(Thumbprint(certificate), first);
        var next = TlsCertificate.Create(Directory.CreateDirectory(Path.Combine(_directory.FullName, "next")).FullName);
        Publish("2", next);
        await Eventually.TrueAsync(_ => ServesAsync(https.Port, Thumbprint(next)), TimeSpan.FromSeconds(30), () => "the gateway serves the new certificate", Cancellation);
    }

    /// <summary>As kubelet mounts and replaces a Secret: links through a directory that is swapped.</summary>
    private string Publish(string version, TlsCertificate certificate)
    {
        var mount = Path.Combine(_directory.FullName, "mount");
        var directory = Directory.CreateDirectory(Path.Combine(mount, $"..{version}"));
        File.Copy(certificate.CertificateFile, Path.Combine(directory.FullName, "tls.crt"));
        File.Copy(certificate.KeyFile, Path.Combine(directory.FullName, "tls.key"));
        var link = Path.Combine(mount, "..data_tmp");
        File.CreateSymbolicLink(link, directory.Name);
        using (var move = Process.Start("mv", ["-T", link, Path.Combine(mount, "..data")])) move.WaitForExit();
        foreach (var name in (string[])["tls.crt", "tls.key"])
        {
            if (!Path.Exists(Path.Combine(mount, name))) File.CreateSymbolicLink(Path.Combine(mount, name), Path.Combine("..data", name));
        }

        return mount;
    }

    private async Task<string> EncryptAsync(PostgresFixture postgres, TlsCertificate certificate)
    {
        var database = await postgres.CreateDatabaseAsync();
        var (crt, key) = (Path.Combine(_directory.FullName, "server.crt"), Path.Combine(_directory.FullName, "server.key"));
        File.Copy(certificate.CertificateFile, crt);
        File.Copy(certificate.KeyFile, key);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(_directory.FullName, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherExecute);
            File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            File.SetUnixFileMode(crt, UnixFileMode.UserRead | UnixFileMode.OtherRead);
        }

        if (Environment.IsPrivilegedProcess)
        {
            using var own = Process.Start("chown", ["postgres", key, crt]);
            await own.WaitForExitAsync(Cancellation);
        }

        await using var connection = new NpgsqlConnection(database + ";Pooling=false");
        await connection.OpenAsync(Cancellation);
        foreach (var sql in (string[])[$"ALTER SYSTEM SET ssl_cert_file = '{crt}'", $"ALTER SYSTEM SET ssl_key_file = '{key}'", "ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()"])
        {
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync(Cancellation);
        }

        return database;
    }

    /// <summary>Whether the server sees TLS on every connection of the auth-service, and sees one.</summary>
    private static async Task<bool> AllEncryptedAsync(string database)
    {
        await using var connection = new NpgsqlConnection(database + ";Pooling=false;SSL Mode=Disable");
        await connection.OpenAsync(Cancellation);
        await using var command = new NpgsqlCommand("SELECT count(*) > 0 AND bool_and(s.ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.datname = current_database() AND pid <> pg_backend_pid()", connection);
        return (bool)(await command.ExecuteScalarAsync(Cancellation))!;
    }

    /// <summary>False also while the endpoint is bound anew.</summary>
    private static async Task<bool> ServesAsync(int port, string thumbprint)
    {
        try
        {
            return await ThumbprintAsync(port) == thumbprint;
        }
        catch (Exception exception) when (exception is IOException or SocketException)
        {
            return false;
        }
    }

    private static async Task<string> ThumbprintAsync(int port)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", port, Cancellation);
#pragma warning disable CA5359 // Whatever is served is what is asked for here.
        await using var tls = new SslStream(client.GetStream(), leaveInnerStreamOpen: false, (_, _, _, _) => true);
#pragma warning restore CA5359
        await tls.AuthenticateAsClientAsync("localhost");
        using var certificate = new X509Certificate2(tls.RemoteCertificate!);
        return certificate.Thumbprint;
    }

    private static string Thumbprint(TlsCertificate files)
    {
        using var certificate = X509Certificate2.CreateFromPemFile(files.CertificateFile, files.KeyFile);
        return certificate.Thumbprint;
    }
}
