namespace Graph.Compiler.Ir;

/// <summary>
/// Philox4x32-10, the counter-based generator of Salmon et al. (SC 2011): the bits of an element depend on its seed, stream and index alone, so they are the same on every target and for any number of threads.
/// </summary>
public static class Philox
{
    const uint M0 = 0xD2511F53, M1 = 0xCD9E8D57, W0 = 0x9E3779B9, W1 = 0xBB67AE85;

    /// <summary>The four words of one counter under one key.</summary>
    public static PhiloxBlock Block(ulong key, ulong counterLow, ulong counterHigh)
    {
        uint k0 = (uint)key, k1 = (uint)(key >> 32);
        uint x = (uint)counterLow, y = (uint)(counterLow >> 32), z = (uint)counterHigh, w = (uint)(counterHigh >> 32);
        for (var round = 0; round < 10; round++)
        {
            var p0 = (ulong)M0 * x;
            var p1 = (ulong)M1 * z;
            (x, y, z, w) = ((uint)(p1 >> 32) ^ y ^ k0, (uint)p1, (uint)(p0 >> 32) ^ w ^ k1, (uint)p0);
            k0 = unchecked(k0 + W0);
            k1 = unchecked(k1 + W1);
        }
        return new(x, y, z, w);
    }

    /// <summary>
    /// A float uniform in [0, 1) with 24 bits: word <c>index % 4</c> of the block with counter <c>(index / 4, stream)</c> under key <paramref name="seed"/>.
    /// </summary>
    public static float Uniform(ulong seed, ulong stream, ulong index)
    {
        var (x, y, z, w) = Block(seed, index >> 2, stream);
        var word = (index & 3) switch { 0 => x, 1 => y, 2 => z, _ => w };
        return (word >> 8) * (1f / (1 << 24));
    }

    /// <summary>The stream that iteration <paramref name="iteration"/> of a loop draws from, where <paramref name="stream"/> is that of the first: streams lie a golden section of 2⁶⁴ apart, so that they do not meet.</summary>
    public static ulong Stream(long stream, long iteration) => unchecked((ulong)stream + (ulong)iteration * 0x9E3779B97F4A7C15UL);

    /// <summary>The number of a random stream: 53 bits of the FNV-1a hash of a stable name, so that a double holds it exactly.</summary>
    public static ulong Stream(string name)
    {
        var hash = 14695981039346656037UL;
        foreach (var c in name) hash = unchecked((hash ^ c) * 1099511628211UL);
        return hash >> 11;
    }
}

/// <summary>Four words that Philox makes at once. A type of its own: a tuple of the framework's over numbers is compiled anew in each process.</summary>
public readonly struct PhiloxBlock(uint x, uint y, uint z, uint w)
{
    readonly uint x = x, y = y, z = z, w = w;

    public void Deconstruct(out uint x, out uint y, out uint z, out uint w)
    {
        x = this.x;
        y = this.y;
        z = this.z;
        w = this.w;
    }
}
