using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Pmem.Native;

/// <summary>
/// Writes CPU cache lines back and waits for them. The base library has no such instructions, so a range is flushed by one call of a few
/// bytes of machine code. Where executable memory is forbidden the maps fall back to msync: rewriting lines with non-temporal stores would
/// do on one thread, but could undo a store of another thread to the same line.
/// </summary>
internal static unsafe class CpuCache
{
    /// <summary>Bytes of a cache line.</summary>
    public const int LineSize = 64;

    /// <summary>No garbage collection can start while a stub runs, so long ranges are flushed in slices.</summary>
    private const int Slice = 64 << 10;

    /// <summary>The instruction in use.</summary>
    public static readonly FlushInstruction Instruction = Detect();

    private static readonly delegate* unmanaged[SuppressGCTransition]<byte*, nuint, void> s_flush = Load(Instruction);

    /// <summary>Whether lines can be flushed at all; if not, every map is of page granularity.</summary>
    public static bool IsAvailable => s_flush is not null;

    /// <summary>Starts writing back the lines of a range of at least one byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Flush(byte* address, long length)
    {
        if (length <= Slice)
            s_flush(address, (nuint)length);
        else
            FlushSlices(address, length);
    }

    /// <summary>Waits until this thread's flushes and non-temporal stores are done.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Fence()
    {
        if (Sse.IsSupported)
            Sse.StoreFence();
        else
            Interlocked.MemoryBarrier();
    }

    private static void FlushSlices(byte* address, long length)
    {
        for (long done = 0; done < length; done += Slice)
            s_flush(address + done, (nuint)Math.Min(Slice, length - done));
    }

    private static FlushInstruction Detect()
    {
        if (ExecutableCode.IsForbidden)
            return FlushInstruction.None;
        if (RuntimeInformation.ProcessArchitecture == Architecture.Arm64 && ArmBase.Arm64.IsSupported)
        {
            const ulong HardwareCapabilities = 16;
            const ulong DcPop = 1 << 16;
            bool persistent = OperatingSystem.IsLinux() && (Libc.AuxiliaryValue(HardwareCapabilities) & DcPop) != 0;
            return persistent ? FlushInstruction.DcCvap : FlushInstruction.DcCvac;
        }

        if (!X86Base.IsSupported)
            return FlushInstruction.None;
        (int maximum, _, _, _) = X86Base.CpuId(0, 0);
        int extended = maximum >= 7 ? X86Base.CpuId(7, 0).Ebx : 0;
        if ((extended & (1 << 24)) != 0 && !Variable("PMEM_NO_CLWB"))
            return FlushInstruction.ClWb;
        if ((extended & (1 << 23)) != 0 && !Variable("PMEM_NO_CLFLUSHOPT"))
            return FlushInstruction.ClFlushOpt;
        return FlushInstruction.ClFlush;
    }

    private static delegate* unmanaged[SuppressGCTransition]<byte*, nuint, void> Load(FlushInstruction instruction)
    {
        byte[] code = instruction == FlushInstruction.None
            ? []
            : FlushCode.For(instruction, RuntimeInformation.ProcessArchitecture, OperatingSystem.IsWindows());
        return code.Length == 0 ? null : (delegate* unmanaged[SuppressGCTransition]<byte*, nuint, void>)ExecutableCode.TryLoad(code);
    }

    private static bool Variable(string name) => Environment.GetEnvironmentVariable(name) == "1";
}
