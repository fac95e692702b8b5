using System.Runtime.Versioning;

namespace Pmem.Pools.Tests.Sets;

[SupportedOSPlatform("linux")]
public sealed class PoolSetTests : IDisposable
{
    private const long Mega = 1 << 20;

    private readonly PoolFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false, 24)]
    [InlineData(true, 24)]
    public void Parts_lie_behind_each_other_and_headers_link_in_rings(bool singleHeader, int megabytes)
    {
        string set = Write("a.set", singleHeader ? "OPTION SINGLEHDR" : "# none", "8M a", "8M b", "8M c", "REPLICA", "20M d", "8M e");
        using (PoolFile pool = PoolFile.Create(set, PoolKind.Object, 0))
        {
            Assert.Equal((megabytes * Mega) - (singleHeader ? 0 : 2 * 4096), pool.Size);
            Assert.Equal(set, pool.Path);
            Assert.Equal(2, pool.ReplicaMaps.Count);
            pool.Map.Fill(4096, 0x5A, pool.Size - 4096);
            pool.CompleteCreation();
        }

        string[] parts = singleHeader ? ["a"] : ["a", "b", "c"];
        PoolHeader[] headers = [.. parts.Select(Head)];
        PoolHeader other = Head("d");
        for (int i = 0; i < headers.Length; i++)
        {
            Assert.Equal(headers[(i + 1) % headers.Length].Uuid, headers[i].NextPartUuid);
            Assert.Equal(headers[(i + headers.Length - 1) % headers.Length].Uuid, headers[i].PreviousPartUuid);
            Assert.Equal(other.Uuid, headers[i].NextReplicaUuid);
            Assert.Equal(other.Uuid, headers[i].PreviousReplicaUuid);
            Assert.Equal(other.PoolSetUuid, headers[i].PoolSetUuid);
            Assert.Equal(singleHeader, headers[i].Incompat.HasFlag(IncompatFeatures.SingleHeader));
        }

        byte[] last = File.ReadAllBytes(_folder.File("c"));
        Assert.Equal(singleHeader ? (byte)0x5A : (byte)'P', last[0]);
        Assert.Equal(0x5A, last[4096]);
        Assert.Equal(0x5A, last[^1]);
        Assert.Equal(0x5A, File.ReadAllBytes(_folder.File("d"))[^1]);
        using PoolFile again = PoolFile.Open(set, PoolKind.Object);
        Assert.False(again.WasDirty);
        Assert.Equal(0x5A, again.Map.Read<byte>(again.Size - 1));
    }

    [Theory]
    [InlineData(PoolKind.Log, "2M a", "3M b")]
    [InlineData(PoolKind.Block, "12M a", "9M b")]
    [InlineData(PoolKind.Object, "8M a")]
    public void Every_kind_of_pool_opens_through_its_set_file(PoolKind kind, params string[] lines)
    {
        string set = Write("a.set", lines);
        using (PoolFile pool = PoolFile.Create(set, kind, 0))
            pool.CompleteCreation();
        using (PoolFile pool = PoolFile.Open(set, kind))
            Assert.Equal(kind, pool.Kind);
        Assert.Equal(kind, PoolFile.ReadHeader(set)!.Value.Kind);
        Assert.Throws<PmemFormatException>(() => PoolFile.Open(set, kind == PoolKind.Log ? PoolKind.Block : PoolKind.Log));
    }

    [Fact]
    public void Replicas_follow_what_becomes_durable_but_not_their_headers()
    {
        string set = Write("a.set", "8M a", "REPLICA", "9M b");
        using (PoolFile pool = PoolFile.Create(set, PoolKind.Object, 0))
        {
            pool.Map.StoreUInt64(8192, 77);
            pool.Map.Persist(8192, 8);
            pool.CompleteCreation();
            Assert.Equal(1, Head("a").ShutdownState.Dirty);
            Assert.Equal(1, Head("b").ShutdownState.Dirty);
        }

        Assert.Equal(77, File.ReadAllBytes(_folder.File("b"))[8192]);
        Assert.NotEqual(Head("a").Uuid, Head("b").Uuid);
        Assert.Equal(0, Head("b").ShutdownState.Dirty);
        PoolFile.Open(set, PoolKind.Object).Abandon();
        Assert.Equal(1, Head("a").ShutdownState.Dirty);
        Assert.Equal(1, Head("b").ShutdownState.Dirty);
        using (PoolFile pool = PoolFile.Open(set, PoolKind.Object))
            Assert.True(pool.WasDirty);
    }

    [Fact]
    public void Nothing_is_marked_when_a_later_replica_is_broken()
    {
        string set = Write("a.set", "8M a", "REPLICA", "8M b", "8M c");
        Create(set);
        PoolFolder.Patch(_folder.File("c"), 8, [7]);
        PmemFormatException problem = Assert.Throws<PmemFormatException>(() => PoolFile.Open(set, PoolKind.Object));
        Assert.Contains($"replica 1, part 1 ({_folder.File("c")})", problem.Message, StringComparison.Ordinal);
        Assert.Equal(0, Head("a").ShutdownState.Dirty);
    }

    [Theory]
    [InlineData("replication not supported", PoolKind.Log, "8M a", "REPLICA", "8M b")]
    [InlineData("reservation pool size", PoolKind.Object, "4M a", "3M b")]
    [InlineData("smaller than 2097152", PoolKind.Object, "8M a", "1M b")]
    [InlineData("NOHDRS", PoolKind.Object, "OPTION NOHDRS", "8M a")]
    [InlineData("without SINGLEHDR", PoolKind.Object, "8M d/")]
    [InlineData("reservation pool size", PoolKind.Object, "OPTION SINGLEHDR", "4M d/")]
    [InlineData("remote replica", PoolKind.Object, "8M a", "REPLICA node set")]
    public void Sets_that_cannot_hold_the_pool_say_why_and_leave_nothing(string why, PoolKind kind, params string[] lines)
    {
        if (why == "without SINGLEHDR")
            why = "OPTION SINGLEHDR";
        string set = Write("a.set", lines);
        PmemException problem = Assert.Throws<PmemException>(() => PoolFile.Create(set, kind, 0));
        Assert.Contains(why, problem.Message, StringComparison.Ordinal);
        Assert.Equal(["a.set"], Directory.GetFiles(Path.GetDirectoryName(set)!).Select(Path.GetFileName));
    }

    [Fact]
    public void A_creation_that_fails_removes_what_it_made_and_nothing_else()
    {
        string set = Write("a.set", "8M a", "8M b", "REPLICA", "8M c");
        File.WriteAllBytes(_folder.File("c"), [.. "full"u8, .. new byte[(8 << 20) - 4]]);
        Assert.Contains("non-empty file", Assert.Throws<IOException>(() => PoolFile.Create(set, PoolKind.Object, 0)).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder.File("a")));
        Assert.True(File.Exists(_folder.File("c")));
        using (FileStream file = new(_folder.File("c"), FileMode.Open))
            file.Write(new byte[4]);
        PoolFile.Create(set, PoolKind.Object, 0).CancelCreation();
        Assert.False(File.Exists(_folder.File("a")));
        Assert.True(File.Exists(_folder.File("c")));
    }

    [Fact]
    public void An_interrupted_creation_says_so()
    {
        string set = Write("a.set", "8M a", "8M b");
        PoolFile.Create(set, PoolKind.Object, 0).Abandon();
        Assert.Contains("creation was interrupted", Assert.Throws<PmemException>(() => PoolFile.Open(set, PoolKind.Object)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_set_is_locked_part_by_part()
    {
        string set = Write("a.set", "8M a", "8M b");
        Create(set);
        using PoolFile pool = PoolFile.Open(set, PoolKind.Object);
        Assert.Contains("in use", Assert.Throws<PmemException>(() => PoolFile.Open(set, PoolKind.Object)).Message, StringComparison.Ordinal);
        using PoolFile copy = PoolFile.Open(set, PoolKind.Object, new PoolOpenOptions { CopyOnWrite = true });
        copy.Map.Fill(4096, 1, 4096);
        Assert.Equal(0, pool.Map.Read<byte>(5000));
    }

    [Fact]
    public void A_recovery_file_of_bad_blocks_must_be_dealt_with_first()
    {
        string set = Write("a.set", "8M a", "8M b", "REPLICA", "8M c", "8M d");
        Create(set);
        File.WriteAllText(set + "_r1_p1_badblocks.txt", string.Empty);
        PmemException problem = Assert.Throws<PmemException>(() => PoolFile.Open(set, PoolKind.Object));
        Assert.Contains("_r1_p1_badblocks.txt", problem.Message, StringComparison.Ordinal);
        File.Delete(set + "_r1_p1_badblocks.txt");
        PoolFile.Open(set, PoolKind.Object).Dispose();
    }

    [Fact]
    public void Folders_get_numbered_parts_in_turn_until_the_reservation_is_used_up()
    {
        string set = Write("a.set", "OPTION SINGLEHDR", "20M one/", "20M two/", "REPLICA", "45M three/");
        using (PoolFile pool = PoolFile.Create(set, PoolKind.Object, 0))
        {
            pool.CompleteCreation();
            Assert.True(pool.CanGrow);
            Assert.Equal(8 * Mega, pool.Size);
            Assert.Equal(40 * Mega, pool.MaximumSize);
            Assert.Equal(10 * Mega, pool.Grow(10 * Mega));
            pool.Map.StoreUInt64(17 * Mega, 5);
            pool.Map.Persist(17 * Mega, 8);
            Assert.Equal(5UL, pool.ReplicaMaps[1].ReadUInt64(17 * Mega));
            Assert.Equal(21 * Mega, pool.Grow(21 * Mega));
            Assert.Equal(0, pool.Grow(5 * Mega));
            Assert.Equal(39 * Mega, pool.Size);
        }

        Assert.Equal(["one/000000.pmem", "one/000002.pmem", "three/000000.pmem", "three/000001.pmem", "three/000002.pmem", "two/000001.pmem"], Files());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_folder.File("two/000001.pmem")));
        using (PoolFile pool = PoolFile.Open(set, PoolKind.Object))
        {
            Assert.Equal(39 * Mega, pool.Size);
            Assert.Equal(5UL, pool.Map.ReadUInt64(17 * Mega));
        }
    }

    [Fact]
    public void A_growth_that_fails_leaves_the_pool_as_it_was()
    {
        string set = Write("a.set", "OPTION SINGLEHDR", "100M one/", "REPLICA", "100M two/");
        Create(set);
        using (PoolFile pool = PoolFile.Open(set, PoolKind.Object))
        {
            File.WriteAllText(_folder.File("one/000001.pmem"), "in the way");
            Assert.Throws<IOException>(() => pool.Grow(4 * Mega));
            Assert.Equal(8 * Mega, pool.Size);
            Assert.False(File.Exists(_folder.File("two/000001.pmem")));
            pool.Map.Fill(4096, 3, pool.Size - 4096);
        }

        File.Delete(_folder.File("one/000001.pmem"));
        using PoolFile again = PoolFile.Open(set, PoolKind.Object);
        Assert.Equal(4 * Mega, again.Grow(4 * Mega));
    }

    [Fact]
    public void Other_files_in_the_folders_are_no_parts()
    {
        string set = Write("a.set", "OPTION SINGLEHDR", "100M one/");
        File.WriteAllText(_folder.File("one/notes.pmem"), "not a part");
        File.WriteAllText(_folder.File("one/000001.txt"), "nor this");
        Create(set);
        using PoolFile pool = PoolFile.Open(set, PoolKind.Object);
        Assert.Equal(8 * Mega, pool.Size);
    }

    [Fact]
    public void A_folder_without_parts_is_no_pool()
    {
        string set = Write("a.set", "OPTION SINGLEHDR", "100M one/");
        Assert.Throws<FileNotFoundException>(() => PoolFile.Open(set, PoolKind.Object));
    }

    private void Create(string set)
    {
        using PoolFile pool = PoolFile.Create(set, PoolKind.Object, 0);
        pool.CompleteCreation();
    }

    private PoolHeader Head(string part) => PoolHeader.Read(PoolFolder.Head(_folder.File(part)));

    private string[] Files() => [.. Directory.GetFiles(Path.GetDirectoryName(_folder.File("x"))!, "*.pmem", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(_folder.File(string.Empty), file)).Order(StringComparer.Ordinal)];

    private string Write(string name, params string[] lines)
    {
        var text = new List<string> { PoolSetFile.Signature };
        foreach (string line in lines)
        {
            string[] words = line.Split(' ');
            bool isPart = char.IsAsciiDigit(line[0]);
            if (isPart && words[1].EndsWith('/'))
                Directory.CreateDirectory(_folder.File(words[1]));
            text.Add(isPart ? $"{words[0]} {_folder.File(words[1])}" : line);
        }

        File.WriteAllLines(_folder.File(name), text);
        return _folder.File(name);
    }
}
