using System.Globalization;
using System.Text;
using Pmem;
using Pmem.CrashTesting;
using Pmem.Objects;

namespace Interop;

/// <summary>Pools that one side was crashed in are recovered to the same by both.</summary>
public sealed class CrashTests
{
    private static readonly string[] s_script =
    [
        "alloc 0 100 1", "valloc 1 700 2", "zalloc 2 3000 3", "realloc 0 1000 1", "publish 3 64 4", "alloc 4 300000 5", "free 4", "grow 400000",
        "begin", "set 0 8 1", "set 100 200 2", "commit",
        "begin", "talloc 5 100 6", "set 5000 64 3", "tfree 1", "commit",
        "begin", "set 0 40000 4", "commit",
        "begin", "set 64 300 5", "begin", "set 1000 10 6", "talloc 6 2000 7", "commit", "commit",
        "begin", "set 0 100 9", "talloc 7 500 8", "abort",
        "begin", "trealloc 3 5000 4", "set 9 9 9", "commit", "free 0",
    ];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_C_was_killed_in_we_recover_as_C_does(bool before)
    {
        string program = Peers.Program("obj_script");
        string recover = Peers.Program("obj_recover");
        string shim = Path.Combine(Path.GetDirectoryName(program)!, "libtrace_shim.so");
        string folder = Peers.NewFolder();
        try
        {
            string script = $"create {40 << 20}\n" + string.Join('\n', s_script) + "\nclose\n";
            int tried = 0;
            for (int at = 20; ; at++)
            {
                string pool = Path.Combine(folder, "c.obj");
                File.Delete(pool);
                var environment = new Dictionary<string, string> { ["LD_PRELOAD"] = shim, ["PMEM_IS_PMEM_FORCE"] = "1", ["PMCRASH_AT"] = $"{at}", ["PMTRACE_MATCH"] = folder };
                if (before)
                    environment["PMCRASH_BEFORE"] = "1";
                PeerResult result = Peers.Run(program, [pool], script, environment);
                if (result.ExitCode == 0)
                    break;
                Assert.Equal(77, result.ExitCode);
                if (File.GetUnixFileMode(pool) == UnixFileMode.None)
                    continue; // still being created
                string copy = Path.Combine(folder, "copy.obj");
                File.Copy(pool, copy, overwrite: true);
                string theirs = Peers.Run(recover, [copy, "script"]).Output;
                Assert.True(Recover(pool) == theirs, $"killed at {at}: C says\n{theirs}\nwe say\n{Recover(pool)}");
                Assert.True(ObjectStore.Check(pool).IsConsistent);
                tried++;
            }

            Assert.True(tried > 300, $"{tried} crash points");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void What_we_were_crashed_in_C_recovers_as_we_do()
    {
        string recover = Peers.Program("obj_recover");
        string folder = Peers.NewFolder();
        try
        {
            Trace trace = Record(folder);
            string ours = Path.Combine(folder, "ours.obj");
            string copy = Path.Combine(folder, "copy.obj");
            int tried = 0;
            var random = new Random(5);
            CrashExplorer.Explore(
                trace,
                (image, crash) =>
                {
                    // Each image costs a process; a seeded part of them has to do.
                    if (random.Next(12) != 0)
                        return;
                    WriteImage(ours, image);
                    File.Copy(ours, copy, overwrite: true);
                    string theirs = Peers.Run(recover, [copy, "script"]).Output;
                    Assert.Equal(theirs, Recover(ours));
                    tried++;
                },
                new ExplorationOptions { ImagesPerPoint = 24 },
                TestContext.Current.CancellationToken).ThrowIfFailed();
            Assert.True(tried > 150, $"{tried} images");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Trace Record(string folder)
    {
        string path = Path.Combine(folder, "traced.obj");
        using var runner = new ScriptRunner(path, StoreGranularity.CacheLine);
        runner.Execute($"create {40 << 20}");
        long root = (long)runner.Store.GetRoot(0).Offset;
        using var recorder = new TraceRecorder(runner.Store.Map, (root, ScriptRunner.Slots * 16 + 65536));
        foreach (string line in s_script.Where(l => !l.StartsWith("grow", StringComparison.Ordinal)))
            runner.Execute(line);
        return recorder.Stop();
    }

    private static void WriteImage(string path, ReadOnlySpan<byte> image)
    {
        using FileStream file = File.Create(path);
        file.Write(image);
    }

    /// <summary>Opens, dumps as obj_recover does, closes.</summary>
    private static string Recover(string path)
    {
        var output = new StringBuilder();
        using ObjectStore store = ObjectStore.Open(path, "script", new ObjectStoreOptions { CopyOnWrite = true });
        if (store.RootSize > 0)
        {
            ulong hash = 0xcbf29ce484222325;
            foreach (byte b in store.Map.GetSpan(store.RootOffset, (int)store.RootSize))
                hash = (hash ^ b) * 0x100000001b3;
            output.Append(CultureInfo.InvariantCulture, $"root {store.RootOffset:x} {store.RootSize} {hash:x16}\n");
        }

        foreach (StoreObject item in store.EnumerateObjects().Where(o => !o.IsInternal))
            output.Append(CultureInfo.InvariantCulture, $"object {item.Offset:x} {item.UsableSize} {item.TypeNumber}\n");
        return output.ToString();
    }
}
