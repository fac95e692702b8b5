using Pmem.Native;

namespace Pmem.Tests.Native;

/// <summary>What a process decides when it starts.</summary>
public sealed class ProcessModesTests
{
    [Fact]
    public void Without_executable_memory_maps_fall_back_to_the_file_system() => ChildRun.Run(typeof(NoStub), ("PMEM_NO_EXECUTABLE_MEMORY", "1"), ("PMEM_IS_PMEM_FORCE", "1"));

    [Fact]
    public void The_flush_instruction_can_be_restricted()
    {
        ChildRun.Run(typeof(NoClwb), ("PMEM_NO_CLWB", "1"));
        ChildRun.Run(typeof(OnlyClflush), ("PMEM_NO_CLWB", "1"), ("PMEM_NO_CLFLUSHOPT", "1"));
    }

    [Fact]
    public void Non_temporal_stores_can_be_forbidden_and_their_threshold_set()
    {
        ChildRun.Run(typeof(NoMovnt), ("PMEM_NO_MOVNT", "1"));
        ChildRun.Run(typeof(Threshold), ("PMEM_MOVNT_THRESHOLD", "4096"));
        ChildRun.Run(typeof(NarrowVectors), ("PMEM_AVX512F", "0"), ("PMEM_AVX", "0"));
    }

    [Fact]
    public void A_forced_file_is_flushed_by_lines() => ChildRun.Run(typeof(Forced), ("PMEM_IS_PMEM_FORCE", "1"));

    private static void CopiesAreRight()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(64 << 10);
        byte[] source = new byte[5000];
        new Random(1).NextBytes(source);
        foreach (CopyHints hints in (CopyHints[])[CopyHints.None, CopyHints.NonTemporal, CopyHints.Temporal])
        {
            map.Copy(4097, source, hints);
            Assert.True(source.AsSpan().SequenceEqual(map.GetSpan(4097, source.Length)));
            map.Fill(16384, 7, 1000, hints);
            Assert.Equal(-1, map.GetSpan(16384, 1000).IndexOfAnyExcept((byte)7));
        }
    }

    public sealed class NoStub
    {
        [Fact(Explicit = true)]
        public void Data_is_durable_through_msync()
        {
            Assert.False(CpuCache.IsAvailable);
            using var folder = new TemporaryFolder();
            using PersistentMap map = PersistentMap.Create(folder.File("a"), 8192);
            Assert.Equal(StoreGranularity.Page, map.Granularity);
            map.StoreUInt64(0, 5);
            map.Persist(0, 8);
            map.DeepFlush(0, 8);
            CopiesAreRight();
        }

        [Fact(Explicit = true)]
        public void Media_errors_are_survived_through_the_system()
        {
            Assert.False(SafeCopy.IsSupported);
            using var folder = new TemporaryFolder();
            using PersistentMap map = PersistentMap.Create(folder.File("a"), 64 << 10);
            map.Fill(0, 5, 64 << 10);
            using (FileStream file = File.OpenWrite(folder.File("a")))
                file.SetLength(16 << 10);
            byte[] buffer = new byte[4096];
            Assert.True(map.TryRead(8192, buffer));
            Assert.Equal(-1, buffer.AsSpan().IndexOfAnyExcept((byte)5));
            Assert.False(map.TryRead(32 << 10, buffer));
            using PersistentMap anonymous = PersistentMap.CreateAnonymous(8192);
            anonymous.Fill(0, 7, 8192);
            Assert.True(anonymous.TryRead(100, buffer));
            Assert.Equal(-1, buffer.AsSpan().IndexOfAnyExcept((byte)7));
            using PersistentMap copy = PersistentMap.Open(folder.File("a"), new PersistentMapOptions { Access = MapAccess.CopyOnWrite });
            copy.Fill(0, 9, 4096);
            Assert.True(copy.TryRead(0, buffer));
            Assert.Equal(-1, buffer.AsSpan().IndexOfAnyExcept((byte)9));
        }
    }

    public sealed class NoClwb
    {
        [Fact(Explicit = true)]
        public void The_next_best_is_used()
        {
            Assert.NotEqual(FlushInstruction.ClWb, CpuCache.Instruction);
            CopiesAreRight();
        }
    }

    public sealed class OnlyClflush
    {
        [Fact(Explicit = true)]
        public void The_oldest_is_used()
        {
            Assert.Equal(FlushInstruction.ClFlush, CpuCache.Instruction);
            CopiesAreRight();
        }
    }

    public sealed class NoMovnt
    {
        [Fact(Explicit = true)]
        public void Copies_are_ordinary()
        {
            Assert.False(StreamingCopy.IsSupported);
            CopiesAreRight();
        }
    }

    public sealed class Threshold
    {
        [Fact(Explicit = true)]
        public void The_threshold_is_as_set()
        {
            Assert.Equal(4096, StreamingCopy.Threshold);
            Assert.True(StreamingCopy.ThresholdIsSet);
            CopiesAreRight();
        }
    }

    public sealed class NarrowVectors
    {
        [Fact(Explicit = true)]
        public void Copies_are_right() => CopiesAreRight();
    }

    public sealed class Forced
    {
        [Fact(Explicit = true)]
        public void Granularity_is_the_cache_line()
        {
            using var folder = new TemporaryFolder();
            using PersistentMap map = PersistentMap.Create(folder.File("a"), 8192);
            Assert.Equal(StoreGranularity.CacheLine, map.Granularity);
            Assert.False(map.IsPmem);
            map.StoreUInt64(0, 5);
            map.Persist(0, 8);
            map.DeepFlush(0, 8);
            Assert.Equal(5UL, map.ReadUInt64(0));
        }
    }
}
