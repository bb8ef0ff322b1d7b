using System.Security.Cryptography;

namespace KeyEncryption;

/// <summary>An envelope cannot be opened: not one, changed, bound to another purpose or key id, or sealed under a key
/// that is not in the ring. The message says which, and never holds key material.</summary>
public sealed class KeyEncryptionException : CryptographicException
{
    /// <summary>Creates the exception.</summary>
    public KeyEncryptionException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    public KeyEncryptionException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Creates the exception.</summary>
    public KeyEncryptionException()
    {
    }
}
