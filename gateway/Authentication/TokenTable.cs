using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Gateway.Authentication;

/// <summary>
/// Validated tokens by their whole text. One writer at a time; readers take no lock and never wait. The tokens themselves are
/// linked: with many of them a look costs what it waits for memory, and nodes of a dictionary would be one object more to wait for.
/// </summary>
internal sealed class TokenTable
{
    private const int InitialChains = 1024;

    /// <summary>
    /// Only the end of the signature is hashed: it is as good as random, and only tokens whose signature was verified are here,
    /// so nobody can make many with the same end. Equality is of the whole token.
    /// </summary>
    private const int HashedLength = 32;

    private ValidatedToken?[] _chains = new ValidatedToken?[InitialChains];

    public int Count { get; private set; }

    /// <summary>
    /// Finds a token. While the table grows, one that is there may be missed: it is then judged again, as if it were new.
    /// </summary>
    public bool TryFind(ReadOnlySpan<char> text, [NotNullWhen(true)] out ValidatedToken? found)
    {
        var hash = Hash(text);
        var chains = Volatile.Read(ref _chains);
        for (found = Volatile.Read(ref Chain(chains, hash)); found is not null; found = found.Next)
        {
            if (found.Hash == hash && Ascii.Equals(found.Text, text)) return true;
        }

        return false;
    }

    /// <summary>False if the same text is there already.</summary>
    public bool TryAdd(ValidatedToken token)
    {
        if (Count == _chains.Length) Grow();
        token.Hash = Hash(token.Text);
        ref var chain = ref Chain(_chains, token.Hash);
        for (var other = chain; other is not null; other = other.Next)
        {
            if (other.Hash == token.Hash && other.Text.AsSpan().SequenceEqual(token.Text)) return false;
        }

        token.Next = chain;
        Volatile.Write(ref chain, token);
        Count++;
        return true;
    }

    /// <summary>Takes out a token that is there. It keeps its link: a reader that stands on it goes on from there.</summary>
    public void Remove(ValidatedToken token)
    {
        ref var chain = ref Chain(_chains, token.Hash);
        if (chain == token)
        {
            Volatile.Write(ref chain, token.Next);
        }
        else
        {
            var before = chain!;
            while (before.Next != token) before = before.Next!;
            before.Next = token.Next;
        }

        Count--;
    }

    /// <summary>All tokens, but for those that come or go meanwhile.</summary>
    public IEnumerable<ValidatedToken> All()
    {
        foreach (var chain in Volatile.Read(ref _chains))
        {
            for (var token = chain; token is not null; token = token.Next) yield return token;
        }
    }

    private void Grow()
    {
        var grown = new ValidatedToken?[_chains.Length * 2];
        foreach (var chain in _chains)
        {
            for (var token = chain; token is not null;)
            {
                var next = token.Next;
                ref var place = ref Chain(grown, token.Hash);
                (token.Next, place) = (place, token);
                token = next;
            }
        }

        Volatile.Write(ref _chains, grown);
    }

    private static ref ValidatedToken? Chain(ValidatedToken?[] chains, int hash) => ref chains[hash & (chains.Length - 1)];

    private static int Hash(ReadOnlySpan<char> text) =>
        string.GetHashCode(text[Math.Max(0, text.Length - HashedLength)..], StringComparison.Ordinal);

    private static int Hash(ReadOnlySpan<byte> text)
    {
        Span<char> end = stackalloc char[HashedLength];
        return Hash(end[..Encoding.ASCII.GetChars(text[Math.Max(0, text.Length - HashedLength)..], end)]);
    }
}
