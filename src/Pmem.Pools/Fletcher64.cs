using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Pmem.Pools;

/// <summary>
/// The 64-bit Fletcher checksum over little-endian 32-bit words that PMDK (<c>util_checksum</c>), the Linux kernel and UEFI use: two 32-bit
/// sums that wrap, the second of the first.
/// </summary>
/// <remarks>
/// The second sum weighs each word by its distance from the end, so it can be computed for many words at once: lanes keep their own two sums,
/// and the lane number corrects the weight at the end.
/// </remarks>
public static class Fletcher64
{
    /// <summary>Checksum of a whole number of 32-bit words.</summary>
    /// <param name="data">The bytes; their number is a multiple of 4.</param>
    /// <param name="seed">The checksum of what comes before, 0 to start.</param>
    public static ulong Compute(ReadOnlySpan<byte> data, ulong seed = 0)
    {
        if ((data.Length & 3) != 0)
            throw new ArgumentException($"the checksum is defined on whole 32-bit words, not {data.Length} bytes", nameof(data));

        uint low = (uint)seed;
        uint high = (uint)(seed >> 32);
        ref byte at = ref MemoryMarshal.GetReference(data);
        int length = data.Length;
        int done = 0;
        if (Vector512.IsHardwareAccelerated && length >= Vector512<byte>.Count)
            done = Sum512(ref at, length, ref low, ref high);
        else if (Vector256.IsHardwareAccelerated && length >= Vector256<byte>.Count)
            done = Sum256(ref at, length, ref low, ref high);
        else if (Vector128.IsHardwareAccelerated && length >= Vector128<byte>.Count)
            done = Sum128(ref at, length, ref low, ref high);

        for (; done < length; done += sizeof(uint))
        {
            uint word = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref at, done));
            low += BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word);
            high += low;
        }

        return ((ulong)high << 32) | low;
    }

    /// <summary>Checksum of a structure that holds its own checksum: those 8 bytes count as zero.</summary>
    /// <param name="data">The structure; its length is a multiple of 4.</param>
    /// <param name="checksumPosition">Where in it the checksum field is; a multiple of 4.</param>
    public static ulong ComputeWithHole(ReadOnlySpan<byte> data, int checksumPosition)
    {
        // Summed with the field, in one go of whole vectors, and the field's two words taken out again with their weights.
        ulong sum = Compute(data);
        ReadOnlySpan<byte> field = data.Slice(checksumPosition, sizeof(ulong));
        uint first = BinaryPrimitives.ReadUInt32LittleEndian(field);
        uint second = BinaryPrimitives.ReadUInt32LittleEndian(field[sizeof(uint)..]);
        uint weight = (uint)(data.Length - checksumPosition) / sizeof(uint);
        uint low = (uint)sum - first - second;
        uint high = (uint)(sum >> 32) - (first * weight) - (second * (weight - 1));
        return ((ulong)high << 32) | low;
    }

    /// <summary>Checksum of a structure of which everything from a position on counts as zero.</summary>
    /// <param name="data">The structure; its length is a multiple of 4.</param>
    /// <param name="skipFrom">First byte that counts as zero; a multiple of 4.</param>
    public static ulong ComputeSkipping(ReadOnlySpan<byte> data, int skipFrom) =>
        AppendZeros(Compute(data[..skipFrom]), (uint)(data.Length - skipFrom) / sizeof(uint));

    /// <summary>Continues a checksum over zero words.</summary>
    /// <param name="checksum">What comes before.</param>
    /// <param name="words">How many 32-bit words of zero follow.</param>
    public static ulong AppendZeros(ulong checksum, uint words)
    {
        uint low = (uint)checksum;
        uint high = (uint)(checksum >> 32) + (words * low);
        return ((ulong)high << 32) | low;
    }

    private static int Sum512(ref byte at, int length, ref uint low, ref uint high)
    {
        int whole = length & -Vector512<byte>.Count;
        Vector512<uint> first = Vector512<uint>.Zero;
        Vector512<uint> second = Vector512<uint>.Zero;
        for (int i = 0; i < whole; i += Vector512<byte>.Count)
        {
            first += Vector512.LoadUnsafe(ref Unsafe.Add(ref at, i)).AsUInt32();
            second += first;
        }

        Combine(
            (uint)whole / sizeof(uint),
            Vector512.Sum(first),
            ((uint)Vector512<uint>.Count * Vector512.Sum(second)) - Vector512.Sum(first * Vector512<uint>.Indices),
            ref low,
            ref high);
        return whole;
    }

    private static int Sum256(ref byte at, int length, ref uint low, ref uint high)
    {
        int whole = length & -Vector256<byte>.Count;
        Vector256<uint> first = Vector256<uint>.Zero;
        Vector256<uint> second = Vector256<uint>.Zero;
        for (int i = 0; i < whole; i += Vector256<byte>.Count)
        {
            first += Vector256.LoadUnsafe(ref Unsafe.Add(ref at, i)).AsUInt32();
            second += first;
        }

        Combine(
            (uint)whole / sizeof(uint),
            Vector256.Sum(first),
            ((uint)Vector256<uint>.Count * Vector256.Sum(second)) - Vector256.Sum(first * Vector256<uint>.Indices),
            ref low,
            ref high);
        return whole;
    }

    private static int Sum128(ref byte at, int length, ref uint low, ref uint high)
    {
        int whole = length & -Vector128<byte>.Count;
        Vector128<uint> first = Vector128<uint>.Zero;
        Vector128<uint> second = Vector128<uint>.Zero;
        for (int i = 0; i < whole; i += Vector128<byte>.Count)
        {
            first += Vector128.LoadUnsafe(ref Unsafe.Add(ref at, i)).AsUInt32();
            second += first;
        }

        Combine(
            (uint)whole / sizeof(uint),
            Vector128.Sum(first),
            ((uint)Vector128<uint>.Count * Vector128.Sum(second)) - Vector128.Sum(first * Vector128<uint>.Indices),
            ref low,
            ref high);
        return whole;
    }

    private static void Combine(uint words, uint sum, uint weighted, ref uint low, ref uint high)
    {
        high += (words * low) + weighted;
        low += sum;
    }
}
