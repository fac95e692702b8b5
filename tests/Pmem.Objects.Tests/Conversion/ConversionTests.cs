using System.Globalization;
using System.Text;
using Pmem.CrashTesting;
using Pmem.Objects.Conversion;
using Pmem.Objects.Layout;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Objects.Tests.Conversion;

/// <summary>Pools of layouts 1 to 5, closed or as a crash left them, become pools of layout 6 with the same objects, wherever the conversion is killed.</summary>
public class ConversionTests
{
    /// <summary>What a crash left: in which layouts, what is planted, what the pool must hold then, and what the result counts.</summary>
    private static readonly (string Name, uint First, uint Last, Action<OldPool> Plant, Action<OldPool> Outcome, int Finished, int RolledBack)[] s_crashes =
    [
        ("closed", 1, 5, _ => { }, _ => { }, 0, 0),
        ("allocation that was committed", 1, 5, pool =>
        {
            (long user, long word, ulong mask) = pool.Reserve(8, 2);
            pool.Redo(7, false, (word, pool.Map.ReadUInt64(word) | mask), (pool.Objects[0], (ulong)user));
        }, pool => pool.Word(pool.Objects[0], (ulong)pool.Allocate(8, 2)), 1, 0),
        ("operation of two logs", 1, 5, pool =>
        {
            pool.Redo(0, false, (pool.Objects[0], 1));
            pool.Redo(1023, true, (pool.Objects[1], 2), (pool.Root, 3));
        }, pool =>
        {
            pool.Word(pool.Objects[0], 1);
            pool.Word(pool.Objects[1], 2);
            pool.Word(pool.Root, 3);
        }, 2, 0),
        ("redo log without its last entry", 1, 4, pool =>
        {
            pool.Word(OldPool.Lane(3), (ulong)pool.Objects[2]);
            pool.Word(OldPool.Lane(3) + 8, 77);
        }, _ => { }, 0, 0),
        ("redo log with a wrong checksum", 5, 5, pool =>
        {
            pool.Redo(3, false, (pool.Objects[2], 77));
            pool.Word(OldPool.Lane(3), 1);
        }, _ => { }, 0, 0),
        ("list operation that frees", 1, 4, pool => pool.Word(OldPool.Lane(5) + OldLane.ListObject, (ulong)pool.Objects[3]), pool => Free(pool, pool.Objects[3], 3), 0, 0),
        ("transaction that only kept its cache", 1, 4, pool => pool.Transaction(9, false, [], [], [], []), _ => { }, 0, 0),
        ("transaction", 1, 4, pool =>
        {
            long[] fresh = [.. Enumerable.Range(0, 30).Select(i => i == 12 && pool.Layout > 1 ? 0 : pool.Allocate(8, 1))];
            pool.Transaction(9, false, fresh, [pool.Objects[4], pool.Large], [(pool.Large + 1000, 5000), (pool.Objects[5], 180)], [(pool.Root, 30), (pool.Root + 40, 7), (pool.Large, 32)]);
            pool.Fill(pool.Large, 6000, 1234);
            pool.Fill(pool.Objects[5], 180, 1234);
            pool.Fill(pool.Root, 30, 1234);
            pool.Fill(pool.Root + 40, 7, 1234);

            // Between 32 and 1000 nothing was saved, so nothing may have been changed.
            using var sound = new OldPool(pool.Layout);
            pool.Map.Copy(pool.Large + 32, sound.Map.GetSpan(pool.Large + 32, 968));
        }, _ => { }, 0, 1),
        ("transaction that was committed", 1, 4, pool =>
        {
            long[] fresh = [.. Enumerable.Range(0, 3).Select(_ => pool.Allocate(8, 1))];
            pool.Transaction(9, true, fresh, [pool.Objects[3], pool.Large], [(pool.Objects[5], 100)], [(pool.Root, 30)]);
            pool.Fill(pool.Objects[5], 100, 1234);
        }, pool =>
        {
            for (int i = 0; i < 3; i++)
                pool.Allocate(8, 1);
            pool.Fill(pool.Objects[5], 100, 1234);
            Free(pool, pool.Objects[3], 3);
            pool.Word(PoolDescriptor.DefaultHeapOffset + 1024 + 64 + 8, new ChunkHeader(ChunkType.Free, ChunkFlags.None, 3).Word);
        }, 1, 0),
        ("transactions of two lanes", 1, 4, pool =>
        {
            pool.Transaction(1, false, [pool.Allocate(8, 1)], [], [(pool.Objects[0], 64)], []);
            pool.Transaction(2, false, [], [pool.Objects[1]], [], [(pool.Objects[2], 16)]);
            pool.Fill(pool.Objects[0], 64, 1234);
            pool.Fill(pool.Objects[2], 16, 1234);
        }, _ => { }, 0, 2),
        ("transaction with a log extension", 5, 5, pool =>
        {
            pool.UndoOfFive(9, (pool.Large, 2024), (pool.Root, 150), (pool.Objects[2], 100));
            pool.Fill(pool.Large, 2024, 1234);
            pool.Fill(pool.Root, 150, 1234);
            pool.Fill(pool.Objects[2], 100, 1234);
        }, _ => { }, 0, 1),
    ];

    public static TheoryData<string, uint> Crashes
    {
        get
        {
            var data = new TheoryData<string, uint>();
            foreach (var crash in s_crashes)
            {
                for (uint layout = crash.First; layout <= crash.Last; layout++)
                    data.Add(crash.Name, layout);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Crashes))]
    public void A_pool_of_an_old_layout_becomes_one_of_layout_6_with_the_same_objects(string name, uint layout)
    {
        var crash = s_crashes.Single(c => c.Name == name);
        using OldPool pool = Plant(name, layout);
        StoreConversionResult result = ObjectStore.Convert(pool.Map, locksAreAligned: true);
        Assert.Equal((layout, 6U, crash.Finished, crash.RolledBack, true), (result.From, result.To, result.Finished, result.RolledBack, result.IsChanged));
        Assert.Equal(Expected(name, layout), Describe(pool.Map));
        Assert.False(ObjectStore.Convert(pool.Map).IsChanged);
        DemandUsable(pool.Map);
    }

    [Theory]
    [InlineData("transaction", 1)]
    [InlineData("transaction", 2)]
    [InlineData("transaction", 4)]
    [InlineData("transaction that was committed", 1)]
    [InlineData("transaction that was committed", 3)]
    [InlineData("list operation that frees", 2)]
    [InlineData("operation of two logs", 3)]
    [InlineData("operation of two logs", 5)]
    [InlineData("allocation that was committed", 4)]
    [InlineData("transaction with a log extension", 5)]
    public void A_conversion_that_crashed_anywhere_is_finished_by_the_next(string name, uint layout)
    {
        using OldPool pool = Plant(name, layout);
        string expected = Expected(name, layout);
        using var recorder = new TraceRecorder(pool.Map);
        ObjectStore.Convert(pool.Map, locksAreAligned: true);
        Trace trace = recorder.Stop();
        Assert.Equal(-1, recorder.FindUntracedStore());
        ExplorationResult result = CrashExplorer.Explore(
            trace,
            state =>
            {
                ObjectStore.Convert(state.Map, locksAreAligned: true);
                Assert.Equal(expected, DescribeInPlace(state.Map));
            },
            new ExplorationOptions { ImagesPerPoint = 2, ProcessKills = false },
            TestContext.Current.CancellationToken);
        result.ThrowIfFailed();
        Assert.True(result.Images > 5, $"{result.Images} images");
    }

    [Theory]
    [InlineData(1, "redo log", "a second one")]
    [InlineData(2, "redo entry destination", "0x10")]
    [InlineData(3, "transaction state", "2")]
    [InlineData(4, "undo vector", "0x7777")]
    [InlineData(5, "undo log capacity", "77")]
    [InlineData(3, "chunk flags", "0x1")]
    [InlineData(2, "heap header signature", "00")]
    [InlineData(1, "run id", "3")]
    public void What_is_not_sound_is_refused_and_not_touched(uint layout, string what, string found)
    {
        string path = Path.Combine(Path.GetTempPath(), $"pmem-convert-{Guid.NewGuid():n}");
        using var pool = new OldPool(layout);
        Action damage = what switch
        {
            "redo log" => () =>
            {
                pool.Redo(4, false, (pool.Root, 1));
                pool.Word(OldPool.Lane(4) + 32, 9);
            },
            "redo entry destination" => () => pool.Redo(4, true, (16, 1)),
            "transaction state" => () => pool.Word(OldPool.Lane(4) + OldLane.TransactionState, 2),
            "undo vector" => () => pool.Word(OldPool.Lane(4) + OldLane.UndoLogs, 0x7777),
            "undo log capacity" => () => pool.Word(OldPool.Lane(4) + LaneLayout.UndoPosition + UlogHeader.CapacityPosition, 77),
            "chunk flags" => () => pool.Word(PoolDescriptor.DefaultHeapOffset + 1024 + 64 + 8, new ChunkHeader(ChunkType.Used, ChunkFlags.CompactHeader, 3).Word),
            "run id" => () => pool.Word(PoolDescriptor.RunIdField, 3),
            _ => () =>
            {
                pool.Word(PoolDescriptor.DefaultHeapOffset, 0);
                Span<byte> header = pool.Map.GetSpan(PoolDescriptor.DefaultHeapOffset, HeapLayout.HeaderSize);
                pool.Word(PoolDescriptor.DefaultHeapOffset + HeapLayout.HeaderChecksumPosition, Fletcher64.ComputeWithHole(header, HeapLayout.HeaderChecksumPosition));
            },
        };
        damage();
        try
        {
            File.WriteAllBytes(path, pool.Bytes);
            PmemFormatException problem = Assert.Throws<PmemFormatException>(() => ObjectStore.Convert(path, locksAreAligned: true));
            Assert.Equal(what, problem.What);
            Assert.StartsWith(found, problem.Found, StringComparison.Ordinal);
            Assert.Equal(pool.Bytes, File.ReadAllBytes(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_pool_that_would_not_be_consistent_is_not_touched()
    {
        using var pool = new OldPool(3);
        pool.Word(pool.Objects[2] - ObjectHeader.LegacySize + ObjectHeader.LegacySizePosition, 100);
        string path = Path.Combine(Path.GetTempPath(), $"pmem-convert-{Guid.NewGuid():n}");
        try
        {
            File.WriteAllBytes(path, pool.Bytes);
            Assert.ThrowsAny<PmemException>(() => ObjectStore.Convert(path));
            Assert.Equal(pool.Bytes, File.ReadAllBytes(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_file_is_backed_up_and_a_dry_run_changes_no_byte()
    {
        using OldPool pool = Plant("transaction", 2);
        string path = Path.Combine(Path.GetTempPath(), $"pmem-convert-{Guid.NewGuid():n}");
        try
        {
            File.WriteAllBytes(path, pool.Bytes);
            Assert.Throws<LocksNotAssuredException>(() => ObjectStore.Convert(path));
            StoreConversionResult dry = ObjectStore.Convert(path, new PoolRepairOptions { DryRun = true }, locksAreAligned: true);
            Assert.Equal(pool.Bytes, File.ReadAllBytes(path));
            Assert.Equal(dry, ObjectStore.Convert(path, new PoolRepairOptions { BackupPath = path + ".backup" }, locksAreAligned: true));
            Assert.Equal(pool.Bytes, File.ReadAllBytes(path + ".backup"));
            using ObjectStore store = ObjectStore.Open(path, "script");
            Assert.Equal(150, store.RootSize);
        }
        finally
        {
            File.Delete(path);
            File.Delete(path + ".backup");
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public void Layouts_that_there_never_were_are_refused(uint major)
    {
        using var pool = new OldPool(5);
        pool.SealHeader(map => map.Copy(8, BitConverter.GetBytes(major)));
        Assert.Throws<PmemFormatException>(() => ObjectStore.Convert(pool.Map));
    }

    [Fact]
    public void Lanes_of_zeros_as_pmdk_convert_leaves_them_are_found_and_what_was_saved_in_them_is_rolled_back()
    {
        using var pool = new OldPool(5);
        ObjectStore.Convert(pool.Map);
        string before = Describe(pool.Map);
        byte[] image;
        ObjectStore store = ObjectStore.Open(pool.Map);
        using (Transaction transaction = store.BeginTransaction())
        {
            transaction.Snapshot(pool.Root, 150);
            pool.Map.Fill(pool.Root, 0xEE, 150);
            image = pool.Bytes;
        }

        // Entries, and no capacity.
        using PersistentMap zeros = PersistentMap.CreateAnonymous(OldPool.Size);
        zeros.Copy(0, image);
        for (int i = 0; i < PoolDescriptor.DefaultLaneCount; i++)
        {
            foreach (int log in (ReadOnlySpan<int>)[LaneLayout.InternalPosition, LaneLayout.ExternalPosition, LaneLayout.UndoPosition])
                zeros.StoreUInt64(OldPool.Lane(i) + log + UlogHeader.CapacityPosition, 0);
        }

        zeros.Persist(0, OldPool.Size);
        image = zeros.GetSpan(0, (int)OldPool.Size).ToArray();
        Assert.All(ObjectStore.Check(zeros).Problems, problem => Assert.Equal("undo log capacity", problem.What));
        zeros.Copy(0, image);
        Assert.True(ObjectStore.Repair(zeros).IsConsistent);
        Assert.Equal(before, DescribeInPlace(zeros));
        zeros.Copy(0, image);
        Assert.True(ObjectStore.Convert(zeros).IsChanged);
        Assert.Equal(before, DescribeInPlace(zeros));
        zeros.Copy(0, image);
        Assert.Equal(1, ObjectStore.Open(zeros).RecoveredTransactions);
        Assert.Equal(before, DescribeInPlace(zeros));
        Assert.Equal((ulong)LaneLayout.UndoCapacity, zeros.ReadUInt64(OldPool.Lane(77) + LaneLayout.UndoPosition + UlogHeader.CapacityPosition));
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public void Random_damage_is_converted_or_refused_and_never_a_crash(int seed)
    {
        var random = new Random(seed);
        int converted = 0;
        for (int i = 0; i < 100; i++)
        {
            uint layout = (uint)random.Next(1, 6);
            using OldPool pool = Plant(layout == 5 ? "transaction with a log extension" : "transaction", layout);
            for (int n = random.Next(1, 5); n > 0; n--)
            {
                long at = random.Next(5) switch
                {
                    0 => OldPool.Lane(9) + (random.Next(384) * 8),
                    1 => 0x1000 + (random.Next(0x108) * 8),
                    2 => PoolDescriptor.DefaultHeapOffset + (random.Next(160) * 8),
                    3 => OldPool.Lane(random.Next(1024)) + (random.Next(384) * 8),
                    _ => pool.Root - 100 + (random.Next(4000) * 8),
                };
                pool.Word(at & -8, random.Next(2) == 0 ? (ulong)random.NextInt64() >> random.Next(64) : pool.Map.ReadUInt64(at & -8) ^ (1UL << random.Next(64)));
            }

            try
            {
                ObjectStore.Convert(pool.Map, locksAreAligned: true);
                converted++;
            }
            catch (PmemException)
            {
                // Told, as promised.
            }
        }

        Assert.InRange(converted, 1, 99);
    }

    private static OldPool Plant(string name, uint layout)
    {
        var pool = new OldPool(layout);
        s_crashes.Single(c => c.Name == name).Plant(pool);
        pool.Map.Persist(0, OldPool.Size);
        return pool;
    }

    /// <summary>The same pool, closed, with what the crash must come to done by hand.</summary>
    private static string Expected(string name, uint layout)
    {
        using var pool = new OldPool(layout);
        s_crashes.Single(c => c.Name == name).Outcome(pool);
        ObjectStore.Convert(pool.Map, locksAreAligned: true);
        return Describe(pool.Map);
    }

    private static string Describe(PersistentMap map)
    {
        using PersistentMap copy = PersistentMap.CreateAnonymous(map.Length);
        copy.Copy(0, map.GetSpan(0, (int)map.Length));
        return DescribeInPlace(copy);
    }

    /// <summary>The same, changing what opening changes.</summary>
    private static string DescribeInPlace(PersistentMap map)
    {
        PoolCheckResult check = ObjectStore.Check(map);
        Assert.True(check.IsConsistent, string.Join('\n', check.Problems));
        ObjectStore store = ObjectStore.Open(map);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{store.Layout} root {store.RootOffset:x} {store.RootSize} heap {store.HeapSize}\n");
        foreach (StoreObject found in store.EnumerateObjects())
        {
            // What lies behind what was asked for is nobody's.
            int length = found.TypeNumber == 4 ? 500_000 : found.TypeNumber == OldPool.Type ? 180 : found.IsInternal ? 150 : 0;
            string content = System.Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(map.GetSpan(found.Offset, length)));
            text.Append(CultureInfo.InvariantCulture, $"{found.Offset:x} {found.UsableSize} {found.TypeNumber} {found.IsInternal} {content}\n");
        }

        return text.ToString();
    }

    private static void Free(OldPool pool, long user, int units)
    {
        long first = pool.Root - (user - pool.Root) % OldPool.Unit; // all objects of the run lie a multiple of its unit apart
        int unit = (int)((user - first) / OldPool.Unit);
        long word = PoolDescriptor.DefaultHeapOffset + 1024 + HeapLayout.ZoneMetadataSize + 16 + (unit / 64 * 8);
        pool.Word(word, pool.Map.ReadUInt64(word) & ~(((1UL << units) - 1) << (unit % 64)));
    }

    private static void DemandUsable(PersistentMap map)
    {
        ObjectStore store = ObjectStore.Open(map, "script");
        using (Transaction transaction = store.BeginTransaction())
        {
            transaction.Snapshot(store.RootOffset, 100);
            transaction.Allocate(5000, 1);
            transaction.Allocate(2_700_000, 1);
            transaction.Commit();
        }

        foreach (StoreObject found in store.EnumerateObjects().Where(o => o.TypeNumber == OldPool.Type).ToList())
            store.Free(new ObjectId(store.PoolUuidLow, (ulong)found.Offset));
        Assert.DoesNotContain(store.EnumerateObjects(), o => o.TypeNumber == OldPool.Type);
    }
}
