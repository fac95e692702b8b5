using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Pmem.Blocks.Layout;

namespace Pmem.Blocks.Tests.Layout;

public sealed class GeometryTests
{
    [Theory]
    [InlineData(BttVariant.Uefi20, 64L << 20, 4096, 16105u, 16361u, 67022848, 67088384, 67104768)]
    [InlineData(BttVariant.Linux11, (64L << 20) - 4096, 512, 129736u, 129992u, 66564096, 67084288, 67100672)]
    [InlineData(BttVariant.Pmdk, 16L << 20, 512, 32202u, 32458u, 16625664, 16756736, 16773120)]
    [InlineData(BttVariant.Pmdk, 16L << 20, 4096, 3829u, 4085u, 16740352, 16756736, 16773120)]
    public void An_arena_is_laid_out_as_peers_lay_it_out(BttVariant variant, long length, int blockSize, uint external, uint blocks, long map, long flog, long info)
    {
        ArenaGeometry geometry = ArenaGeometry.Compute(BttFormat.Of(variant), length, blockSize);
        Assert.Equal((external, blocks, map, flog, info), (geometry.ExternalBlocks, geometry.InternalBlocks, geometry.MapOffset, geometry.FlogOffset, geometry.InfoOffset));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(512)]
    [InlineData(513)]
    [InlineData(4096)]
    [InlineData(32600)]
    public void Every_info_block_that_is_made_is_accepted(int blockSize)
    {
        foreach (BttFormat format in (BttFormat[])[BttFormat.Pmdk, BttFormat.Linux11, BttFormat.Uefi20])
        {
            for (long available = BttLayout.MinimumArena; available < BttLayout.MinimumArena + (1 << 20); available += 33 * 4096)
            {
                if (ArenaGeometry.FindProblem(format, available, blockSize) is not null)
                    continue;
                BttInfo info = ArenaGeometry.Compute(format, available, blockSize).ToInfo(format, 7, 8, 0);
                Assert.Null(BttInfoValidation.FindProblem(in info, 0, available, 8, blockSize));
            }
        }
    }

    [Fact]
    public void Largest_arenas_are_accepted()
    {
        long available = (3 * BttLayout.MaximumArena) + (5L << 20);
        var geometry = ArenaGeometry.Compute(BttFormat.Pmdk, available, 4096);
        Assert.Equal(BttLayout.MaximumArena, geometry.Length);
        BttInfo info = geometry.ToInfo(BttFormat.Pmdk, 1, 2, available - geometry.Length);
        Assert.Equal((ulong)BttLayout.MaximumArena, info.NextOffset);
        Assert.Null(BttInfoValidation.FindProblem(in info, 0, available, 2, 4096));
        Assert.Equal(3, BttLayout.ArenaCount(available));
    }

    [Fact]
    public void Blocks_that_do_not_fit_are_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => ArenaGeometry.Compute(BttFormat.Pmdk, BttLayout.MinimumArena, 33_000));

    [Fact]
    public void Structures_have_their_sizes()
    {
        Assert.Equal(4096, Unsafe.SizeOf<BttInfo>());
        Assert.Equal(16, Unsafe.SizeOf<FlogHalf>());
        Assert.Equal(64, Unsafe.SizeOf<LaneState>());
        Assert.Equal(128, Unsafe.SizeOf<LaneRotation.Slot>());
        Assert.Equal(4088, (int)Marshal.OffsetOf<BttInfo>(nameof(BttInfo.Checksum)));
    }

    [Theory]
    [InlineData(0, 0, -1)]
    [InlineData(1, 0, 0)]
    [InlineData(0, 1, 1)]
    [InlineData(1, 1, -1)]
    [InlineData(1, 2, 1)]
    [InlineData(2, 1, 0)]
    [InlineData(2, 3, 1)]
    [InlineData(3, 2, 0)]
    [InlineData(3, 1, 1)]
    [InlineData(1, 3, 0)]
    [InlineData(4, 1, -1)]
    [InlineData(0, 7, -1)]
    public void The_later_half_is_current(uint first, uint second, int current) => Assert.Equal(current, FlogHalf.Current(first, second));

    [Fact]
    public void Uuids_are_stored_as_each_program_stores_them()
    {
        var uuid = Guid.Parse("00112233-4455-6677-8899-aabbccddeeff");
        UInt128 windows = BttFormat.Pmdk.UuidBytes(uuid);
        UInt128 network = BttFormat.Uefi20.UuidBytes(uuid);
        Assert.Equal(0x33, (byte)windows);
        Assert.Equal(0x00, (byte)network);
        Assert.Equal(uuid, BttFormat.Uefi20.ReadUuid(MemoryMarshal.AsBytes(new ReadOnlySpan<UInt128>(in network))));
    }
}
