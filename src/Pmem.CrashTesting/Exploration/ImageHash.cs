using System.Runtime.InteropServices;
using Pmem.CrashTesting.Model;

namespace Pmem.CrashTesting.Exploration;

/// <summary>
/// A 128-bit hash of an image, to know images that were tried before: the exclusive or of a hash of each line that is not zero, so that a line
/// can be exchanged without looking at the others. Not cryptographic.
/// </summary>
/// <param name="Low">Low half.</param>
/// <param name="High">High half.</param>
internal readonly record struct ImageHash(ulong Low, ulong High)
{
    private const int LineSize = PersistencyModel.LineSize;
    private const ulong Prime1 = 0x9E3779B185EBCA87;
    private const ulong Prime2 = 0xC2B2AE3D27D4EB4F;

    /// <summary>The hash of an image.</summary>
    public static ImageHash Compute(ReadOnlySpan<byte> image)
    {
        ImageHash hash = default;
        int at = 0;
        while (at < image.Length)
        {
            int skip = image[at..].IndexOfAnyExcept((byte)0);
            if (skip < 0)
                break;
            at = (at + skip) & -LineSize;
            hash = hash.With(at, image.Slice(at, Math.Min(LineSize, image.Length - at)));
            at += LineSize;
        }

        return hash;
    }

    /// <summary>The hash with a line added.</summary>
    public ImageHash With(long offset, ReadOnlySpan<byte> line)
    {
        if (line.IndexOfAnyExcept((byte)0) < 0)
            return this;
        ulong a = ((ulong)offset + 1) * Prime1;
        ulong b = ((ulong)offset + 1) * Prime2;
        foreach (ulong word in MemoryMarshal.Cast<byte, ulong>(line))
        {
            a = ulong.RotateLeft(a ^ (word * Prime2), 29) * Prime1;
            b = ulong.RotateLeft(b ^ (word * Prime1), 31) * Prime2;
        }

        foreach (byte rest in line[(line.Length & ~7)..])
            a = ulong.RotateLeft(a ^ rest, 29) * Prime1;
        return new ImageHash(Low ^ a ^ (b >> 32), High ^ b ^ (a >> 29));
    }

    /// <summary>The hash with a line taken away: the same operation.</summary>
    public ImageHash Without(long offset, ReadOnlySpan<byte> line) => With(offset, line);
}
