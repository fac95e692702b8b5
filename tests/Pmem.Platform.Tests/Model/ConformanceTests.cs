using Pmem.Blocks;
using Pmem.Blocks.Layout;
using Pmem.CrashTesting;
using Pmem.CrashTesting.Model;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;

namespace Pmem.Platform.Tests.Model;

/// <summary>
/// What the SNIA NVM Programming Model 1.2 asks of each element that is offered, in the modes NVM.BLOCK and NVM.PM.VOLUME. The trait says which element a test is of.
/// </summary>
public sealed class ConformanceTests : IDisposable
{
    private const string Snia = "Snia";

    private readonly TestPlatform _test = new(2);

    public void Dispose() => _test.Dispose();

    [Fact]
    [Trait(Snia, "NVM.PM.VOLUME.GET_RANGESET")]
    [Trait(Snia, "NVM.PM.VOLUME.VOLUME_SIZE")]
    public void Ranges_are_disjoint_make_up_the_volume_and_stay_over_a_restart()
    {
        NamespaceView space = Make(NamespaceMode.Fsdax);
        PersistentMemoryVolume volume = Volume();
        IReadOnlyList<VolumeRange> ranges = volume.GetRangeSet();
        Assert.Equal(volume.Size, ranges.Aggregate(0UL, (sum, range) => sum + range.Length));
        Assert.Equal(ranges.OrderBy(range => range.Start), ranges);
        Assert.All(ranges.Zip(ranges.Skip(1)), pair => Assert.True(pair.First.Start + pair.First.Length <= pair.Second.Start));
        Assert.All(ranges, range => Assert.True(range.Start >= space.Start && range.Start + range.Length <= space.Start + space.RawSize));
        Assert.Equal(ranges, Volume().GetRangeSet());
        using PersistentMap map = volume.Map();
        Assert.Equal(volume.Size, (ulong)map.Length);
    }

    [Fact]
    [Trait(Snia, "NVM.PM.VOLUME.VIRTUAL_ADDRESS_SYNC")]
    public void What_was_synchronised_is_in_every_image_of_a_power_failure_and_nothing_else_is_promised()
    {
        Make(NamespaceMode.Devdax);
        PersistentMemoryVolume volume = Volume();
        using PersistentMap map = volume.Map();
        using var recorder = new TraceRecorder(map, [(0, 4096)]);
        map.Store(0, 1UL);
        PersistentMemoryVolume.Sync(map, 0, 8);
        map.Store(64, 2UL);
        Trace trace = recorder.Stop();
        var model = new PersistencyModel(trace.Initial, trace.Granularity, CrashKind.PowerLoss);
        foreach (TraceEvent item in trace.Events)
            model.Apply(item);
        PendingLine open = Assert.Single(model.Pending);
        Assert.Equal(64, open.Offset);
        Assert.True(open.Choices > 1);
    }

    [Fact]
    [Trait(Snia, "NVM.PM.VOLUME.INTERRUPTED_STORE_ATOMICITY")]
    public void An_aligned_store_is_old_or_new_in_every_image()
    {
        Make(NamespaceMode.Devdax);
        PersistentMemoryVolume volume = Volume();
        Assert.True(volume.StoresAreFailureAtomic);
        using PersistentMap map = volume.Map();
        map.Store(0, ulong.MaxValue);
        map.Persist(0, 8);
        using var recorder = new TraceRecorder(map, [(0, 4096)]);
        map.Store(0, 0x0102030405060708UL);
        Trace trace = recorder.Stop();
        var model = new PersistencyModel(trace.Initial, trace.Granularity, CrashKind.PowerLoss);
        foreach (TraceEvent item in trace.Events)
            model.Apply(item);
        PendingLine line = Assert.Single(model.Pending);
        ulong[] contents = [.. Enumerable.Range(0, (int)line.Choices).Select(choice => BitConverter.ToUInt64(line.GetContent(choice)[..8])).Distinct().Order()];
        Assert.Equal([0x0102030405060708UL, ulong.MaxValue], contents);
    }

    [Fact]
    [Trait(Snia, "NVM.PM.VOLUME.FUNDAMENTAL_ERROR_RANGE")]
    [Trait(Snia, "NVM.PM.VOLUME.FUNDAMENTAL_ERROR_RANGE_OFFSET")]
    public void Error_ranges_begin_at_multiples_of_their_size_in_system_addresses()
    {
        Make(NamespaceMode.Fsdax);
        PersistentMemoryVolume volume = Volume();
        Assert.True(volume.ErrorRange > 0 && (volume.ErrorRange & (volume.ErrorRange - 1)) == 0);
        Assert.InRange(volume.ErrorRangeOffset, 0, volume.ErrorRange - 1);
        Assert.Equal(0UL, (volume.GetRangeSet()[0].Start + (ulong)volume.ErrorRangeOffset) % (ulong)volume.ErrorRange);
    }

    [Theory]
    [InlineData(NamespaceMode.Raw, ProgrammingModes.PersistentMemoryVolume)]
    [InlineData(NamespaceMode.Devdax, ProgrammingModes.PersistentMemoryVolume)]
    [InlineData(NamespaceMode.Fsdax, ProgrammingModes.PersistentMemoryVolume | ProgrammingModes.PersistentMemoryFile | ProgrammingModes.File)]
    [Trait(Snia, "NVM.COMMON.SUPPORTED_MODES")]
    [Trait(Snia, "NVM.PM.VOLUME.DISCARD_IF_YOU_CAN_CAPABLE")]
    [Trait(Snia, "NVM.PM.VOLUME.DISCARD_IMMEDIATELY_CAPABLE")]
    [Trait(Snia, "NVM.PM.VOLUME.EXISTS_CAPABLE")]
    public void A_volume_says_what_it_can_and_what_not(NamespaceMode mode, ProgrammingModes modes)
    {
        Make(mode);
        PersistentMemoryVolume volume = Volume();
        Assert.Equal(modes, volume.SupportedModes);
        Assert.Equal((false, false, false), (volume.CanDiscard, volume.CanDiscardLazily, volume.CanTellUnused));
    }

    [Fact]
    public void What_is_no_volume_is_refused()
    {
        Make(NamespaceMode.Sector);
        LabelledPlatform platform = _test.Boot();
        Assert.Equal(PlatformError.NotSupported, PersistentMemoryVolume.Of(platform, "namespace0.0").Error);
        Assert.Equal(PlatformError.NotFound, PersistentMemoryVolume.Of(platform, "namespace0.1").Error);
        platform.ReconfigureNamespace("namespace0.0", new NamespaceRequest(), force: true).Demand();
        platform.DisableNamespace("namespace0.0").Demand();
        Assert.Equal(PlatformError.CannotEnable, PersistentMemoryVolume.Of(platform, "namespace0.0").Error);
    }

    [Fact]
    [Trait(Snia, "NVM.BLOCK.GET_ATTRIBUTE")]
    [Trait(Snia, "NVM.BLOCK.LOGICAL_BLOCK_SIZE")]
    [Trait(Snia, "NVM.BLOCK.PERFORMANCE_BLOCK_SIZE")]
    [Trait(Snia, "NVM.BLOCK.ALLOCATION_BLOCK_SIZE")]
    [Trait(Snia, "NVM.BLOCK.ATOMIC_MULTIWRITE_CAPABLE")]
    [Trait(Snia, "NVM.BLOCK.DISCARD_IF_YOU_CAN_CAPABLE")]
    public void A_device_says_what_it_can_and_what_not()
    {
        using IBlockDevice device = Device();
        BlockCapabilities can = BlockCapabilities.Of(device);
        Assert.Equal(device.BlockSize, can.BlockSize);
        Assert.Equal((false, false), (can.CanWriteSeveralAtomically, can.CanDiscardLazily));
    }

    [Fact]
    [Trait(Snia, "NVM.BLOCK.ATOMIC_WRITE")]
    [Trait(Snia, "NVM.BLOCK.ATOMIC_WRITE_CAPABLE")]
    [Trait(Snia, "NVM.BLOCK.ATOMIC_WRITE_MAX_DATA_LENGTH")]
    [Trait(Snia, "NVM.BLOCK.WRITE_ATOMICITY_UNIT")]
    public void A_block_is_old_or_new_wherever_power_fails()
    {
        byte[] content = [.. Enumerable.Repeat((byte)1, 512)];
        CrashTest.For(
            map =>
            {
                BlockTranslationTable made = BlockTranslationTable.Create(map, 0, map.Length, BttFormat.Uefi20, content.Length);
                Assert.Equal((true, content.Length, content.Length), (BlockCapabilities.Of(made).CanWriteAtomically, BlockCapabilities.Of(made).AtomicWriteMaximumLength, BlockCapabilities.Of(made).WriteAtomicityUnit));
                return made;
            },
            map => BlockTranslationTable.Open(map, 0, map.Length))
            .OnMap(BttLayout.MinimumArena)
            .Step("write", table =>
            {
                table.Write(7, content);
                table.Flush();
            })
            .Check(table =>
            {
                byte[] read = new byte[content.Length];
                table.Read(7, read);
                Assert.True(read.AsSpan().IndexOfAnyExcept(read[0]) < 0, "the block is torn");
            })
            .Run(new ExplorationOptions { ImagesPerPoint = 10 }, TestContext.Current.CancellationToken);
    }

    [Fact]
    [Trait(Snia, "NVM.BLOCK.ATOMIC_WRITE_STARTING_ADDRESS_GRANULARITY")]
    [Trait(Snia, "NVM.BLOCK.ATOMIC_WRITE_LENGTH_GRANULARITY")]
    public void Limits_of_atomic_writes_are_kept_and_what_breaks_them_is_refused()
    {
        using IBlockDevice device = Device();
        BlockCapabilities can = BlockCapabilities.Of(device);
        byte[] source = [.. Enumerable.Range(0, 2 * device.BlockSize).Select(i => (byte)i)];
        byte[] read = new byte[device.BlockSize];
        for (int at = 0; at < 64; at += can.AtomicWriteAddressGranularity)
        {
            device.Write(at, source.AsSpan(at, can.AtomicWriteLengthGranularity));
            device.Read(at, read);
            Assert.True(read.AsSpan().SequenceEqual(source.AsSpan(at, read.Length)));
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => device.Write(0, source.AsSpan(0, can.AtomicWriteLengthGranularity - 1)));
    }

    [Fact]
    [Trait(Snia, "NVM.BLOCK.DISCARD_IMMEDIATELY")]
    [Trait(Snia, "NVM.BLOCK.DISCARD_IMMEDIATELY_CAPABLE")]
    [Trait(Snia, "NVM.BLOCK.DISCARD_IMMEDIATELY_RETURNS")]
    [Trait(Snia, "NVM.BLOCK.EXISTS")]
    [Trait(Snia, "NVM.BLOCK.EXISTS_CAPABLE")]
    public void Discarded_blocks_read_as_said_and_do_not_exist_over_a_restart()
    {
        using (IBlockDevice device = Device())
        {
            device.Write(3, [.. Enumerable.Repeat((byte)9, 3 * device.BlockSize)]);
            Assert.False(device.IsZero(4));
            device.Zero(4);
            Assert.Equal([false, true, false], new[] { 3L, 4, 5 }.Select(device.IsZero));
        }

        using IBlockDevice again = _test.Boot().OpenBlockDevice("namespace0.0").Demand();
        Assert.Equal([false, true, false], new[] { 3L, 4, 5 }.Select(again.IsZero));
        byte[] read = [.. Enumerable.Repeat((byte)1, again.BlockSize)];
        again.Read(4, read);
        Assert.Equal(DiscardedContent.Zeros, BlockCapabilities.Of(again).DiscardReturns);
        Assert.False(read.AsSpan().ContainsAnyExcept((byte)0));
    }

    [Fact]
    [Trait(Snia, "NVM.BLOCK.SCAR")]
    [Trait(Snia, "NVM.BLOCK.SCAR_CAPABLE")]
    [Trait(Snia, "NVM.BLOCK.FUNDAMENTAL_BLOCK_SIZE")]
    public void A_scarred_block_alone_fails_until_it_is_written_over_a_restart()
    {
        using (IBlockDevice device = Device())
        {
            device.Write(0, new byte[3 * device.BlockSize]);
            device.SetError(1);
        }

        using IBlockDevice again = _test.Boot().OpenBlockDevice("namespace0.0").Demand();
        byte[] read = new byte[again.BlockSize];
        Assert.Throws<BlockErrorException>(() => again.Read(1, read));
        Assert.Equal([true, false, true], new[] { 0L, 1, 2 }.Select(block => again.TryRead(block, read)));
        Assert.Equal(again.BlockSize, BlockCapabilities.Of(again).FundamentalErrorSize);
        again.Write(1, read);
        again.Read(1, read);
    }

    private NamespaceView Make(NamespaceMode mode) => _test.Boot().CreateNamespace(new NamespaceRequest { Mode = mode, Size = 32 << 20 }).Demand();

    private PersistentMemoryVolume Volume() => PersistentMemoryVolume.Of(_test.Boot(), "namespace0.0").Demand();

    private IBlockDevice Device()
    {
        Make(NamespaceMode.Sector);
        return _test.Boot().OpenBlockDevice("namespace0.0").Demand();
    }
}
