using System.Runtime.Versioning;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Objects.Tests.Sets;

/// <summary>Bad blocks in parts of sets: mended from replicas in which they are good, whatever interrupts it.</summary>
[SupportedOSPlatform("linux")]
public sealed class SetBadBlockTests : IDisposable
{
    private readonly StoreFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("b 0 8192")]
    [InlineData("a 0 4096")]
    [InlineData("a 4096 8192|a 4194304 65536|c 1048576 4096")]
    [InlineData("b 0 4096|d 0 4096")]
    [InlineData("a 3145728 1048576|c 5242880 4096|d 4096 8192")]
    public void Bad_blocks_are_mended_from_replicas_that_have_the_data(string bad)
    {
        string set = Create(out string content);
        var source = new Broken(_folder, bad);
        Assert.Equal(source.Count, Sync(set, source, dryRun: true).BadBlocks.Sum(part => part.Blocks.Count));
        Assert.Equal(0, source.Cleared);
        int count = source.Count;
        PoolSyncResult result = Sync(set, source);
        Assert.Equal(count, result.BadBlocks.Sum(part => part.Blocks.Count));
        Judge(set, content, bad);
        Assert.Empty(Directory.GetFiles(_folder.Root, "*badblocks.txt"));
        Assert.Empty(Sync(set, source).BadBlocks);
    }

    [Fact]
    public void A_range_that_is_bad_in_every_replica_changes_nothing()
    {
        string set = Create(out _);

        // 1 MiB into the second part of the first replica is 9 MiB - 4096 into the pool, and so in c and d.
        var source = new Broken(_folder, $"b {1 << 20} 4096|c {(9 << 20) - 4096} 4096|d {(9 << 20) - 4096} 4096");
        Assert.Contains("no replica is there that is good", Assert.Throws<PmemException>(() => Sync(set, source)).Message, StringComparison.Ordinal);
        Assert.Equal(0, source.Cleared);
        Assert.Empty(Directory.GetFiles(_folder.Root, "*badblocks.txt"));
    }

    [Fact]
    public void An_interrupted_run_is_finished_by_the_next_from_what_was_written_down()
    {
        string set = Create(out string content);
        var source = new Broken(_folder, "a 4096 8192|b 0 4096|d 1048576 65536");
        using var snapshots = new FolderSnapshots(_folder);
        Sync(set, source);
        snapshots.Dispose();
        Assert.InRange(snapshots.Taken.Count, 15, 200);
        int resumed = 0;
        for (int i = 0; i < snapshots.Taken.Count; i++)
        {
            using StoreFolder crash = snapshots.Taken[i];
            bool opens = Directory.GetFiles(crash.Root, "*badblocks.txt").Length == 0;
            if (!opens)
                Assert.Contains("recovery file exists", Assert.Throws<PmemException>(() => ObjectStore.Open(crash.File("a.set"))).Message, StringComparison.Ordinal);

            // The medium has still as bad blocks what was not cleared before the crash: those that the copy has in the old state.
            var left = new Broken(crash, "a 4096 8192|b 0 4096|d 1048576 65536", spoil: false) { OnlyWhatIsSpoiled = true };
            int known = left.Known;
            PoolSyncResult result = Sync(crash.File("a.set"), left);
            resumed += result.BadBlocks.Sum(part => part.Blocks.Count) > known ? 1 : 0;
            Judge(crash.File("a.set"), content, $"crash {i}");
            Assert.Empty(Directory.GetFiles(crash.Root, "*badblocks.txt"));
        }

        Assert.True(resumed > 0);
    }

    private string Create(out string content)
    {
        string set = _folder.Write("a.set", "8M a", "9M b", "REPLICA", "17M c", "REPLICA", "9M d", "9M e");
        using ObjectStore store = ObjectStore.Create(set, "bad", 0);
        ObjectId root = store.GetRoot(1000);
        store.Map.Fill((long)root.Offset, 7, 1000);
        for (int i = 0; i < 8; i++)
            store.Map.Fill((long)store.Allocate(1_000_000 + (i * 1000), (ulong)i).Offset, (byte)(i + 1), 1_000_000);
        content = Crash.CrashHarness.Describe(store);
        return set;
    }

    private static PoolSyncResult Sync(string set, BadBlockSource source, bool dryRun = false) => PoolSync.Run(set, new PoolSyncOptions { FixBadBlocks = true, BadBlocks = source, DryRun = dryRun });

    private static void Judge(string set, string content, string what)
    {
        PoolCheckResult check = ObjectStore.Check(set);
        Assert.True(check.IsConsistent, $"{what}: {string.Join('\n', check.Problems)}");
        Assert.True(check.ReplicaDifferences.Count == 0, $"{what}: {string.Join('\n', check.ReplicaDifferences)}");
        using ObjectStore store = ObjectStore.Open(set, "bad");
        Assert.Equal(content, Crash.CrashHarness.Describe(store));
    }

    /// <summary>Bad blocks whose bytes are spoiled, and which hold zeros once they are cleared.</summary>
    private sealed class Broken : BadBlockSource
    {
        private const byte Spoiled = 0xBD;

        private readonly List<(string Path, BadBlock Block)> _bad = [];

        public Broken(StoreFolder folder, string text, bool spoil = true)
        {
            foreach (string part in text.Split('|'))
            {
                string[] words = part.Split(' ');
                _bad.Add((folder.File(words[0]), new BadBlock(long.Parse(words[1]), long.Parse(words[2]))));
            }

            if (spoil)
                _bad.ForEach(entry => Write(entry.Path, entry.Block, Spoiled));
        }

        public int Count => _bad.Count;

        public int Cleared { get; private set; }

        public bool OnlyWhatIsSpoiled { get; init; }

        public int Known => _bad.Count(entry => Starts(entry.Path, entry.Block));

        public override IReadOnlyList<BadBlock> Find(string path) =>
            [.. _bad.Where(entry => entry.Path == path && (!OnlyWhatIsSpoiled || Starts(path, entry.Block))).Select(entry => entry.Block).OrderBy(block => block.Offset)];

        public override void Clear(string path, BadBlock range)
        {
            Cleared++;
            Write(path, range, 0);
            if (!OnlyWhatIsSpoiled)
                _bad.RemoveAll(entry => entry.Path == path && entry.Block == range);
        }

        private static bool Starts(string path, BadBlock block)
        {
            using PersistentMap map = PersistentMap.Open(path, new PersistentMapOptions { Access = MapAccess.ReadOnly });
            byte[] bytes = map.GetSpan(block.Offset, 64).ToArray();
            return !bytes.AsSpan().ContainsAnyExcept(Spoiled);
        }

        private static void Write(string path, BadBlock block, byte value)
        {
            // Streams respect locks, and the parts are locked meanwhile.
            using PersistentMap map = PersistentMap.Open(path);
            map.Fill(block.Offset, value, block.Length);
        }
    }
}
