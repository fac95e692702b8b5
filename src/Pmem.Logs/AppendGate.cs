using System.Runtime.CompilerServices;

namespace Pmem.Logs;

/// <summary>
/// The lock of appenders: one locked instruction to enter, a plain store to leave, because two fences are all that an append otherwise waits
/// for. Waiters spin, then yield, then sleep; not recursive, not fair.
/// </summary>
internal struct AppendGate
{
    private int _taken;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Enter()
    {
        if (Interlocked.CompareExchange(ref _taken, 1, 0) != 0)
            Wait();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Exit() => Volatile.Write(ref _taken, 0);

    private void Wait()
    {
        var spin = default(SpinWait);
        do
        {
            spin.SpinOnce();
        }
        while (Volatile.Read(ref _taken) != 0 || Interlocked.CompareExchange(ref _taken, 1, 0) != 0);
    }
}
