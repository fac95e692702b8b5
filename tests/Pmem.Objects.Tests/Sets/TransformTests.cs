using System.Runtime.Versioning;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Objects.Tests.Sets;

/// <summary>Changing the structure of sets, interrupted at each step.</summary>
[SupportedOSPlatform("linux")]
public sealed class TransformTests : IDisposable
{
    // Name, source, target.
    private static readonly (string Name, string[] From, string[] To)[] s_changes =
    [
        ("add the second replica", ["8M a", "9M b"], ["8M a", "9M b", "REPLICA", "17M c"]),
        ("add one in front", ["8M a", "9M b", "REPLICA", "17M c"], ["8M x", "10M y", "REPLICA", "8M a", "9M b", "REPLICA", "17M c"]),
        ("add two", ["OPTION SINGLEHDR", "8M a", "9M b"], ["OPTION SINGLEHDR", "17M x", "REPLICA", "8M a", "9M b", "REPLICA", "8M y", "10M z"]),
        ("remove the second", ["8M a", "9M b", "REPLICA", "17M c"], ["8M a", "9M b"]),
        ("remove the master", ["8M a", "9M b", "REPLICA", "17M c", "REPLICA", "18M d"], ["17M c", "REPLICA", "18M d"]),
        ("remove all but one", ["OPTION SINGLEHDR", "8M a", "9M b", "REPLICA", "17M c", "REPLICA", "18M d"], ["OPTION SINGLEHDR", "17M c"]),
        ("remove headers", ["8M a", "9M b", "8M c"], ["OPTION SINGLEHDR", "8M a", "9M b", "8M c"]),
        ("remove headers of replicas", ["8M a", "9M b", "REPLICA", "8M c", "8M d", "9M e"], ["OPTION SINGLEHDR", "8M a", "9M b", "REPLICA", "8M c", "8M d", "9M e"]),
        ("add headers", ["OPTION SINGLEHDR", "8M a", "9M b", "REPLICA", "8M c", "8M d", "9M e"], ["8M a", "9M b", "REPLICA", "8M c", "8M d", "9M e"]),
    ];

    private readonly StoreFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Changes => [.. s_changes.Select(change => change.Name)];

    [Theory]
    [MemberData(nameof(Changes))]
    public void A_pool_is_the_same_in_its_new_set(string name)
    {
        (string from, string to, string content) = Create(name);
        PoolTransformResult dry = PoolTransform.Run(from, to, new PoolSyncOptions { DryRun = true });
        Judge(from, content, "dry run");
        PoolTransformResult result = PoolTransform.Run(from, to);
        Assert.Equal(dry.Transformation, result.Transformation);
        Assert.Equal(dry.Parts, result.Parts);
        Judge(to, content, name);
        Assert.ThrowsAny<Exception>(() => ObjectStore.Open(from));
        Assert.Equal(PoolSetFile.Read(to).Replicas.Sum(replica => replica.Parts.Count) + 2, Directory.GetFiles(_folder.Root).Length);
    }

    [Theory]
    [MemberData(nameof(Changes))]
    public void An_interrupted_transformation_is_finished_by_the_next(string name)
    {
        (string from, string to, string content) = Create(name);
        using var snapshots = new FolderSnapshots(_folder, every: 11);
        PoolTransform.Run(from, to);
        snapshots.Dispose();
        Assert.InRange(snapshots.Taken.Count, 3, 200);
        for (int i = 0; i < snapshots.Taken.Count; i++)
        {
            using StoreFolder crash = snapshots.Taken[i];
            PoolTransform.Run(crash.File("from.set"), crash.File("to.set"));
            Judge(crash.File("to.set"), content, $"{name}, crash {i} of {snapshots.Taken.Count}");
            Assert.Equal(PoolSetFile.Read(to).Replicas.Sum(replica => replica.Parts.Count) + 2, Directory.GetFiles(crash.Root).Length);
        }
    }

    [Theory]
    [InlineData("a.transform")]
    [InlineData("b.transform")]
    public void A_file_of_a_user_with_the_name_of_a_new_part_is_never_taken_for_one_nor_removed(string name)
    {
        (string from, string to, string content) = Create("remove headers");
        File.Copy(_folder.File(name[..1]), _folder.File(name)); // by hand, before the change
        byte[] mine = File.ReadAllBytes(_folder.File(name));
        Assert.Contains("is in the way", Assert.Throws<PmemException>(() => PoolTransform.Run(from, to, new PoolSyncOptions { DryRun = true })).Message, StringComparison.Ordinal);
        Assert.Contains("is in the way", Assert.Throws<PmemException>(() => PoolTransform.Run(from, to)).Message, StringComparison.Ordinal);
        Assert.Equal(mine, File.ReadAllBytes(_folder.File(name)));
        Judge(from, content, name);
    }

    [Fact]
    public void Torn_headers_are_mended_from_the_journal()
    {
        (string from, string to, string content) = Create("add the second replica");
        using var snapshots = new FolderSnapshots(_folder);
        PoolTransform.Run(from, to);
        snapshots.Dispose();
        int torn = 0;
        foreach (StoreFolder crash in snapshots.Taken)
        {
            using (crash)
            {
                if (!File.Exists(crash.File("to.set_headers.journal")))
                    continue;

                // Half of the change reached the medium: the uuids of the first header in the journal, but not the checksum.
                byte[] uuids = File.ReadAllBytes(crash.File("to.set_headers.journal"))[(8 + 4096 + 88)..(8 + 4096 + 120)];
                using (FileStream part = new(crash.File("a"), FileMode.Open))
                {
                    part.Position = 88;
                    part.Write(uuids);
                }

                PoolTransform.Run(crash.File("from.set"), crash.File("to.set"));
                Judge(crash.File("to.set"), content, $"torn {torn}");
                torn++;
            }
        }

        Assert.InRange(torn, 1, 100);
    }

    [Fact]
    public void A_pool_that_was_put_in_place_of_a_part_is_not_overwritten_from_the_journal()
    {
        (string from, string to, _) = Create("add the second replica");
        using var snapshots = new FolderSnapshots(_folder);
        PoolTransform.Run(from, to);
        snapshots.Dispose();
        string other = _folder.Write("other.set", "8M x", "9M y");
        ObjectStore.Create(other, "other", 0).Dispose();
        byte[] foreign = File.ReadAllBytes(_folder.File("x"));
        int tried = 0;
        foreach (StoreFolder crash in snapshots.Taken)
        {
            using (crash)
            {
                if (!File.Exists(crash.File("to.set_headers.journal")) || tried++ > 3)
                    continue;
                File.WriteAllBytes(crash.File("a"), foreign);
                PmemException refused = Assert.ThrowsAny<PmemException>(() => PoolTransform.Run(crash.File("from.set"), crash.File("to.set")));
                Assert.Contains($"part 0 ({crash.File("a")})", refused.Message, StringComparison.Ordinal);
                Assert.Equal(foreign, File.ReadAllBytes(crash.File("a")));
            }
        }

        Assert.InRange(tried, 1, 100);
    }

    [Theory]
    [InlineData("both poolsets are equal", "8M a|9M b", "8M a|9M b")]
    [InlineData("at least one replica left", "8M a|9M b", "8M x|9M y")]
    [InlineData("adding and removing", "8M a|9M b|REPLICA|20M c", "8M a|9M b|REPLICA|20M d")]
    [InlineData("SINGLEHDR option at the same time", "8M a|9M b", "OPTION SINGLEHDR|8M a|9M b|REPLICA|20M c")]
    [InlineData("file is too small", "8M a|9M b", "8M a|9M b|REPLICA|20M c|4M d")]
    [InlineData("target poolset is too small", "8M a|9M b", "8M a|9M b|REPLICA|9M c")]
    [InlineData("used multiple times", "8M a|9M b", "8M a|9M b|REPLICA|20M c|8M c")]
    [InlineData("more than one corresponding", "8M a|9M b", "8M a|9M b|REPLICA|8M a|9M b")]
    [InlineData("already exist", "8M a|9M b", "8M a|9M b|REPLICA|20M foreign")]
    [InlineData("directory poolsets", "8M a|9M b", "OPTION SINGLEHDR|100M folder/")]
    public void What_cannot_be_transformed_says_why_and_stays(string why, string source, string target)
    {
        string from = _folder.Write("from.set", source.Split('|'));
        string to = _folder.Write("to.set", target.Split('|'));
        File.WriteAllBytes(_folder.File("foreign"), new byte[20 << 20]);
        string content = Fill(from);
        PmemException problem = Assert.ThrowsAny<PmemException>(() => PoolTransform.Run(from, to));
        Assert.True(problem.Message.Contains(why, StringComparison.Ordinal) || (why.StartsWith("more than", StringComparison.Ordinal) && problem.Message.Contains("multiple times", StringComparison.Ordinal)), problem.Message);
        Judge(from, content, why);
        Assert.True(File.Exists(_folder.File("foreign")));
    }

    [Fact]
    public void A_broken_source_is_refused_unless_the_broken_replica_is_the_one_that_goes()
    {
        (string from, string to, string content) = Create("remove the second");
        string more = _folder.Write("more.set", "8M a", "9M b", "REPLICA", "17M c", "REPLICA", "18M d");
        File.Delete(_folder.File("c"));
        Assert.Contains("source poolset is broken", Assert.Throws<PmemException>(() => PoolTransform.Run(from, more)).Message, StringComparison.Ordinal);
        PoolTransform.Run(from, to);
        Judge(to, content, "removed");
    }

    [Fact]
    public void The_same_line_again_does_nothing_and_a_set_file_that_the_pool_outgrew_is_no_source()
    {
        string one = _folder.Write("one.set", "8M a", "9M b");
        string two = _folder.Write("two.set", "8M a", "9M b", "REPLICA", "17M c");
        string three = _folder.Write("three.set", "8M a", "9M b", "REPLICA", "17M c", "REPLICA", "18M d");
        string other = _folder.Write("other.set", "8M a", "9M b", "REPLICA", "17M c", "REPLICA", "18M e");
        string content = Fill(one);
        Assert.False(PoolTransform.Run(one, two).WasDone);
        Assert.False(PoolTransform.Run(two, three).WasDone);
        DateTime made = File.GetLastWriteTimeUtc(_folder.File("d"));
        PoolTransformResult again = PoolTransform.Run(two, three);
        Assert.True(again.WasDone);
        Assert.Empty(again.Parts);
        Assert.Equal(made, File.GetLastWriteTimeUtc(_folder.File("d")));

        // What the pool is not, it cannot be made from: a replica would be lost without a word.
        foreach (string target in (string[])[other, one])
        {
            string message = Assert.Throws<PmemException>(() => PoolTransform.Run(two, target)).Message;
            Assert.Contains("source poolset health check failed", message, StringComparison.Ordinal);
            Assert.Contains("nothing was changed", message, StringComparison.Ordinal);
        }

        Assert.False(File.Exists(_folder.File("e")));
        Judge(three, content, "nothing was lost");
        PoolTransform.Run(three, one);
        Assert.False(File.Exists(_folder.File("c")) || File.Exists(_folder.File("d")));
        Judge(one, content, "from its own set file");
    }

    private (string From, string To, string Content) Create(string name)
    {
        (_, string[] from, string[] to) = Array.Find(s_changes, change => change.Name == name);
        string source = _folder.Write("from.set", from);
        string target = _folder.Write("to.set", to);
        if (name != "add headers")
            return (source, target, Fill(source));

        // There is room for headers only where some were before.
        string content = Fill(target);
        PoolTransform.Run(target, source);
        return (source, target, content);
    }

    private static string Fill(string set)
    {
        using ObjectStore store = ObjectStore.Create(set, "transform", 0);
        store.Map.Fill((long)store.GetRoot(1000).Offset, 7, 1000);
        for (int i = 0; i < 9; i++)
        {
            ObjectId id = store.Allocate(1_000_000 + (i * 1000), (ulong)i);
            store.Map.Fill((long)id.Offset, (byte)(i + 1), 1_000_000);
        }

        return Describe(store);
    }

    private static void Judge(string set, string content, string what)
    {
        PoolCheckResult check = ObjectStore.Check(set);
        Assert.True(check.IsConsistent, $"{what}: {string.Join('\n', check.Problems)}");
        Assert.True(check.ReplicaDifferences.Count == 0, $"{what}: {string.Join('\n', check.ReplicaDifferences)}");
        using ObjectStore store = ObjectStore.Open(set, "transform");
        Assert.True(content == Describe(store), what);
    }

    private static string Describe(ObjectStore store) =>
        Crash.CrashHarness.Describe(store) + string.Concat(store.EnumerateObjects().Select(o => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(store.Map.GetSpan(o.Offset, (int)o.UsableSize)))));
}
