using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Pmem.Blocks;

/// <summary>Which lane a thread's next operation takes: PMDK's order for one thread, and lanes of their own for others.</summary>
internal sealed class LaneRotation
{
    private readonly Slot[] _slots;
    private readonly int _mask;
    private int _stripes;

    public LaneRotation()
    {
        int count = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(Environment.ProcessorCount * 2, 8, 256));
        _slots = new Slot[count];
        _mask = count - 1;
    }

    /// <summary>What is kept for a thread.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref Slot SlotOfThread()
    {
        // SAFETY: the mask is the length less one, and the length a power of two.
        return ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_slots), Environment.CurrentManagedThreadId & _mask);
    }

    /// <summary>
    /// Counts an operation of this thread. Its number chooses the lane: the first thread rotates over the first lanes, as PMDK's only thread
    /// does, the next one over the next, so that threads do not meet.
    /// </summary>
    /// <param name="slot">The thread's own slot.</param>
    /// <param name="rotation">Lanes that a thread uses.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint NextTurn(ref Slot slot, uint rotation)
    {
        uint turn = slot.Turn;
        slot.Turn = turn + 1 < rotation ? turn + 1 : 0;
        return turn;
    }

    /// <summary>The lane of a turn.</summary>
    /// <param name="slot">The thread's own slot.</param>
    /// <param name="turn">What <see cref="NextTurn"/> gave.</param>
    /// <param name="rotation">Lanes that a thread uses.</param>
    /// <param name="lanes">Lanes that there are.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint LaneOf(ref Slot slot, uint turn, uint rotation, uint lanes)
    {
        int stripe = slot.Stripe;
        if (stripe == 0)
            stripe = ChooseStripe(ref slot);
        uint lane = ((uint)(stripe - 1) * rotation) + turn;
        return lane < lanes ? lane : lane % lanes;
    }

    private int ChooseStripe(ref Slot slot)
    {
        // Threads whose numbers collide share a slot: then one of the two keeps the stripe.
        slot.Stripe = Interlocked.Increment(ref _stripes);
        return slot.Stripe;
    }

    /// <summary>Two cache lines, because processors fetch lines in pairs.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 128)]
    internal struct Slot
    {
        /// <summary>Place of the thread's next operation in its rotation.</summary>
        [FieldOffset(0)]
        public uint Turn;

        /// <summary>Which lanes the thread rotates over, from 1; 0 when it has not operated yet.</summary>
        [FieldOffset(4)]
        public int Stripe;
    }
}
