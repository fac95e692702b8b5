// Readers and the reuse of internal blocks.
//
// PMDK and Linux keep a table of the blocks that are being read, in which a reader enters a block with a full fence, and which a writer searches before it reuses a
// free block. Here it is the reader who finds out: a writer counts up the version of a block before it stores into it, and a reader whose block has another version
// after the copy than before copies again. Readers then store nothing and fence nothing, so that the cache misses of one read overlap with those of the next, and
// writers wait for nobody.
//
// Why it is right: the reader takes the version, then sees that the map still names the block, then copies. While the map names it nobody may store into it; once it
// does not, whoever stores into it counts first. So an unchanged version means that nobody stored, and the copy is what the map meant at the second look. Versions are
// shared by blocks whose numbers collide: that costs a copy, never a wrong one.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Pmem.Blocks;

/// <summary>Tells readers that a block was given new content while they copied from it.</summary>
internal sealed class ReadTracking
{
    /// <summary>Bytes beyond which the guarded copy is a string instruction.</summary>
    public const int LongCopy = 2048;

    private const int Slots = 256;

    // A line each: writers of different blocks do not meet.
    private readonly Slot[] _slots = new Slot[Slots];

    /// <summary>The version of an internal block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref int VersionOf(int arena, uint block)
    {
        // SAFETY: the mask is the length less one, and the length a power of two.
        return ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_slots), (int)((block + (uint)arena) & (Slots - 1))).Version;
    }

    /// <summary>Says that a free block is about to be stored into. Nothing that is stored afterwards, by whatever instruction, is seen before it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void BeginStores(int arena, uint block)
    {
        Interlocked.Increment(ref VersionOf(arena, block));
        Volatile.WriteBarrier();
    }

    /// <summary>Whether a version is still what it was before the loads that came before this call.</summary>
    /// <param name="version">From <see cref="VersionOf"/>.</param>
    /// <param name="before">What it was.</param>
    /// <param name="length">Bytes that were copied.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsUnchanged(ref int version, int before, int length)
    {
        // Loads of string instructions, by which long blocks are copied, are not promised to come in order.
        if (Sse2.IsSupported && length > LongCopy)
            Sse2.LoadFence();
        Volatile.ReadBarrier();
        return Volatile.Read(ref version) == before;
    }

    [StructLayout(LayoutKind.Explicit, Size = 64)]
    private struct Slot
    {
        [FieldOffset(0)]
        public int Version;
    }
}
