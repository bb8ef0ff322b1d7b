using System.Security.Cryptography;

namespace Gateway.Forwarding;

/// <summary>
/// What some small files hold, now. They are looked at each time, which is cheap beside the TLS handshake it is for: no file
/// event is missed, not where Kubernetes replaces a Secret by turning a link either. While they cannot be used, as between the
/// replacement of a certificate and that of its key, what they held before stays.
/// </summary>
internal sealed partial class ReadAgain<T>(string[] files, Func<T> read, ILogger logger)
    where T : class
{
    private readonly Lock _lock = new();
    private byte[] _seen = [];
    private T? _current;

    /// <summary>Throws as long as the files could not be used even once.</summary>
    public T Current()
    {
        lock (_lock)
        {
            try
            {
                var now = files.Select(File.ReadAllBytes).Select(SHA256.HashData).SelectMany(hash => hash).ToArray();
                if (_current is not null && now.AsSpan().SequenceEqual(_seen)) return _current;
                // What was handed out before may be in use.
                _current = read();
                _seen = now;
            }
            catch (Exception exception) when (_current is not null && exception is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
            {
                Log.Unusable(logger, string.Join(", ", files), exception.Message);
            }

            return _current!;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1209, LogLevel.Error, "{Files} cannot be used now; connections to backends are made with what was there before: {Reason}")]
        public static partial void Unusable(ILogger logger, string files, string reason);
    }
}
