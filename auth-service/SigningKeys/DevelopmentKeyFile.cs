using KeyEncryption;

namespace AuthService.SigningKeys;

/// <summary>The key-encryption key of a developer who has configured none.</summary>
internal static class DevelopmentKeyFile
{
    /// <summary>Reads the key, or makes one readable by its owner alone. The file appears whole or not at all, and of two
    /// processes that make one the second reads the first's.</summary>
    public static string ReadOrCreate(string path)
    {
        if (!File.Exists(path))
        {
            var temporary = $"{path}.{Environment.ProcessId}.{Guid.NewGuid():N}";
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            using (var writer = new StreamWriter(temporary, options)) writer.Write(KeyEncryptionKeyRing.NewKey());
            try
            {
                File.Move(temporary, path, overwrite: false);
            }
            catch (IOException) when (File.Exists(path))
            {
                File.Delete(temporary);
            }
        }
        return File.ReadAllText(path).Trim();
    }
}
