using System.Runtime.InteropServices;

namespace Pmem.Pools;

/// <summary>The 64-bit Fletcher checksum over little-endian 32-bit words that PMDK, the Linux kernel and UEFI use (PMDK <c>util_checksum</c>).</summary>
public static class Fletcher64
{
    /// <summary>Checksum of a whole number of 32-bit words, continuing from <paramref name="seed"/> (0 to start).</summary>
    public static ulong Compute(ReadOnlySpan<byte> data, ulong seed = 0)
    {
        uint lo = (uint)seed;
        uint hi = (uint)(seed >> 32);
        foreach (uint word in MemoryMarshal.Cast<byte, uint>(data))
        {
            lo += word;
            hi += lo;
        }

        return ((ulong)hi << 32) | lo;
    }
}
