using System.Buffers.Binary;
using Pmem.CrashTesting;
using Pmem.Objects.Heap;
using Pmem.Objects.Layout;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Objects.Tests.Checking;

/// <summary>Damage that can be mended: found, mended to the pool as it was, and so even when the repair is killed anywhere and done again.</summary>
public class RepairTests
{
    /// <summary>Each fault, and whether the pool must be exactly as it was afterwards.</summary>
    private static readonly (string Name, Action<DamagedPool> Plant)[] s_faults =
    [
        ("odd run id", pool => pool.Xor(PoolDescriptor.RunIdField, 1)),
        ("unknown incompat bit, sealed", pool => pool.SealHeader(16, 0x16)),
        ("unknown incompat bit, not sealed", pool => pool.Xor(16, 0x10)),
        ("unknown ro_compat bit, sealed", pool => pool.SealHeader(20, 0x80)),
        ("header of zeros at the signature", pool => pool.Word(0, 0)),
        ("header checksum", pool => pool.Xor(4088, 0x1234567800000001)),
        ("layout name, one letter", pool => pool.Xor(0x1002, 0x20)),
        ("lanes offset", pool => pool.Xor(0x1400, 0x40)),
        ("lane count", pool => pool.Word(0x1408, 7)),
        ("heap offset", pool => pool.Word(0x1410, 0x1000)),
        ("descriptor checksum", pool => pool.Word(0x17F8, 0)),
        ("places of lanes and heap", pool =>
        {
            pool.Word(0x1400, 1);
            pool.Word(0x1408, 2);
            pool.Word(0x1410, 3);
        }),
        ("heap size too large", pool => pool.Word(PoolDescriptor.HeapSizeField, DamagedPool.Size)),
        ("heap size too small", pool => pool.Word(PoolDescriptor.HeapSizeField, 9 << 20)),
        ("heap signature", pool => pool.Word(PoolDescriptor.DefaultHeapOffset, 0)),
        ("heap header constant", pool => pool.Word(PoolDescriptor.DefaultHeapOffset + 40, 4096)),
        ("zone magic", pool => pool.Xor(DamagedPool.Zone, 0x80)),
        ("zone size 0", pool => pool.Xor(DamagedPool.Zone, pool.Map.ReadUInt64(DamagedPool.Zone) & 0xFFFFFFFF00000000)),
        ("chunk type of a run", pool => pool.Xor(DamagedPool.HeaderAt(pool.Find(ChunkType.Run)), 0xFF)),
        ("chunk type of a long run", pool => pool.Xor(DamagedPool.HeaderAt(pool.Find(ChunkType.Run, 2)), 0xFF)),
        ("whole header of a long run", pool => pool.Word(DamagedPool.HeaderAt(pool.Find(ChunkType.Run, 2)), 0)),
        ("length of a run", pool => Length(pool, ChunkType.Run, 1, 0xFFFF)),
        ("length of a long run", pool => Length(pool, ChunkType.Run, 2, 0)),
        ("length of a long run, short by one", pool => Length(pool, ChunkType.Run, 2, 1)),
        ("length of a free block", pool => Length(pool, ChunkType.Free, 2, 0xFFFFFF)),
        ("length of the last block", pool => Length(pool, ChunkType.Free, 20, 0)),
        ("whole header of a free block", pool => pool.Word(DamagedPool.HeaderAt(pool.Find(ChunkType.Free, 2)), 0)),
        ("length of a huge object", pool => Length(pool, ChunkType.Used, 2, 0)),
        ("length of a huge object, too long by one", pool => Length(pool, ChunkType.Used, 2, pool.Chunk(pool.Find(ChunkType.Used, 2)).SizeIndex + 1)),
        ("whole header of a huge object", pool => pool.Word(DamagedPool.HeaderAt(pool.Find(ChunkType.Used, 2)), ulong.MaxValue)),
        ("flags of a huge object", pool => pool.Xor(DamagedPool.HeaderAt(pool.Find(ChunkType.Used, 2)), 0xFF00_0000)),
        ("size of a huge object", pool => pool.Xor(DamagedPool.DataAt(pool.Find(ChunkType.Used, 2)), 0x4000)),
        ("run data header", pool => pool.Word(DamagedPool.HeaderAt(pool.Find(ChunkType.Run, 2) + 1), 7)),
        ("unit size of a run", pool => pool.Word(DamagedPool.Locate(2, 0).Run, 0)),
        ("bitmap end", pool =>
        {
            (long run, RunGeometry geometry, _) = DamagedPool.Locate(3, 0);
            pool.Xor(run + 16 + ((geometry.Words - 1) * 8), 1UL << 63);
        }),
        ("bit without object", pool => Bit(pool, 1, 100)),
        ("bits without objects", pool =>
        {
            Bit(pool, 1, 200);
            Bit(pool, 1, 201);
            Bit(pool, 3, 60);
        }),
        ("missing bit of an object", pool =>
        {
            (long run, _, int unit) = DamagedPool.Locate(2, 4);
            pool.Xor(run + 16 + (unit / 64 * 8), 2UL << (unit % 64));
        }),
        ("object size 0", pool => ObjectSize(pool, 1, 3, _ => 0)),
        ("object size odd", pool => ObjectSize(pool, 2, 3, size => size + 1)),
        ("object size far too large", pool => ObjectSize(pool, 2, 5, _ => 0xFFFF_FFFF_FF00)),
        ("size of the last object", pool => ObjectSize(pool, 2, 9, _ => 0x123)),
        ("root offset", pool => pool.Xor(PoolDescriptor.RootOffsetField, 0x1000)),
        ("root offset lost", pool => pool.Word(PoolDescriptor.RootOffsetField, 0)),
        ("redo entry outside the heap", pool => Redo(pool, 0, false, (long)1 << 40, 5)),
        ("redo entry with an unknown operation", pool => Redo(pool, 3, true, PoolDescriptor.DefaultHeapOffset + 2048, 5, operation: 7)),
        ("link of an undo log", pool => pool.Word(LaneAt(5) + LaneLayout.UndoPosition + UlogHeader.NextPosition, 1UL << 45)),
        ("capacity of an undo log", pool => pool.Word(LaneAt(5) + LaneLayout.UndoPosition + UlogHeader.CapacityPosition, 77)),
        ("undo entry with an unknown operation", pool => pool.Word(LaneAt(5) + LaneLayout.UndoPosition + UlogHeader.Size, ulong.MaxValue)),
        ("several things at once", pool =>
        {
            pool.SealHeader(16, 0x46);
            pool.Xor(PoolDescriptor.RunIdField, 1);
            pool.Word(0x1408, 7);
            Length(pool, ChunkType.Free, 2, 0);
            Bit(pool, 1, 100);
            ObjectSize(pool, 2, 3, size => size + 1);
            Redo(pool, 9, false, 8, 1);
        }),
    ];

    public static TheoryData<string> Faults => [.. s_faults.Select(fault => fault.Name)];

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_planted_fault_is_found_and_mended(string fault)
    {
        using DamagedPool pool = Plant(fault);
        using (var copy = new DamagedPool(pool.Map.GetSpan(0, (int)DamagedPool.Size)))
            Assert.False(ObjectStore.Check(copy.Map).IsConsistent, "check does not find it");
        PoolRepairResult result = ObjectStore.Repair(pool.Map);
        Assert.True(result.IsConsistent, $"{string.Join('\n', result.Mends)}\n{string.Join('\n', result.Remaining)}");
        Assert.NotEmpty(result.Mends);
        Assert.All(result.Mends, mend => Assert.True(mend.IsMended && !string.IsNullOrWhiteSpace(mend.Remedy)));
        Assert.Equal(pool.Expected, pool.Content);
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_repair_that_crashed_anywhere_is_finished_by_the_next(string fault)
    {
        using DamagedPool pool = Plant(fault);
        using var recorder = new TraceRecorder(pool.Map);
        Assert.True(ObjectStore.Repair(pool.Map).IsConsistent);
        Trace trace = recorder.Stop();
        Assert.Equal(-1, recorder.FindUntracedStore());
        ExplorationResult result = CrashExplorer.Explore(
            trace,
            state =>
            {
                PoolRepairResult again = ObjectStore.Repair(state.Map);
                Assert.True(again.IsConsistent, $"{string.Join('\n', again.Mends)}\n{string.Join('\n', again.Remaining)}");
                Assert.Equal(pool.Expected, Crash.CrashHarness.Describe(ObjectStore.Open(state.Map)));
            },
            new ExplorationOptions { ImagesPerPoint = 6, ProcessKills = false },
            TestContext.Current.CancellationToken);
        result.ThrowIfFailed();
        Assert.True(result.Images > 1, $"{result.Images} images");
    }

    [Fact]
    public void A_sound_pool_is_left_alone()
    {
        using var pool = new DamagedPool();
        PoolRepairResult result = ObjectStore.Repair(pool.Map);
        Assert.True(result.IsConsistent);
        Assert.Empty(result.Mends);
        Assert.Equal(pool.Expected, pool.Content);
    }

    [Fact]
    public void An_operation_that_had_begun_is_finished_without_the_impossible_entry()
    {
        using var pool = new DamagedPool();
        // Three entries: the first carried out, the second not yet, the third impossible.
        Redo(pool, 0, false, (PoolDescriptor.RootSizeField, pool.Map.ReadUInt64(PoolDescriptor.RootSizeField)), (PoolDescriptor.CurrentAllocatedField, 77), (3, 1));
        PoolRepairResult result = ObjectStore.Repair(pool.Map);
        Assert.Contains("finished", Assert.Single(result.Mends).Remedy, StringComparison.Ordinal);
        Assert.Equal(77UL, pool.Map.ReadUInt64(PoolDescriptor.CurrentAllocatedField));
        Assert.Equal(pool.Expected, pool.Content);
    }

    [Fact]
    public void What_cannot_be_mended_says_why_and_is_left()
    {
        (string Obstacle, Action<DamagedPool> Plant)[] hopeless =
        [
            ("newer program", pool => pool.SealHeader(8, 7)),
            ("convert", pool => pool.SealHeader(8, 5)),
            ("machine", pool => pool.SealHeader(142, 21)),
            ("page", pool =>
            {
                pool.Map.Fill(0x1400, 0x77, 24);
                pool.Map.Fill(PoolDescriptor.DefaultHeapOffset, 0x77, 1024);
            }),
            ("chunk", pool =>
            {
                pool.Map.Fill(DamagedPool.Zone, 0x77, 8);
                pool.Map.Fill(DamagedPool.HeaderAt(0), 0x77, 8);
            }),
            ("backup", pool => pool.Map.Fill(DamagedPool.HeaderAt(0), 0x77, 256)),
            ("unit size", pool => pool.Map.Fill(DamagedPool.Locate(1, 0).Run, 0, 400)),
        ];
        foreach ((string obstacle, Action<DamagedPool> plant) in hopeless)
        {
            using var pool = new DamagedPool();
            plant(pool);
            PoolRepairResult result = ObjectStore.Repair(pool.Map);
            Assert.False(result.IsConsistent, obstacle);
            Assert.Contains(result.Mends, mend => !mend.IsMended && mend.Obstacle!.Contains(obstacle, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void A_file_is_closed_cleanly_and_a_dry_run_changes_no_byte()
    {
        string path = Path.Combine(Path.GetTempPath(), $"pmem-repair-{Guid.NewGuid():n}");
        try
        {
            using (DamagedPool pool = Plant("several things at once"))
                File.WriteAllBytes(path, pool.Map.GetSpan(0, (int)DamagedPool.Size).ToArray());
            byte[] before = File.ReadAllBytes(path);
            PoolRepairResult dry = ObjectStore.Repair(path, new PoolRepairOptions { DryRun = true });
            Assert.True(dry.IsConsistent);
            Assert.Equal(before, File.ReadAllBytes(path));
            PoolRepairResult real = ObjectStore.Repair(path, new PoolRepairOptions { BackupPath = path + ".backup" });
            Assert.Equal(dry.Mends, real.Mends);
            Assert.Equal(before, File.ReadAllBytes(path + ".backup"));
            Assert.Equal(0, Assert.NotNull(PoolFile.ReadHeader(path)).ShutdownState.Dirty);
            Assert.True(ObjectStore.Check(path).IsConsistent);
        }
        finally
        {
            File.Delete(path);
            File.Delete(path + ".backup");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Random_damage_is_mended_or_explained_and_never_a_crash(int seed)
    {
        var random = new Random(seed);
        int mended = 0;
        for (int i = 0; i < 120; i++)
        {
            using var pool = new DamagedPool();
            for (int n = random.Next(1, 4); n > 0; n--)
            {
                long at = random.Next(6) switch
                {
                    0 => random.Next(512) * 8,
                    1 => 0x1000 + (random.Next(0x108) * 8),
                    2 => 0x2000 + (random.Next(2000) * 8),
                    3 => PoolDescriptor.DefaultHeapOffset + (random.Next(140) * 8),
                    4 => DamagedPool.HeaderAt(random.Next(80)),
                    _ => DamagedPool.DataAt(random.Next(8)) + (random.Next(600) * 8),
                };
                pool.Word(at, random.Next(2) == 0 ? (ulong)random.NextInt64() : pool.Map.ReadUInt64(at) ^ (1UL << random.Next(64)));
            }

            PoolRepairResult result = ObjectStore.Repair(pool.Map);
            Assert.True(result.IsConsistent || result.Mends.Any(m => !m.IsMended), $"seed {seed}, pool {i}: neither consistent nor an obstacle: {string.Join('\n', result.Remaining)}\nafter\n{string.Join('\n', result.Mends)}");
            mended += result.IsConsistent ? 1 : 0;
        }

        Assert.True(mended > 60, $"{mended} of 120");
    }

    private static DamagedPool Plant(string fault)
    {
        var pool = new DamagedPool();
        s_faults.Single(f => f.Name == fault).Plant(pool);
        return pool;
    }

    private static long LaneAt(int lane) => PoolDescriptor.DefaultLanesOffset + (lane * (long)LaneLayout.Size);

    private static void Length(DamagedPool pool, ChunkType type, int atLeast, uint length)
    {
        int chunk = pool.Find(type, atLeast);
        ChunkHeader old = pool.Chunk(chunk);
        pool.Word(DamagedPool.HeaderAt(chunk), new ChunkHeader(old.Type, old.Flags, length).Word);
    }

    private static void Bit(DamagedPool pool, ulong type, int unit)
    {
        long run = DamagedPool.Locate(type, 0).Run;
        pool.Map.StoreUInt64(run + 16 + (unit / 64 * 8), pool.Map.ReadUInt64(run + 16 + (unit / 64 * 8)) | (1UL << (unit % 64)));
    }

    private static void ObjectSize(DamagedPool pool, ulong type, int index, Func<ulong, ulong> change)
    {
        (long run, RunGeometry geometry, int unit) = DamagedPool.Locate(type, index);
        long block = geometry.DataOffset(run) + (unit * geometry.UnitSize);
        ulong word = pool.Map.ReadUInt64(block);
        pool.Word(block, (word & ~ObjectHeader.SizeMask) | change(word & ObjectHeader.SizeMask));
    }

    private static void Redo(DamagedPool pool, int lane, bool external, long offset, ulong value, int operation = 0) =>
        Redo(pool, lane, external, ((long)((ulong)offset | ((ulong)operation << 61)), value));

    /// <summary>A committed redo log with these entries.</summary>
    private static void Redo(DamagedPool pool, int lane, bool external, params (long Word, ulong Value)[] entries)
    {
        byte[] log = new byte[UlogHeader.Size + (entries.Length * 16)];
        BinaryPrimitives.WriteInt64LittleEndian(log.AsSpan(UlogHeader.CapacityPosition), entries.Length * 16);
        for (int i = 0; i < entries.Length; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(log.AsSpan(UlogHeader.Size + (i * 16)), entries[i].Word);
            BinaryPrimitives.WriteUInt64LittleEndian(log.AsSpan(UlogHeader.Size + (i * 16) + 8), entries[i].Value);
        }

        BinaryPrimitives.WriteUInt64LittleEndian(log, Fletcher64.Compute(log));
        pool.Map.Copy(LaneAt(lane) + (external ? LaneLayout.ExternalPosition : LaneLayout.InternalPosition), log);
    }
}
