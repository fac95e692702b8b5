namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>Two threads that take turns, so that their stores interleave the same way in every run.</summary>
internal static class Turns
{
    /// <summary>Runs <paramref name="first"/> on one thread; where it calls its second argument, <paramref name="second"/> runs on another, to its end.</summary>
    public static void Interrupt(PersistentMap map, Action<PersistentMap, Action> first, Action<PersistentMap> second) =>
        OnThread(() => first(map, () => OnThread(() => second(map))));

    /// <summary>Runs a body on a thread of its own, and waits for it.</summary>
    public static void OnThread(Action body)
    {
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                body();
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        if (failure is not null)
            throw new InvalidOperationException("a thread of the workload failed", failure);
    }
}
