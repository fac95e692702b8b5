using System.Runtime.Versioning;
using System.Security.Cryptography;
using Pmem.Objects.Layout;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Objects.Tests.Sets;

/// <summary>Repair, feature and resize of pools in sets: what they do, and that an interruption at any step is finished by doing it again.</summary>
[SupportedOSPlatform("linux")]
public sealed class SetRepairTests : IDisposable
{
    private const long FirstChunkHeader = PoolDescriptor.DefaultHeapOffset + 1024 + 64;

    private static readonly Dictionary<string, string[]> s_sets = new()
    {
        ["headers"] = ["8M a", "9M b", "8M c", "REPLICA", "16M d", "10M e"],
        ["single header"] = ["OPTION SINGLEHDR", "8M a", "9M b", "REPLICA", "8M c", "10M d"],
        ["one replica"] = ["8M a", "9M b"],
        ["lone header"] = ["OPTION SINGLEHDR", "8M a", "9M b"],
    };

    private readonly StoreFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, string> Faults
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string set in s_sets.Keys)
            {
                string[] parts = set switch { "headers" => ["a", "b", "c", "d", "e"], "single header" => ["a", "c"], "one replica" => ["a", "b"], _ => ["a"] };
                foreach (string part in parts)
                {
                    data.Add(set, set == "lone header" ? $"bytes {part} 8" : $"zero {part} 0");
                    if (part == "b" || parts.Length == 1)
                        data.Add(set, $"byte {part} 26");
                }

                data.Add(set, $"byte a {FirstChunkHeader + 5}");
            }

            data.Add("one replica", $"byte a {PoolDescriptor.RunIdField}");
            data.Add("headers", $"byte d {FirstChunkHeader}");
            data.Add("headers", $"byte d {PoolDescriptor.RunIdField}");
            data.Add("single header", $"zero c {PoolDescriptor.DefaultHeapOffset}");
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public void Damage_in_a_set_is_mended_to_the_pool_as_it_was(string kind, string fault)
    {
        string set = Create(kind, out string content);
        Break(fault);
        string[] broken = Bytes();
        PoolRepairResult dry = ObjectStore.Repair(set, new PoolRepairOptions { DryRun = true });
        Assert.True(dry.IsConsistent, Text(dry));
        Assert.Equal(broken, Bytes());
        PoolRepairResult result = ObjectStore.Repair(set, new PoolRepairOptions { BackupPath = _folder.File("backup") });
        Assert.True(result.IsConsistent && result.IsChanged, Text(result));
        Assert.Equal(dry.Mends, result.Mends);
        Assert.All(result.Mends, mend => Assert.False(string.IsNullOrWhiteSpace(mend.Remedy)));
        Judge(set, content, fault);

        // The backup is the broken pool, and can be repaired in its turn.
        Assert.True(ObjectStore.Repair(_folder.File("backup/a.set")).IsChanged);
        Judge(_folder.File("backup/a.set"), content, "backup");
    }

    [Theory]
    [InlineData("headers", "zero b 0", 3)]
    [InlineData("one replica", "byte a 3154020", 3)]
    [InlineData("single header", "zero c 3153920", 5)]
    public void An_interrupted_repair_is_finished_by_the_next(string kind, string fault, int every)
    {
        string set = Create(kind, out string content);
        Break(fault);
        using var snapshots = new FolderSnapshots(_folder, every);
        Assert.True(ObjectStore.Repair(set).IsConsistent);
        snapshots.Dispose();
        JudgeAll(snapshots, content, crash => Assert.True(ObjectStore.Repair(crash.File("a.set")).IsConsistent));
    }

    [Fact]
    public void What_cannot_be_mended_in_a_set_says_why()
    {
        string set = Create("one replica", out _);
        Break("zero a 0");
        Break("zero b 0");
        PoolRepairResult result = ObjectStore.Repair(set);
        Assert.False(result.IsConsistent);
        Assert.Contains("no neighbour is sound", result.Mends.Single(mend => !mend.IsMended).Obstacle, StringComparison.Ordinal);
        File.Delete(_folder.File("b"));
        Assert.Contains("part 1 of replica 0", Assert.Throws<FileNotFoundException>(() => ObjectStore.Repair(set)).Message, StringComparison.Ordinal);
        string other = _folder.Write("other.set", "8M x", "9M y");
        ObjectStore.Create(other, "set", 0).Dispose();
        string mixed = _folder.Write("mixed.set", "8M x", "9M z");
        string third = _folder.Write("third.set", "8M w", "9M z");
        ObjectStore.Create(third, "set", 0).Dispose();
        Assert.Contains(ObjectStore.Repair(mixed).Mends, mend => !mend.IsMended && mend.Obstacle!.Contains("different pools", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("headers")]
    [InlineData("lone header")]
    public void A_feature_is_toggled_in_all_headers_at_once_whatever_interrupts_it(string kind)
    {
        string set = Create(kind, out string content);
        string[] before = Bytes();
        Assert.True(PoolFeatureSwitch.Set(set, PoolFeature.ShutdownState, enabled: false, dryRun: true));
        Assert.Equal(before, Bytes());
        Assert.Contains("SHUTDOWN_STATE first", Assert.Throws<PmemException>(() => PoolFeatureSwitch.Set(set, PoolFeature.Checksum2K, enabled: false)).Message, StringComparison.Ordinal);
        using var snapshots = new FolderSnapshots(_folder);
        Assert.True(PoolFeatureSwitch.Set(set, PoolFeature.CheckBadBlocks, enabled: false));
        snapshots.Dispose();
        Assert.False(PoolFeatureSwitch.Set(set, PoolFeature.CheckBadBlocks, enabled: false));
        JudgeAll(snapshots, content, crash =>
        {
            PoolFeatureSwitch.Set(crash.File("a.set"), PoolFeature.CheckBadBlocks, enabled: false);
            Assert.False(PoolFeatureSwitch.IsEnabled(Assert.NotNull(PoolFile.ReadHeader(crash.File("a.set"))), PoolFeature.CheckBadBlocks));
            Assert.False(File.Exists(crash.File("a.set_headers.journal")));
        });
        Assert.True(PoolFeatureSwitch.Set(set, PoolFeature.ShutdownState, enabled: false, new PoolRepairOptions { BackupPath = _folder.File("backup") }));
        Assert.True(PoolFeatureSwitch.Set(set, PoolFeature.Checksum2K, enabled: false));
        Judge(set, content, "without features");
        Judge(_folder.File("backup/a.set"), content, "backup");
    }

    [Theory]
    [InlineData("headers", 30)]
    [InlineData("single header", 16)]
    [InlineData("one replica", 20)]
    [InlineData("one replica", 15)]
    public void A_set_grows_and_shrinks_at_its_last_parts_whatever_interrupts_it(string kind, long mebibytes)
    {
        string set = Create(kind, out string content);
        long size = mebibytes << 20;
        string[] before = Bytes();
        ObjectStore.Resize(set, size, new PoolRepairOptions { DryRun = true });
        Assert.Equal(before, Bytes());
        using var snapshots = new FolderSnapshots(_folder, every: 8);
        PoolResize done = ObjectStore.Resize(set, size);
        snapshots.Dispose();
        Assert.Equal(size, done.NewSize);
        Judge(set, content, "resized");
        Assert.Equal(size, PoolSetFile.Read(set).SizeOfPool());
        JudgeAll(snapshots, content, crash =>
        {
            ObjectStore.Resize(crash.File("a.set"), size);
            Assert.Empty(Directory.GetFiles(crash.Root, ".*"));
            Assert.Equal(size, PoolSetFile.Read(crash.File("a.set")).SizeOfPool());
        });
        using ObjectStore store = ObjectStore.Open(set, "set");
        Assert.Equal(size, store.Map.Length);
        if (mebibytes > 24)
            store.Allocate((mebibytes - 16) << 20, 9);
    }

    [Fact]
    public void A_resize_asks_for_the_room_of_its_backup_and_its_new_length_together()
    {
        string set = Create("single header", out _);
        const long Held = 35L << 20;
        const long Grows = 25L << 20;
        PoolBackup.DemandRoom(set, _folder.File("backup"), 30 << 20, _ => Held + Grows);
        OutOfSpaceException refused = Assert.Throws<OutOfSpaceException>(() => PoolBackup.DemandRoom(set, _folder.File("backup"), 30 << 20, _ => Held + Grows - 1));
        Assert.Contains($"needs {Held + Grows} more bytes together with others", refused.Message, StringComparison.Ordinal);
        PoolBackup.DemandRoom(set, backup: null, 30 << 20, _ => Grows);
        Assert.Throws<OutOfSpaceException>(() => PoolBackup.DemandRoom(set, backup: null, 30 << 20, _ => Grows - 1));

        // A part that an interrupted resize lengthened has its room already.
        using (FileStream part = File.OpenWrite(_folder.File("b")))
            part.SetLength(22 << 20);
        PoolBackup.DemandRoom(set, backup: null, 30 << 20, _ => 12L << 20);
    }

    [Fact]
    public void A_set_that_cannot_be_resized_says_why()
    {
        string set = Create("one replica", out _);
        Assert.Contains("a part has at least", Assert.Throws<PmemException>(() => ObjectStore.Resize(set, 9 << 20)).Message, StringComparison.Ordinal);
        string text = File.ReadAllText(set);
        long length = new FileInfo(_folder.File("b")).Length;
        foreach (long size in (long[])[1L << 60, long.MaxValue])
            Assert.Contains("nothing was changed", Assert.Throws<OutOfSpaceException>(() => ObjectStore.Resize(set, size)).Message, StringComparison.Ordinal);
        Assert.Equal(text, File.ReadAllText(set));
        Assert.Equal(length, new FileInfo(_folder.File("b")).Length);
        string folders = _folder.Write("folders.set", "OPTION SINGLEHDR", "200M parts/");
        ObjectStore.Create(folders, "set", 0).Dispose();
        Assert.Contains("grows by itself", Assert.Throws<PmemException>(() => ObjectStore.Resize(folders, 64 << 20)).Message, StringComparison.Ordinal);
        PoolBackup.Write(folders, _folder.File("copied"), cancellation: TestContext.Current.CancellationToken);
        using ObjectStore copy = ObjectStore.Open(_folder.File("copied/folders.set"), "set");
        Assert.True(copy.GrowHeap(16 << 20));
    }

    [Theory]
    [InlineData(28)]
    [InlineData(20)]
    public void A_file_that_is_killed_while_it_is_resized_at_any_step_is_finished(long mebibytes)
    {
        string path = _folder.File("pool");
        string content = Fill(ObjectStore.Create(path, "set", 24 << 20));
        using var snapshots = new FolderSnapshots(_folder, every: 3);
        ObjectStore.Resize(path, mebibytes << 20);
        snapshots.Dispose();
        Assert.True(snapshots.Taken.Count > 2);
        for (int i = 0; i < snapshots.Taken.Count; i++)
        {
            using StoreFolder crash = snapshots.Taken[i];

            // It opens as it is, and it can be finished.
            Judge(crash.File("pool"), content, $"crash {i}");
            ObjectStore.Resize(crash.File("pool"), mebibytes << 20);
            Assert.Equal(mebibytes << 20, new FileInfo(crash.File("pool")).Length);
            Judge(crash.File("pool"), content, $"crash {i}, resized");
        }
    }

    private string Create(string kind, out string content)
    {
        string set = _folder.Write("a.set", s_sets[kind]);
        content = Fill(ObjectStore.Create(set, "set", 0));
        return set;
    }

    private static string Fill(ObjectStore store)
    {
        using (store)
        {
            ObjectId root = store.GetRoot(1000);
            store.Map.Fill((long)root.Offset, 7, 1000);
            for (int i = 0; i < 4; i++)
                store.Map.Fill((long)store.Allocate(1_500_000 + (i * 1000), (ulong)i + 1).Offset, (byte)(i + 1), 1_500_000);
            store.Map.Fill((long)store.Allocate(100, 8).Offset, 9, 100);
            return Crash.CrashHarness.Describe(store);
        }
    }

    private void Break(string fault)
    {
        string[] words = fault.Split(' ');
        using FileStream file = new(_folder.File(words[1]), FileMode.Open);
        file.Position = long.Parse(words[2]);
        byte[] bytes = new byte[words[0] switch { "byte" => 1, "bytes" => 16, _ => 1024 }];
        if (words[0] != "zero")
        {
            file.ReadExactly(bytes);
            file.Position -= bytes.Length;
            for (int i = 0; i < bytes.Length; i++)
                bytes[i] ^= (byte)(i + 1);
        }

        file.Write(bytes);
    }

    private string[] Bytes() => [.. Directory.GetFiles(_folder.Root).Order(StringComparer.Ordinal).Select(file => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file))))];

    private static string Text(PoolRepairResult result) => $"{string.Join('\n', result.Mends)}\n{string.Join('\n', result.Remaining)}";

    private static void JudgeAll(FolderSnapshots snapshots, string content, Action<StoreFolder> again)
    {
        Assert.InRange(snapshots.Taken.Count, 3, 300);
        for (int i = 0; i < snapshots.Taken.Count; i++)
        {
            using StoreFolder crash = snapshots.Taken[i];
            again(crash);
            Judge(crash.File("a.set"), content, $"crash {i}");
        }
    }

    private static void Judge(string path, string content, string what)
    {
        PoolCheckResult check = ObjectStore.Check(path);
        Assert.True(check.IsConsistent, $"{what}: {string.Join('\n', check.Problems)}");
        Assert.True(check.ReplicaDifferences.Count == 0, $"{what}: {string.Join('\n', check.ReplicaDifferences)}");
        using ObjectStore store = ObjectStore.Open(path, "set");
        Assert.Equal(content, Crash.CrashHarness.Describe(store));
    }
}
