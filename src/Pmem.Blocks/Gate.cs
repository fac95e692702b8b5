using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Pmem.Blocks;

/// <summary>A lock for one cache line of the map: one locked instruction to enter, a plain store to leave. Alone in its line of memory.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct Gate
{
    [FieldOffset(0)]
    private int _taken;

    /// <summary>Waits for the gate.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Enter()
    {
        if (Interlocked.CompareExchange(ref _taken, 1, 0) != 0)
            Wait();
    }

    /// <summary>Takes the gate if it is free.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryEnter() => Volatile.Read(ref _taken) == 0 && Interlocked.CompareExchange(ref _taken, 1, 0) == 0;

    /// <summary>Leaves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Exit() => Volatile.Write(ref _taken, 0);

    private void Wait()
    {
        var spin = default(SpinWait);
        do
        {
            spin.SpinOnce();
        }
        while (!TryEnter());
    }
}
