namespace RevocationProtocol;

/// <summary>
/// Redis could not be asked, or did not answer in time. What was sent may or may not have been carried out: callers
/// answer 503 and rely on the command being safe to repeat.
/// </summary>
public sealed class RedisUnavailableException : Exception
{
    /// <summary>Creates the exception.</summary>
    public RedisUnavailableException()
        : this("Redis is unavailable.")
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What failed; never contains keys' values.</param>
    public RedisUnavailableException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What failed; never contains keys' values.</param>
    /// <param name="innerException">The client library's own exception.</param>
    public RedisUnavailableException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
