namespace AuthService.Sessions;

/// <summary>Writes and reads the text of refresh tokens.</summary>
internal sealed class RefreshTokens(MacKeyStore keys)
{
    public string Write(RefreshToken token) => RefreshTokenCodec.Write(token, keys.Current.Signing);

    /// <summary>The token, or null for anything we did not issue. Needs no I/O but for one under a key that is new here.</summary>
    public async ValueTask<RefreshToken?> ReadAsync(string? text)
    {
        var reading = RefreshTokenCodec.Read(text, keys.Current, out var token);
        if (reading != RefreshTokenReading.UnknownKey)
            return token;
        await keys.ReloadAsync();
        RefreshTokenCodec.Read(text, keys.Current, out token);
        return token;
    }
}
