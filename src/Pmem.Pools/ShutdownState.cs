using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Pmem.Pools;

/// <summary>
/// The shutdown state, 64 bytes in the header: how often the modules below had lost power uncleanly when the pool was opened, and whether it
/// was closed since. A pool that was open while the count rose may have lost what the memory controller held (a failed ADR).
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
public struct ShutdownState
{
    /// <summary>Bytes on media.</summary>
    public const int Size = 64;

    /// <summary>Sum of the dirty-shutdown counts of the modules that hold the parts.</summary>
    [FieldOffset(0)]
    public ulong UnsafeShutdownCount;

    /// <summary>Sum of the checksums of the modules' ids.</summary>
    [FieldOffset(8)]
    public ulong DeviceId;

    /// <summary>1 while the pool is open.</summary>
    [FieldOffset(16)]
    public byte Dirty;

    /// <summary>Fletcher-64 of the 64 bytes.</summary>
    [FieldOffset(56)]
    public ulong Checksum;

    /// <summary>The checksum that the state should have.</summary>
    public readonly ulong ComputeChecksum() => Fletcher64.ComputeWithHole(Bytes(in this), 56);

    /// <summary>Whether all 64 bytes are zero: nothing was ever recorded, or there is nothing to record.</summary>
    public readonly bool IsZero() => !Bytes(in this).ContainsAnyExcept((byte)0);

    /// <summary>What an open must do about the state on media (PMDK <c>shutdown_state_check</c>).</summary>
    /// <param name="current">Count and id of the modules now.</param>
    public readonly ShutdownVerdict Judge(in ShutdownState current)
    {
        bool currentIsZero = current.UnsafeShutdownCount == 0 && current.DeviceId == 0;
        if (IsZero())
            return currentIsZero ? ShutdownVerdict.Clean : ShutdownVerdict.Reinitialize;
        if (Checksum != ComputeChecksum())
            return ShutdownVerdict.Reinitialize;
        if (UnsafeShutdownCount == current.UnsafeShutdownCount && DeviceId == current.DeviceId)
            return Dirty == 0 ? ShutdownVerdict.Clean : ShutdownVerdict.NotClosed;
        return Dirty == 0 ? ShutdownVerdict.Reinitialize : ShutdownVerdict.AdrFailure;
    }

    private static ReadOnlySpan<byte> Bytes(in ShutdownState state) =>
        MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<ShutdownState, byte>(ref Unsafe.AsRef(in state)), Size);
}

/// <summary>What the shutdown state says at open.</summary>
public enum ShutdownVerdict
{
    /// <summary>Closed properly.</summary>
    Clean,

    /// <summary>The process died, but power did not fail badly: recover and go on.</summary>
    NotClosed,

    /// <summary>The state is torn or from other modules, but the pool was closed: record the present modules.</summary>
    Reinitialize,

    /// <summary>Modules lost data while the pool was open: it may be corrupt.</summary>
    AdrFailure,
}
