namespace Pmem.Tool.Persona.Checking;

/// <summary>A step of the check; each pause waits for answers.</summary>
/// <param name="Types">Kinds of pool that it is for.</param>
/// <param name="ForParts">Whether it is for parts of sets too.</param>
/// <param name="Run">Runs it.</param>
internal sealed record Step(PoolTypes Types, bool ForParts, Func<IEnumerable<Pause>> Run);

/// <summary>A place where a step waits for answers.</summary>
internal readonly record struct Pause;

/// <summary>The steps of libpmempool's check, in its order.</summary>
internal static class Steps
{
    private const PoolTypes Pools = PoolTypes.Block | PoolTypes.Log | PoolTypes.Object;

    /// <summary>Runs all steps; the state at the end is the verdict.</summary>
    /// <param name="talk">What is said and asked.</param>
    /// <param name="pool">The pool.</param>
    /// <param name="syncRequired">Whether replicas differ in their shutdown state.</param>
    public static void Run(Conversation talk, CheckedPool pool, out bool syncRequired)
    {
        var backup = new BackupStep(talk, pool);
        var shutdown = new ShutdownStep(talk, pool);
        var headers = new HeaderSteps(talk, pool);
        var content = new ContentSteps(talk, pool);
        var tables = new TableSteps(talk, pool);
        Step[] steps =
        [
            new(PoolTypes.All | PoolTypes.Unknown, true, backup.Run),
            new(Pools, true, shutdown.Run),
            new(Pools | PoolTypes.Unknown, true, headers.RunFields),
            new(Pools | PoolTypes.Unknown, true, headers.RunUuids),
            new(PoolTypes.Log, false, content.RunLog),
            new(PoolTypes.Block, false, content.RunBlocks),
            new(PoolTypes.Block, false, tables.RunInfos),
            new(PoolTypes.Block, false, tables.RunMaps),
            new(PoolTypes.Block | PoolTypes.Log, false, content.RunWrite),
            new(PoolTypes.Block, false, tables.RunWrite),
        ];
        foreach (Step step in steps)
        {
            if ((step.Types & pool.Type) == 0 || (pool.IsPart && !step.ForParts))
                continue;
            foreach (Pause _ in step.Run())
                talk.Flush();
            talk.Flush();
            if (talk.IsOver || talk.IsStopped)
                break;
        }

        syncRequired = shutdown.SyncRequired;
    }
}
