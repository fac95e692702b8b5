using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Pmem.Native;

/// <summary>Copies and fills past the CPU cache: whole, aligned lines with non-temporal stores of the widest vector there is.</summary>
internal static unsafe class StreamingCopy
{
    private const int LineSize = CpuCache.LineSize;

    /// <summary>Whether non-temporal stores exist and are allowed (<c>PMEM_NO_MOVNT</c>).</summary>
    public static readonly bool IsSupported = Sse2.IsSupported && Environment.GetEnvironmentVariable("PMEM_NO_MOVNT") != "1";

    /// <summary>Bytes from which a copy without hints goes past the cache; <c>PMEM_MOVNT_THRESHOLD</c> as in libpmem.</summary>
    public static readonly long Threshold = ReadThreshold(out ThresholdIsSet);

    /// <summary>Whether the program chose the threshold; if not, whole aligned lines go past the cache at any size, which is faster.</summary>
    public static readonly bool ThresholdIsSet;

    // PMEM_AVX512F=0 and PMEM_AVX=0 restrict the width, as in libpmem.
    private static readonly bool s_wide512 = Vector512.IsHardwareAccelerated && Environment.GetEnvironmentVariable("PMEM_AVX512F") != "0";
    private static readonly bool s_wide256 = Vector256.IsHardwareAccelerated && Environment.GetEnvironmentVariable("PMEM_AVX") != "0";

    /// <summary>Copies whole lines to an aligned destination. The ranges must not overlap.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void CopyLines(byte* destination, byte* source, long length)
    {
        if (s_wide512)
            CopyLines512(destination, source, length);
        else if (s_wide256)
            CopyLines256(destination, source, length);
        else
            CopyLines128(destination, source, length);
    }

    /// <summary>Fills whole lines at an aligned destination.</summary>
    public static void FillLines(byte* destination, byte value, long length)
    {
        byte* end = destination + length;
        if (s_wide512)
        {
            Vector512<byte> pattern = Vector512.Create(value);
            for (; destination < end; destination += LineSize)
                pattern.StoreAlignedNonTemporal(destination);
            return;
        }

        Vector128<byte> narrow = Vector128.Create(value);
        for (; destination < end; destination += Vector128<byte>.Count)
            narrow.StoreAlignedNonTemporal(destination);
    }

    private static void CopyLines512(byte* destination, byte* source, long length)
    {
        byte* end = destination + length;
        byte* unrolled = destination + (length & ~(8L * LineSize - 1));
        while (destination < unrolled)
        {
            Vector512<byte> a = Vector512.Load(source);
            Vector512<byte> b = Vector512.Load(source + LineSize);
            Vector512<byte> c = Vector512.Load(source + (2 * LineSize));
            Vector512<byte> d = Vector512.Load(source + (3 * LineSize));
            Vector512<byte> e = Vector512.Load(source + (4 * LineSize));
            Vector512<byte> f = Vector512.Load(source + (5 * LineSize));
            Vector512<byte> g = Vector512.Load(source + (6 * LineSize));
            Vector512<byte> h = Vector512.Load(source + (7 * LineSize));
            a.StoreAlignedNonTemporal(destination);
            b.StoreAlignedNonTemporal(destination + LineSize);
            c.StoreAlignedNonTemporal(destination + (2 * LineSize));
            d.StoreAlignedNonTemporal(destination + (3 * LineSize));
            e.StoreAlignedNonTemporal(destination + (4 * LineSize));
            f.StoreAlignedNonTemporal(destination + (5 * LineSize));
            g.StoreAlignedNonTemporal(destination + (6 * LineSize));
            h.StoreAlignedNonTemporal(destination + (7 * LineSize));
            source += 8 * LineSize;
            destination += 8 * LineSize;
        }

        for (; destination < end; destination += LineSize, source += LineSize)
            Vector512.Load(source).StoreAlignedNonTemporal(destination);
    }

    private static void CopyLines256(byte* destination, byte* source, long length)
    {
        byte* end = destination + length;
        for (; destination < end; destination += LineSize, source += LineSize)
        {
            Vector256<byte> a = Vector256.Load(source);
            Vector256<byte> b = Vector256.Load(source + 32);
            a.StoreAlignedNonTemporal(destination);
            b.StoreAlignedNonTemporal(destination + 32);
        }
    }

    private static void CopyLines128(byte* destination, byte* source, long length)
    {
        byte* end = destination + length;
        for (; destination < end; destination += 16, source += 16)
            Vector128.Load(source).StoreAlignedNonTemporal(destination);
    }

    private static long ReadThreshold(out bool isSet)
    {
        const long Default = 256;
        isSet = long.TryParse(Environment.GetEnvironmentVariable("PMEM_MOVNT_THRESHOLD"), out long value) && value >= 0;
        return isSet ? value : Default;
    }
}
