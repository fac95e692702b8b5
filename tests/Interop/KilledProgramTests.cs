using Pmem.CrashTesting;
using Pmem.Objects;
using Pmem.Pools.Checking;

namespace Interop;

/// <summary>C programs, killed in what the short script of <see cref="CrashTests"/> does not reach: list operations, and logs with extensions.</summary>
public sealed class KilledProgramTests
{
    private const int Killed = 77;

    // Each point costs two processes and two copies of a pool; longer scenarios are killed at every n-th point.
    private const int MaximumPoints = 60;

    [Fact]
    public void Lists_that_C_was_killed_in_are_recovered_by_us_as_by_C()
    {
        string program = Peers.Program("obj_list");
        string folder = Peers.NewFolder();
        try
        {
            Dictionary<string, string> environment = PoolPeer.Traced(folder);
            string pool = Path.Combine(folder, "list.obj");
            string theirs = Path.Combine(folder, "theirs.obj");
            int tried = 0;
            for (int at = 40; ; at += 3)
            {
                File.Delete(pool);
                environment["PMCRASH_AT"] = $"{at}";
                PeerResult result = Peers.Run(program, ["create", pool, "12"], environment: environment);
                if (result.ExitCode == 0)
                    break;
                Assert.Equal(Killed, result.ExitCode);
                if (File.GetUnixFileMode(pool) == UnixFileMode.None)
                    continue; // still being created
                File.Copy(pool, theirs, overwrite: true);
                Peers.Succeed(program, ["recover", theirs]);
                ObjectStore.Open(pool, "interop_list").Dispose();
                DemandConsistent(pool, at);
                Assert.True(Peers.Succeed(program, ["dump", theirs]) == Peers.Succeed(program, ["dump", pool]), $"killed at {at}");
                tried++;
            }

            Assert.True(tried > 30, $"{tried} crash points");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>What C is killed in: a name, for the test's title, and the script.</summary>
    public static TheoryData<string, string[]> Scenarios => new()
    {
        { "undo extensions, committed", ["begin", "set 0 8000 1", "set 20000 40000 2", "commit"] },
        { "undo extensions, aborted", ["begin", "set 0 70000 3", "talloc 90 5000 2", "abort"] },
        { "redo extensions", ["begin", .. Enumerable.Range(100, 60).Select(i => $"talloc {i} {(i % 3 == 0 ? 100 : 700)} 1"), "tfree 1", "set 9 9 9", "commit"] },
        { "huge objects", ["alloc 90 600000 1", "begin", "talloc 91 300000 2", "tfree 2", "commit", "realloc 90 900000 1", "free 90"] },
        { "a nested abort", ["begin", "set 0 100 7", "begin", "set 5000 64 8", "talloc 90 3000 1", "tfree 3", "abort", "end"] },
    };

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void What_C_was_killed_in_at_many_durability_points_is_recovered_by_us_as_by_C(string name, string[] script)
    {
        string program = Peers.Program("obj_script");
        string folder = Peers.NewFolder();
        try
        {
            Dictionary<string, string> environment = PoolPeer.Traced(folder);
            string prepared = Path.Combine(folder, "prepared.obj");
            string pool = Path.Combine(folder, "killed.obj");
            string theirs = Path.Combine(folder, "theirs.obj");
            Peers.Succeed(program, [prepared], $"create {24 << 20}\nalloc 1 100 1\nalloc 2 300000 2\nalloc 3 700 3\nalloc 4 200000 4\nfree 4\nclose\n");
            string body = string.Join('\n', script);

            File.Copy(prepared, pool);
            int points = int.Parse(Peers.Succeed(program, [pool], $"open\narm 0\n{body}\ncount\nclose\n", environment), System.Globalization.CultureInfo.InvariantCulture);
            Assert.True(points > 5, $"{name}: {points} durability points");
            for (int at = 1; at <= points; at += 1 + (points / MaximumPoints))
            {
                File.Copy(prepared, pool, overwrite: true);
                Assert.Equal(Killed, Peers.Run(program, [pool], $"open\narm {at}\n{body}\nclose\n", environment).ExitCode);
                File.Copy(pool, theirs, overwrite: true);
                string expected = PoolPeer.Dump(theirs);
                using (ObjectStore store = ObjectStore.Open(pool, "script"))
                    Assert.True(expected == ScriptRunner.Dump(store), $"{name}: killed at {at} of {points}: C says\n{expected}\nwe say\n{ScriptRunner.Dump(store)}");
                DemandConsistent(pool, at);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>What C programs are explored in: small enough for many images.</summary>
    public static TheoryData<string, string[]> Explored => new()
    {
        { "atomic operations", ["alloc 10 100 1", "zalloc 11 700 2", "realloc 10 1000 1", "free 11"] },
        { "a transaction", ["begin", "set 0 100 7", "talloc 12 300 2", "tfree 1", "commit"] },
        { "an abort", ["begin", "set 0 100 7", "set 5000 64 8", "talloc 12 300 2", "abort"] },
        { "an extension", ["begin", "set 0 6000 1", "commit"] },
    };

    [Theory]
    [MemberData(nameof(Explored))]
    public void What_power_loss_leaves_of_C_programs_is_recovered_by_C_and_by_us_alike(string name, string[] script)
    {
        string program = Peers.Program("obj_script");
        string folder = Peers.NewFolder();
        try
        {
            string pool = Path.Combine(folder, "explored.obj");
            string log = Path.Combine(folder, "trace.txt");
            Peers.Succeed(program, [pool], $"create {12 << 20}\nalloc 1 100 1\nalloc 3 700 3\nclose\n");
            byte[] initial = File.ReadAllBytes(pool);
            Dictionary<string, string> environment = PoolPeer.Traced(folder);
            environment["PMTRACE"] = log;
            environment["PMTRACE_STORES"] = pool;
            Peers.Succeed(program, [pool], $"open\n{string.Join('\n', script)}\nclose\n", environment);
            Trace trace = ShimTrace.Read(initial, File.ReadLines(log));
            Assert.True(File.ReadAllBytes(pool).AsSpan().SequenceEqual(trace.ImageAfter(trace.Events.Count)), "the trace has every store");

            string theirs = Path.Combine(folder, "theirs.obj");
            string ours = Path.Combine(folder, "ours.obj");
            var states = new HashSet<string>(StringComparer.Ordinal);
            int number = 0;
            ExplorationResult result = CrashExplorer.Explore(
                trace,
                state =>
                {
                    // Each image costs a process; every few of the seeded ones have to do.
                    if (number++ % 4 != 0)
                        return;
                    state.Save(theirs);
                    state.Save(ours);
                    string expected = PoolPeer.Dump(theirs);
                    using (ObjectStore store = ObjectStore.Open(ours, "script"))
                        Assert.Equal(expected, ScriptRunner.Dump(store));
                    DemandConsistent(ours, state.Crash.Point);
                    states.Add(expected);
                },
                new ExplorationOptions { ImagesPerPoint = 8, ProcessKills = false },
                TestContext.Current.CancellationToken);
            TestContext.Current.TestOutputHelper?.WriteLine($"{name}: {number} images, {states.Count} states");
            result.ThrowIfFailed();
            Assert.True(states.Count > 1 || name == "an abort", $"{name}: {states.Count} states");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void DemandConsistent(string pool, int at)
    {
        PoolCheckResult check = ObjectStore.Check(pool);
        Assert.True(check.IsConsistent, $"killed at {at}: {string.Join('\n', check.Problems)}");
    }
}
