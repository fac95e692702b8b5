using System.Runtime.Versioning;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Objects.Tests.Sets;

/// <summary>Rebuilding broken parts of sets, interrupted at each step, and what cannot be rebuilt.</summary>
[SupportedOSPlatform("linux")]
public sealed class SyncTests : IDisposable
{
    private static readonly Dictionary<string, string[]> s_sets = new()
    {
        ["headers"] = ["8M a", "9M b", "8M c", "REPLICA", "16M d", "10M e"],
        ["single header"] = ["OPTION SINGLEHDR", "8M a", "9M b", "REPLICA", "8M c", "8M d", "REPLICA", "20M e"],
    };

    private readonly StoreFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, string, string> Faults => new()
    {
        { "headers", "delete a", "a b c" },
        { "headers", "delete b", "b" },
        { "headers", "delete b c", "b c" },
        { "headers", "delete a b c", "a b c" },
        { "headers", "delete d", "d e" },
        { "headers", "delete e", "e" },
        { "headers", "truncate c", "c" },
        { "headers", "zero b", "b" },
        { "headers", "patch a 133", "a" },
        { "headers", "patch d 4097", "d e" },
        { "headers", "mode c", "c" },
        { "headers", "delete b e", "" },
        { "single header", "delete a", "a b" },
        { "single header", "delete b", "b" },
        { "single header", "delete e d", "d e" },
        { "single header", "truncate d", "d" },
        { "single header", "zero c", "c" },
        { "single header", "delete a c e", "" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public void Broken_parts_are_rebuilt_from_a_healthy_replica(string kind, string fault, string rebuilt)
    {
        string set = Create(kind, out string content);
        Break(fault);
        if (rebuilt.Length == 0)
        {
            string[] before = Files();
            Assert.Contains("no healthy replica found", Assert.Throws<PmemException>(() => PoolSync.Run(set)).Message, StringComparison.Ordinal);
            Assert.Equal(before, Files());
            return;
        }

        PoolSyncResult dry = PoolSync.Run(set, new PoolSyncOptions { DryRun = true });
        Assert.Equal(rebuilt, string.Join(' ', dry.Parts.Select(part => Path.GetFileName(part.Path))));
        Assert.All(dry.Parts, part => Assert.NotEmpty(part.Reason));
        long reported = 0;
        PoolSyncResult result = PoolSync.Run(set, new PoolSyncOptions { Progress = new Reporter(progress => reported = progress.Done) });
        Assert.Equal(dry.Parts, result.Parts);
        Assert.Equal(reported, result.BytesCopied);
        Judge(set, content, fault);
        Assert.Empty(PoolSync.Run(set).Parts);
    }

    [Theory]
    [InlineData("headers", "delete a")]
    [InlineData("headers", "delete b")]
    [InlineData("single header", "delete c")]
    public void An_interrupted_sync_is_finished_by_the_next(string kind, string fault)
    {
        string set = Create(kind, out string content);
        Break(fault);
        using var snapshots = new FolderSnapshots(_folder, every: 9);
        PoolSync.Run(set);
        snapshots.Dispose();
        Assert.InRange(snapshots.Taken.Count, 4, 200);
        for (int i = 0; i < snapshots.Taken.Count; i++)
        {
            using StoreFolder crash = snapshots.Taken[i];
            PoolSync.Run(crash.File("a.set"));
            Judge(crash.File("a.set"), content, $"{fault}, crash {i}");
        }
    }

    [Fact]
    public void A_cancelled_sync_is_finished_by_the_next()
    {
        string set = Create("headers", out string content);
        Break("delete d e");
        using var stop = new CancellationTokenSource();
        var options = new PoolSyncOptions { Cancellation = stop.Token, Progress = new Reporter(progress => { if (progress.Done > 5 << 20) stop.Cancel(); }) };
        Assert.Throws<OperationCanceledException>(() => PoolSync.Run(set, options));
        PoolSync.Run(set);
        Judge(set, content, "cancelled");
    }

    [Fact]
    public void A_pool_that_needs_recovery_is_copied_as_it_is_and_recovered_later()
    {
        string set = Create("headers", out _);
        string described;
        using (PoolFile pool = PoolFile.Open(set, PoolKind.Object))
        {
            ObjectStore store = ObjectStore.Open(pool, "sync");
            described = Crash.CrashHarness.Describe(store);
            Transaction tx = store.BeginTransaction();
            tx.Snapshot(store.RootOffset, 64);
            store.Map.Store(store.RootOffset, 0xDEADUL);
            store.Map.Persist(store.RootOffset, 8);
            pool.Abandon();
        }

        Break("delete d e");
        PoolSync.Run(set);
        foreach (string file in (string[])[set, Swapped()])
        {
            using StoreFolder copy = _folder.Copy();
            using ObjectStore store = ObjectStore.Open(copy.File(Path.GetFileName(file)), "sync");
            Assert.Equal(1, store.RecoveredTransactions);
            Assert.Equal(described, Crash.CrashHarness.Describe(store));
        }
    }

    [Fact]
    public void Parts_of_different_pools_are_never_mixed()
    {
        string set = Create("headers", out _);
        string other = _folder.Write("other.set", "8M oa", "9M ob", "8M oc", "REPLICA", "16M od", "10M oe");
        ObjectStore.Create(other, "sync", 0).Dispose();
        foreach ((string from, string to, string says) in ((string, string, string)[])[("ob", "b", "different poolset uuids"), ("od", "d", "different poolset uuids"), ("c", "b", "it has 8388608 bytes")])
        {
            File.Move(_folder.File(to), _folder.File("kept"));
            File.Copy(_folder.File(from), _folder.File(to));
            string message = says.StartsWith("it has", StringComparison.Ordinal)
                ? PoolSync.Run(set, new PoolSyncOptions { DryRun = true }).Parts[0].Reason
                : Assert.Throws<PmemException>(() => PoolSync.Run(set)).Message;
            Assert.Contains(says, message, StringComparison.Ordinal);
            File.Move(_folder.File("kept"), _folder.File(to), overwrite: true);
        }

        // A replica more than the pool has: the ring closes without it.
        string more = _folder.Write("more.set", [.. s_sets["headers"], "REPLICA", "30M x"]);
        Assert.Contains("uuids on borders of replica 2", Assert.Throws<PmemException>(() => PoolSync.Run(more)).Message, StringComparison.Ordinal);
        string lone = _folder.Write("lone.set", "8M la");
        ObjectStore.Create(lone, "sync", 0).Dispose();
        string two = _folder.Write("two.set", "8M la", "REPLICA", "8M lb");
        Assert.Contains("alien replica", Assert.Throws<PmemException>(() => PoolSync.Run(two)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_synchronised_says_why()
    {
        string single = _folder.Write("single.set", "8M s");
        Assert.Contains("no replica(s)", Assert.Throws<PmemException>(() => PoolSync.Run(single)).Message, StringComparison.Ordinal);
        string small = _folder.Write("small.set", "8M s", "4M t", "REPLICA", "12M u");
        Assert.Contains("file is too small", Assert.Throws<PmemException>(() => PoolSync.Run(small)).Message, StringComparison.Ordinal);
        File.WriteAllText(_folder.File("text"), "no set");
        Assert.Contains("not a pool set file", Assert.Throws<PmemException>(() => PoolSync.Run(_folder.File("text"))).Message, StringComparison.Ordinal);
        string set = Create("headers", out _);
        File.Delete(_folder.File("e"));
        using (PersistentMap user = PersistentMap.Open(_folder.File("a"), new PersistentMapOptions { Lock = true }))
            Assert.Contains("in use", Assert.Throws<PmemException>(() => PoolSync.Run(set)).Message, StringComparison.Ordinal);
        string shrunk = _folder.Write("shrunk.set", "8M a", "9M b", "8M c", "REPLICA", "8M d", "8M e");
        Assert.Contains("too small to hold", Assert.Throws<PmemException>(() => PoolSync.Run(shrunk)).Message, StringComparison.Ordinal);
    }

    private string Create(string kind, out string content)
    {
        string set = _folder.Write("a.set", s_sets[kind]);
        using ObjectStore store = ObjectStore.Create(set, "sync", 0);
        ObjectId root = store.GetRoot(1000);
        store.Map.Fill((long)root.Offset, 7, 1000);
        for (int i = 0; i < 9; i++)
        {
            ObjectId id = store.Allocate(1_000_000 + (i * 1000), (ulong)i);
            store.Map.Fill((long)id.Offset, (byte)(i + 1), 1_000_000);
        }

        content = Crash.CrashHarness.Describe(store);
        return set;
    }

    private string Swapped()
    {
        string[] lines = s_sets["headers"];
        int replica = Array.IndexOf(lines, "REPLICA");
        return _folder.Write("swapped.set", [.. lines[(replica + 1)..], "REPLICA", .. lines[..replica]]);
    }

    private void Break(string fault)
    {
        string[] words = fault.Split(' ');
        foreach (string name in words[0] == "patch" ? words[1..2] : words[1..])
        {
            string path = _folder.File(name);
            switch (words[0])
            {
                case "delete":
                    File.Delete(path);
                    break;
                case "truncate":
                    using (FileStream file = new(path, FileMode.Open))
                        file.SetLength(file.Length - 4096);
                    break;
                case "zero":
                    using (FileStream file = new(path, FileMode.Open))
                        file.Write(new byte[4096]);
                    break;
                case "mode":
                    File.SetUnixFileMode(path, UnixFileMode.None);
                    break;
                default:
                    using (FileStream file = new(path, FileMode.Open))
                    {
                        file.Position = int.Parse(words[2]);
                        file.WriteByte(0x77);
                    }

                    break;
            }
        }
    }

    private string[] Files() => [.. Directory.GetFiles(_folder.Root).Order(StringComparer.Ordinal)];

    private static void Judge(string set, string content, string what)
    {
        PoolCheckResult check = ObjectStore.Check(set);
        Assert.True(check.IsConsistent, $"{what}: {string.Join('\n', check.Problems)}");
        Assert.True(check.ReplicaDifferences.Count == 0, $"{what}: {string.Join('\n', check.ReplicaDifferences)}");
        using ObjectStore store = ObjectStore.Open(set, "sync");
        Assert.Equal(content, Crash.CrashHarness.Describe(store));
        Assert.All(PoolSetFile.Read(set).Replicas.SelectMany(r => r.Parts), part => Assert.NotEqual(UnixFileMode.None, File.GetUnixFileMode(part.Path)));
    }

    private sealed class Reporter(Action<PoolProgress> report) : IProgress<PoolProgress>
    {
        public void Report(PoolProgress value) => report(value);
    }
}
