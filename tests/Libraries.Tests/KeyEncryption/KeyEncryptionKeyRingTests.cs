using System.Security.Cryptography;
using KeyEncryption;

namespace Libraries.Tests.KeyEncryption;

public sealed class KeyEncryptionKeyRingTests
{
    private const string Setting = "Some:Keys";
    private static readonly string Old = KeyEncryptionKeyRing.NewKey();
    private static readonly string New = KeyEncryptionKeyRing.NewKey();
    private static readonly byte[] Secret = RandomNumberGenerator.GetBytes(121);

    [Fact]
    public void Open_gives_back_what_was_sealed_and_no_two_envelopes_are_alike()
    {
        var ring = Ring(New);
        var first = ring.Seal("signing-key", "k1", Secret);
        var second = ring.Seal("signing-key", "k1", Secret);
        Assert.Equal(Secret, ring.Open("signing-key", "k1", first));
        Assert.Equal(Secret, ring.Open("signing-key", "k1", second));
        Assert.NotEqual(first, second);
        Assert.DoesNotContain(Convert.ToBase64String(Secret)[..20], first, StringComparison.Ordinal);
    }

    [Fact]
    public void First_key_wraps_and_every_key_unwraps()
    {
        var envelope = Ring(Old).Seal("p", "k", Secret);
        var rotated = Ring(New, Old);
        Assert.Equal(Secret, rotated.Open("p", "k", envelope));
        Assert.False(rotated.IsSealedUnderFirstKey(envelope));
        var resealed = rotated.Seal("p", "k", Secret);
        Assert.True(rotated.IsSealedUnderFirstKey(resealed));
        Assert.Equal(Secret, Ring(New).Open("p", "k", resealed));
    }

    [Fact]
    public void Open_with_a_ring_that_lacks_the_key_names_the_setting()
    {
        var envelope = Ring(Old).Seal("p", "k", Secret);
        var exception = Assert.Throws<KeyEncryptionException>(() => Ring(New).Open("p", "k", envelope));
        Assert.Contains(Setting, exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Old, exception.Message, StringComparison.Ordinal);
    }

    // Purpose and key id are delimited: moving a character between them is another binding.
    [Theory]
    [InlineData("signing-ke", "yk1")]
    [InlineData("signing-keyk", "1")]
    [InlineData("signing-key", "k2")]
    [InlineData("mac-key", "k1")]
    public void Open_for_another_purpose_or_key_id_is_refused(string purpose, string keyId)
    {
        var ring = Ring(New);
        Assert.Throws<KeyEncryptionException>(() => ring.Open(purpose, keyId, ring.Seal("signing-key", "k1", Secret)));
    }

    [Fact]
    public void Open_of_an_envelope_changed_anywhere_is_refused()
    {
        var ring = Ring(New);
        var envelope = ring.Seal("p", "k", Secret);
        for (var i = 0; i < envelope.Length; i++)
        {
            var changed = envelope.ToCharArray();
            changed[i] = changed[i] == 'A' ? 'B' : 'A';
            Assert.Throws<KeyEncryptionException>(() => ring.Open("p", "k", new string(changed)));
            Assert.Throws<KeyEncryptionException>(() => ring.Open("p", "k", envelope[..i]));
        }
    }

    [Fact]
    public void Faults_lists_every_fault_with_its_index()
    {
        var faults = KeyEncryptionKeyRing.Faults([New, "short", New, Convert.ToBase64String(new byte[32]), "!"], Setting);
        Assert.Equal(4, faults.Count);
        foreach (var (index, fault) in new[] { 1, 2, 3, 4 }.Zip(faults))
            Assert.StartsWith($"{Setting}:{index} ", fault, StringComparison.Ordinal);
        Assert.DoesNotContain(faults, fault => fault.Contains(New, StringComparison.Ordinal));
        Assert.Empty(KeyEncryptionKeyRing.Faults([New, Old], Setting));
    }

    private static KeyEncryptionKeyRing Ring(params string[] keys) => new(keys, Setting);
}
