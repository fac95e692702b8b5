using System.Runtime.CompilerServices;

namespace Pmem.Pools.Tests;

public class PoolHeaderTests
{
    [Fact]
    public void Header_is_a_page() => Assert.Equal(4096, Unsafe.SizeOf<PoolHeader>());

    [Fact]
    public void Shutdown_state_is_a_cache_line() => Assert.Equal(64, Unsafe.SizeOf<ShutdownState>());

    [Fact]
    public void Every_field_is_read_from_its_place()
    {
        byte[] bytes = HeaderImage.Valid(PoolKind.Object);
        bytes[20] = 0x80;
        for (int i = 0; i < 5; i++)
            bytes[40 + (16 * i) + 15] = (byte)i;
        bytes[4024] = 7;
        bytes[4032] = 8;
        bytes[4040] = 1;
        bytes[4080] = 9;
        PoolHeader header = PoolHeader.Read(bytes);

        Assert.Equal(PoolKind.Object, header.Kind);
        Assert.Equal(6u, header.Major);
        Assert.Equal(CompatFeatures.CheckBadBlocks, header.Compat);
        Assert.Equal(IncompatFeatures.Checksum2K | IncompatFeatures.ShutdownState, header.Incompat);
        Assert.Equal(0x80u, (uint)header.ReadOnlyCompat);
        Assert.Equal(0, LastByte(header.Uuid));
        Assert.Equal(1, LastByte(header.PreviousPartUuid));
        Assert.Equal(2, LastByte(header.NextPartUuid));
        Assert.Equal(3, LastByte(header.PreviousReplicaUuid));
        Assert.Equal(4, LastByte(header.NextReplicaUuid));
        Assert.Equal(1_700_000_000UL, header.CreationTime);
        Assert.Equal(PoolHeader.AlignmentDescriptorX64, header.AlignmentDescriptor);
        Assert.Equal(7UL, header.ShutdownState.UnsafeShutdownCount);
        Assert.Equal(8UL, header.ShutdownState.DeviceId);
        Assert.Equal(1, header.ShutdownState.Dirty);
        Assert.Equal(9UL, header.ShutdownState.Checksum);
    }

    [Fact]
    public void Uuid_text_has_its_first_three_groups_little_endian_on_media()
    {
        PoolHeader header = PoolHeader.Read(HeaderImage.Valid());
        Assert.Equal("33221100-5544-7766-8899-aabbccddeeff", header.Uuid.ToString());
        Assert.Equal("a3a2a1a0-a5a4-a7a6-a8a9-aaabacadaeaf", header.PoolSetUuid.ToString());
    }

    [Theory]
    [InlineData(PoolKind.Object)]
    [InlineData(PoolKind.Log)]
    [InlineData(PoolKind.Block)]
    public void A_header_made_from_the_format_page_is_valid(PoolKind kind)
    {
        PoolHeader header = PoolHeader.Read(HeaderImage.Valid(kind));
        Assert.Equal(kind, header.Kind);
        Assert.Null(PoolValidation.FindProblem(in header, kind));
        Assert.Null(PoolValidation.FindProblem(in header, kind: null));
    }

    [Fact]
    public void Checksum_ignores_the_second_half_only_with_its_feature()
    {
        byte[] bytes = HeaderImage.Valid();
        bytes[2048] = 1;
        PoolHeader header = PoolHeader.Read(bytes);
        Assert.Equal(header.Checksum, header.ComputeChecksum());

        bytes = HeaderImage.Valid();
        bytes[16] = 0;
        HeaderImage.Seal(bytes);
        header = PoolHeader.Read(bytes);
        Assert.Equal(header.Checksum, header.ComputeChecksum());
        bytes[2048] = 1;
        header = PoolHeader.Read(bytes);
        Assert.NotEqual(header.Checksum, header.ComputeChecksum());
    }

    [Fact]
    public void Unknown_features_are_named_by_their_bits()
    {
        byte[] bytes = HeaderImage.Valid();
        bytes[12] = 0x11;
        bytes[16] = 0x0F;
        bytes[20] = 0x20;
        PoolHeader header = PoolHeader.Read(bytes);
        Assert.Equal(["SINGLEHDR", "CKSUM_2K", "SHUTDOWN_STATE", "CHECK_BAD_BLOCKS", "compat:0x10", "incompat:0x8", "ro_compat:0x20"], PoolFeatures.Names(in header));
    }

    private static int LastByte(Guid uuid)
    {
        Span<byte> bytes = stackalloc byte[16];
        uuid.TryWriteBytes(bytes);
        return bytes[15];
    }
}
