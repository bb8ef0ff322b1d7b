using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Yarp.ReverseProxy.Configuration;

namespace Gateway.Forwarding;

/// <summary>By what files gateway and backends of a cluster prove to one another who they are. Null: not set.</summary>
internal sealed record BackendTls(string? CertificateFile, string? KeyFile, string? AuthorityFile)
{
    /// <summary>RFC 5280 section 4.2.1.12: a certificate for servers.</summary>
    private static readonly Oid ServerAuthentication = new("1.3.6.1.5.5.7.3.1");

    public static BackendTls Read(IReadOnlyDictionary<string, string>? metadata) => new(
        metadata?.GetValueOrDefault(ClusterMetadata.ClientCertificate),
        metadata?.GetValueOrDefault(ClusterMetadata.ClientCertificateKey),
        metadata?.GetValueOrDefault(ClusterMetadata.ServerAuthority));

    /// <summary>Everything that is wrong with it in a cluster, one text each.</summary>
    public static IEnumerable<string> FindProblems(ClusterConfig cluster)
    {
        var key = $"ReverseProxy:Clusters:{cluster.ClusterId}:Metadata";
        foreach (var name in cluster.Metadata?.Keys.Where(name =>
            name.StartsWith(ClusterMetadata.Prefix, StringComparison.OrdinalIgnoreCase) && !ClusterMetadata.Known.Contains(name)) ?? [])
        {
            yield return $"{key}:{name}: is not a setting; known are {string.Join(", ", ClusterMetadata.Known)}.";
        }

        var tls = Read(cluster.Metadata);
        if (tls is { CertificateFile: null, KeyFile: null, AuthorityFile: null }) yield break;
        if (tls.CertificateFile is null != tls.KeyFile is null)
            yield return $"{key}: {ClusterMetadata.ClientCertificate} and {ClusterMetadata.ClientCertificateKey} need each other.";
        else if (tls.CertificateFile is not null && Fault(() => ReadCertificate(tls.CertificateFile, tls.KeyFile!).Dispose()) is { } certificate)
            yield return $"{key}:{ClusterMetadata.ClientCertificate}: '{tls.CertificateFile}' with the key '{tls.KeyFile}' cannot be used: {certificate}";
        if (tls.AuthorityFile is not null && Fault(() => ReadAuthorities(tls.AuthorityFile)) is { } authority)
            yield return $"{key}:{ClusterMetadata.ServerAuthority}: '{tls.AuthorityFile}' cannot be used: {authority}";
        if (tls.AuthorityFile is not null && cluster.HttpClient?.DangerousAcceptAnyServerCertificate == true)
            yield return $"{key}:{ClusterMetadata.ServerAuthority}: names authorities, and HttpClient:DangerousAcceptAnyServerCertificate asks none. Remove one of the two.";
        foreach (var (name, _) in cluster.Destinations?.Where(destination => !destination.Value.Address.StartsWith("https://", StringComparison.OrdinalIgnoreCase)) ?? [])
            yield return $"ReverseProxy:Clusters:{cluster.ClusterId}:Destinations:{name}:Address: is not https, and the cluster's {ClusterMetadata.Prefix} settings are about TLS.";
    }

    /// <summary>Sets it on the clients of a cluster.</summary>
    public void Apply(SslClientAuthenticationOptions ssl, ILogger logger)
    {
        if (CertificateFile is not null && KeyFile is not null)
        {
            var certificate = new ReadAgain<X509Certificate2>([CertificateFile, KeyFile], () => ReadCertificate(CertificateFile, KeyFile), logger);
            ssl.LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate.Current();
        }

        if (AuthorityFile is not null)
        {
            var authorities = new ReadAgain<X509Certificate2Collection>([AuthorityFile], () => ReadAuthorities(AuthorityFile), logger);
            ssl.RemoteCertificateValidationCallback = (_, certificate, chain, errors) => IsIssuedBy(authorities.Current(), certificate, chain, errors);
        }
    }

    private static bool IsIssuedBy(X509Certificate2Collection authorities, X509Certificate? certificate, X509Chain? sent, SslPolicyErrors errors)
    {
        // That there is one, and for this host, has been judged; the authorities alone are others.
        if (certificate is not X509Certificate2 leaf || (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) != SslPolicyErrors.None) return false;
        using var chain = new X509Chain();
        var policy = chain.ChainPolicy;
        policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        policy.CustomTrustStore.AddRange(authorities);
        if (sent is not null) policy.ExtraStore.AddRange(sent.ChainPolicy.ExtraStore);
        policy.ApplicationPolicy.Add(ServerAuthentication);
        policy.RevocationMode = X509RevocationMode.NoCheck;
        policy.DisableCertificateDownloads = true;
        return chain.Build(leaf);
    }

    private static X509Certificate2 ReadCertificate(string certificateFile, string keyFile) => X509Certificate2.CreateFromPemFile(certificateFile, keyFile);

    private static X509Certificate2Collection ReadAuthorities(string file)
    {
        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPemFile(file);
        return authorities.Count > 0 ? authorities : throw new CryptographicException("It holds no certificate.");
    }

    private static string? Fault(Action read)
    {
        try
        {
            read();
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            return exception.Message;
        }
    }
}
