using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Pmem.CrashTesting;

/// <summary>A 128-bit hash of an image, to know images that were tried before. Not cryptographic.</summary>
internal static class ImageHash
{
    private const ulong Prime1 = 0x9E3779B185EBCA87;
    private const ulong Prime2 = 0xC2B2AE3D27D4EB4F;

    public static (ulong Low, ulong High) Compute(ReadOnlySpan<byte> image)
    {
        // Four lanes; each folds a word in, multiplies and rotates. Blocks of zeros, of which a pool has many, cost one test.
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(image);
        ulong a = Prime1;
        ulong b = Prime2;
        int i = 0;
        for (; i + 8 <= words.Length; i += 8)
        {
            if (Vector512.LoadUnsafe(ref MemoryMarshal.GetReference(words), (nuint)i) == Vector512<ulong>.Zero)
                continue;
            for (int j = i; j < i + 8; j += 2)
            {
                a = ulong.RotateLeft(a ^ ((words[j] + (ulong)j) * Prime2), 29) * Prime1;
                b = ulong.RotateLeft(b ^ ((words[j + 1] + (ulong)j) * Prime1), 31) * Prime2;
            }
        }

        for (; i < words.Length; i++)
            a = ulong.RotateLeft(a ^ ((words[i] + (ulong)i) * Prime2), 29) * Prime1;
        foreach (byte rest in image[(words.Length * sizeof(ulong))..])
            b = ulong.RotateLeft(b ^ rest, 31) * Prime2;
        return (a ^ (b >> 32), b ^ (a >> 29));
    }
}
