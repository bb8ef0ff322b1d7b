using System.Collections.Frozen;

namespace Gateway.Forwarding;

/// <summary>
/// The gateway's settings in a cluster's <c>Metadata</c>. An unknown key that starts with <see cref="Prefix"/> is an error, so
/// that a misspelt one is not silently the default.
/// </summary>
internal static class ClusterMetadata
{
    public const string Prefix = "Gateway.";

    /// <summary>
    /// A PEM file with the certificate that backends are shown when they ask for one (mutual TLS). Default: none is. Read again
    /// for each new connection, so a renewed one needs no restart. Only its first certificate is sent: backends must know the
    /// authority that issued it.
    /// </summary>
    public const string ClientCertificate = "Gateway.ClientCertificate";

    /// <summary>A PEM file with the private key of <c>Gateway.ClientCertificate</c>, not encrypted; may be the same file.</summary>
    public const string ClientCertificateKey = "Gateway.ClientCertificateKey";

    /// <summary>
    /// A PEM file with the only authorities whose certificates backends may have. Default: those the process trusts. Read again
    /// for each new connection.
    /// </summary>
    public const string ServerAuthority = "Gateway.ServerAuthority";

    /// <summary>What a configuration may hold.</summary>
    public static readonly FrozenSet<string> Known =
        new[] { ClientCertificate, ClientCertificateKey, ServerAuthority }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);
}
