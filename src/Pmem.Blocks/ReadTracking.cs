using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Pmem.Blocks;

/// <summary>
/// The read tracking table: which internal blocks are being read now. A writer does not touch a free block while a reader, which found it in
/// the map before it was freed, still copies from it. A slot also keeps what a thread needs to choose lanes.
/// </summary>
internal sealed class ReadTracking
{
    private readonly Slot[] _slots;
    private readonly int _mask;
    private int _stripes;

    public ReadTracking()
    {
        int count = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(Environment.ProcessorCount * 2, 8, 256));
        _slots = new Slot[count];
        _mask = count - 1;
    }

    /// <summary>The slot that a thread tries first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref Slot SlotOfThread()
    {
        // SAFETY: the mask is the length less one, and the length a power of two.
        return ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_slots), Environment.CurrentManagedThreadId & _mask);
    }

    /// <summary>Says that a block is about to be read; the caller then looks at the map again. A full fence.</summary>
    /// <param name="first">The thread's own slot.</param>
    /// <param name="token">The block.</param>
    /// <returns>The slot, for <see cref="Change"/> and <see cref="Leave"/>.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref Slot Enter(ref Slot first, long token)
    {
        if (Interlocked.CompareExchange(ref first.Reading, token, 0) == 0)
            return ref first;
        return ref EnterElsewhere(token);
    }

    /// <summary>The map changed meanwhile: another block is about to be read. A full fence.</summary>
    public static void Change(ref Slot slot, long token) => Interlocked.Exchange(ref slot.Reading, token);

    /// <summary>The block was read.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Leave(ref Slot slot) => Volatile.Write(ref slot.Reading, 0);

    /// <summary>Waits until nobody reads a block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WaitForReaders(long token)
    {
        foreach (ref Slot slot in _slots.AsSpan())
        {
            if (Volatile.Read(ref slot.Reading) == token)
                Wait(ref slot, token);
        }
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

    private ref Slot EnterElsewhere(long token)
    {
        var spin = default(SpinWait);
        for (int i = Environment.CurrentManagedThreadId + 1; ; i++)
        {
            ref Slot slot = ref _slots[i & _mask];
            if (Volatile.Read(ref slot.Reading) == 0 && Interlocked.CompareExchange(ref slot.Reading, token, 0) == 0)
                return ref slot;
            if ((i & _mask) == 0)
                spin.SpinOnce();
        }
    }

    private static void Wait(ref Slot slot, long token)
    {
        var spin = default(SpinWait);
        while (Volatile.Read(ref slot.Reading) == token)
            spin.SpinOnce();
    }

    /// <summary>Two cache lines, because processors fetch lines in pairs.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 128)]
    internal struct Slot
    {
        /// <summary>Arena and map entry of the block that is being read; 0 when none is.</summary>
        [FieldOffset(0)]
        public long Reading;

        /// <summary>Place of the thread's next operation in its rotation.</summary>
        [FieldOffset(8)]
        public uint Turn;

        /// <summary>Which lanes the thread rotates over, from 1; 0 when it has not operated yet.</summary>
        [FieldOffset(12)]
        public int Stripe;
    }
}
