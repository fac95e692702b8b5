using Pmem.CrashTesting;
using Pmem.Tracing;

namespace Pmem.Blocks.Tests.Crash;

/// <summary>
/// Runs operations on a pool and tries what a crash at any moment of them can leave: the pool must open, each block must have a content that is
/// legal at that moment, the table must be consistent, recovery must be final, and every block must be writable afterwards.
/// </summary>
internal static class CrashHarness
{
    /// <summary>One word: small enough to try every image.</summary>
    public const int WordBlock = 8;

    /// <summary>Blocks that are looked at: their map entries are in different cache lines, except the last two.</summary>
    public static readonly long[] Watched = [0, 20, 40, 41];

    /// <param name="pool">The pool before; it is closed afterwards.</param>
    /// <param name="steps">The operations, one after the other; each is acknowledged before the next.</param>
    /// <param name="interruptRecovery">Whether recovery is interrupted too.</param>
    /// <param name="options">How far to explore.</param>
    public static ExplorationResult Explore(BlockPool pool, Action<BlockPool>[] steps, bool interruptRecovery = false, ExplorationOptions? options = null)
    {
        var states = new List<string[]> { Describe(pool) };
        using var recorder = new TraceRecorder(pool.Map);
        foreach (Action<BlockPool> step in steps)
        {
            step(pool);
            PersistenceTrace.Mark("done");
            states.Add(Describe(pool));
        }

        Trace trace = recorder.Stop();
        Assert.Equal(-1, recorder.FindUntracedStore());
        using var images = new ImageFile(pool.Map.Length);
        ExplorationResult result = CrashExplorer.Explore(
            trace,
            (image, crash) =>
            {
                // What was acknowledged is there; of the step that was under way each block has its old or its new content.
                string[] before = states[crash.Acknowledged.Count];
                string[] after = states[Math.Min(crash.Acknowledged.Count + 1, states.Count - 1)];
                Judge(images, image, before, after);
                if (interruptRecovery)
                    InterruptRecovery(image, before, after);
            },
            options,
            TestContext.Current.CancellationToken);
        TestContext.Current.TestOutputHelper?.WriteLine($"{result.Images} images at {result.Points} points, {(result.Exhaustive ? "exhaustive" : "sampled")}");
        result.ThrowIfFailed();
        Assert.True(result.Images > 1, "operations leave more than one image");
        pool.Abandon();
        return result;
    }

    /// <summary>What the watched blocks hold.</summary>
    public static string[] Describe(BlockPool pool)
    {
        byte[] buffer = new byte[pool.BlockSize];
        return [.. Watched.Select(block => pool.TryRead(block, buffer) ? Convert.ToHexString(buffer) : "bad")];
    }

    private static void Judge(ImageFile images, ReadOnlySpan<byte> image, string[] before, string[] after)
    {
        using PersistentMap map = images.Map(image);
        BlockPool pool = BlockPool.Open(map);
        string[] state = Describe(pool);
        for (int i = 0; i < state.Length; i++)
            Assert.Contains(state[i], (string[])[before[i], after[i]]);
        Assert.Empty(pool.Table.ArenaErrors);
        TableInvariants.Demand(pool);

        // Recovery again, after a process that died right behind it, finds nothing to do.
        BlockPool again = BlockPool.Open(map);
        Assert.Equal(state, Describe(again));
        Assert.Equal(0, again.Table.RecoveredWrites + again.Table.RestoredInfoBlocks);

        // Usable: every lane and every watched block.
        for (uint i = 0; i < 12; i++)
            again.Write(Watched[i % 4], TestPools.Content(again.BlockSize, i % 4, 1000 + i));
        for (uint i = 8; i < 12; i++)
            Assert.Equal(TestPools.Content(again.BlockSize, i % 4, 1000 + i), TestPools.Read(again, Watched[i % 4]));
        TableInvariants.Demand(again);
    }

    private static void InterruptRecovery(ReadOnlySpan<byte> image, string[] before, string[] after)
    {
        using var map = PersistentMap.CreateAnonymous(image.Length);
        map.Copy(0, image, CopyHints.NoFlush);
        using var recorder = new TraceRecorder(map);
        BlockPool.Open(map);
        Trace trace = recorder.Stop();
        using var images = new ImageFile(image.Length);
        CrashExplorer.Explore(trace, (second, _) => Judge(images, second, before, after), new ExplorationOptions { ImagesPerPoint = 8, ProcessKills = false }).ThrowIfFailed();
    }
}
