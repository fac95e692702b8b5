using Pmem.Platform.InfoBlocks;

namespace Pmem.Platform.Tests.InfoBlocks;

public sealed class PfnInfoBlockTests
{
    private const ulong MiB = 1 << 20;
    private static readonly Guid s_uuid = Guid.Parse("11111111-2222-3333-4444-555555555555");
    private static readonly Guid s_parent = Guid.Parse("99999999-2222-3333-4444-555555555555");

    [Theory]
    [InlineData(PfnKind.Pfn, PageMapMode.Device, 256, 2, 0x600000, 64000)]
    [InlineData(PfnKind.Pfn, PageMapMode.Device, 1024, 2, 0x1200000, 257536)]
    [InlineData(PfnKind.Pfn, PageMapMode.Memory, 256, 2, 0x200000, 65024)]
    [InlineData(PfnKind.Dax, PageMapMode.Device, 1024, 2, 0x1200000, 257536)]
    public void Offsets_are_those_of_Linux_and_ndctl(PfnKind kind, PageMapMode mode, ulong sizeMiB, ulong alignMiB, ulong offset, ulong pages)
    {
        PfnInfoBlock block = PfnInfoBlock.Compute(kind, mode, 0, sizeMiB * MiB, alignMiB * MiB, s_uuid, s_parent);
        Assert.Equal((offset, pages), (block.DataOffset, block.PageFrames));
    }

    /// <summary>The block that ndctl 76.1 writes for <c>write-infoblock -m fsdax -s 256M -a 2M -M dev</c> with these uuids.</summary>
    [Fact]
    public void Bytes_are_those_of_ndctl()
    {
        byte[] bytes = new byte[PfnInfoBlock.Size];
        PfnInfoBlock.Compute(PfnKind.Pfn, PageMapMode.Device, 0, 256 * MiB, 2 * MiB, s_uuid, s_parent).Write(bytes);
        Assert.Equal(
            "4E5644494D4D5F50464E5F494E464F00" + "11111111222233334444555555555555" + "99999999222233334444555555555555" +
            "00000000" + "0100" + "0400" + "0000600000000000" + "00FA000000000000" + "02000000" + "00000000" + "00000000" + "00002000" + "00100000" + "4000",
            Convert.ToHexString(bytes[..94]));
        Assert.False(bytes.AsSpan(94, 4088 - 94).ContainsAnyExcept((byte)0));
        Assert.Equal("92643D4A2A5230D6", Convert.ToHexString(bytes[4088..]));
    }

    [Fact]
    public void Older_minor_versions_have_defaults_for_what_came_later()
    {
        byte[] bytes = new byte[PfnInfoBlock.Size];
        var block = new PfnInfoBlock { Kind = PfnKind.Dax, Uuid = s_uuid, DataOffset = 6 * MiB, PageFrames = 7, Mode = PageMapMode.Memory, StartPad = 4096, EndTruncate = 8192, Alignment = 4096, PageSize = 8192, PageStructSize = 128 };
        for (ushort minor = 0; minor <= 5; minor++)
        {
            (block with { Minor = minor }).Write(bytes);
            PfnInfoBlock read = PfnInfoBlock.TryParse(bytes, out FormatProblem? problem)!;
            Assert.Null(problem);
            Assert.Equal(minor >= 1 ? (4096u, 8192u) : (0u, 0u), (read.StartPad, read.EndTruncate));
            Assert.Equal(minor >= 2 ? 4096u : 4 * MiB, read.Alignment);
            Assert.Equal(minor >= 4 ? (8192u, (ushort)128) : (4096u, (ushort)64), (read.PageSize, read.PageStructSize));
        }
    }

    [Fact]
    public void Impossible_namespaces_are_refused_with_the_reason()
    {
        static string Message(ulong start, ulong size, ulong alignment) =>
            Assert.Throws<PmemException>(() => PfnInfoBlock.Compute(PfnKind.Pfn, PageMapMode.Device, start, size, alignment, s_uuid, s_parent)).Message;

        Assert.Contains("multiple of 2 MiB", Message(4096, 64 * MiB, 2 * MiB), StringComparison.Ordinal);
        Assert.Contains("not possible", Message(0, 64 * MiB, 65536), StringComparison.Ordinal);
        Assert.Contains("too small", Message(0, 1 * MiB, 2 * MiB), StringComparison.Ordinal);
        Assert.Contains("too small", Message(0, 512 * MiB, 1 << 30), StringComparison.Ordinal);
        Assert.Contains("address space", Message(0, ulong.MaxValue, 2 * MiB), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_computed_a_kernel_accepts()
    {
        foreach (ulong alignment in (ulong[])[4096, 2 * MiB, 1 << 30])
        {
            for (ulong size = 16 * MiB; size < 3072 * MiB; size += 37 * 4096 * 1024)
            {
                ulong start = size * 5 / (2 * MiB) * (2 * MiB);
                foreach (PageMapMode mode in (PageMapMode[])[PageMapMode.Memory, PageMapMode.Device])
                {
                    try
                    {
                        Assert.Null(PfnInfoBlock.Compute(PfnKind.Dax, mode, start, size, alignment, s_uuid, s_parent).FindRefusal(start, size));
                    }
                    catch (PmemException small)
                    {
                        Assert.Contains("too small", small.Message, StringComparison.Ordinal);
                    }
                }
            }
        }
    }
}
