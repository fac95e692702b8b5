namespace Pmem.CrashTesting.Exploration;

/// <summary>Finds where a program had made what it works on: before that, a crash leaves nothing that could be recovered, and need not.</summary>
internal static class FirstRecoverable
{
    /// <summary>Events before the first moment from which on the check accepts what is guaranteed; -1 when there is none.</summary>
    public static int Find(Trace trace, Action<CrashState> check, CancellationToken cancellation)
    {
        using var walker = new ImageWalker(trace, CrashKind.PowerLoss);
        for (int point = 0; point <= trace.Events.Count; point++)
        {
            // What is guaranteed grows at fences and flushes; nothing new can be found behind other events.
            if (point > 0 && point < trace.Events.Count && trace.Events[point - 1].Kind is TraceEventKind.Note or TraceEventKind.Mark or TraceEventKind.Store)
                continue;
            cancellation.ThrowIfCancellationRequested();
            walker.MoveTo(point);
            walker.Buffer.Reset();
            try
            {
                check(new CrashState(walker.Buffer, walker.Name(isPowerLoss: true)));
                return point;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // Not yet.
            }
        }

        return -1;
    }
}
