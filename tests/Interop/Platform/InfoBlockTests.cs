using System.Text.Json;
using Pmem;
using Pmem.Blocks;
using Pmem.Blocks.Layout;
using Pmem.Platform.InfoBlocks;

namespace Interop.Platform;

/// <summary>Info blocks by ours and by ndctl, without a device: byte for byte the same, and read the same.</summary>
public sealed class InfoBlockTests : IDisposable
{
    private const ulong MiB = 1 << 20;
    private static readonly Guid s_uuid = Guid.Parse("11111111-2222-3333-4444-555555555555");
    private static readonly Guid s_parent = Guid.Parse("99999999-2222-3333-4444-555555555555");

    private readonly string _folder = Peers.NewFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(PfnKind.Pfn, PageMapMode.Device, 64, 2 << 20)]
    [InlineData(PfnKind.Pfn, PageMapMode.Device, 256, 4096)]
    [InlineData(PfnKind.Pfn, PageMapMode.Memory, 256, 2 << 20)]
    [InlineData(PfnKind.Dax, PageMapMode.Device, 1024, 2 << 20)]
    [InlineData(PfnKind.Dax, PageMapMode.Device, 4096, 1 << 30)]
    [InlineData(PfnKind.Dax, PageMapMode.Memory, 1000, 4096)]
    public void Blocks_are_those_of_ndctl(PfnKind kind, PageMapMode mode, int sizeMiB, int alignment)
    {
        string path = Path.Combine(_folder, "block");
        string[] arguments = ["write-infoblock", "-m", kind == PfnKind.Pfn ? "fsdax" : "devdax", "-M", mode == PageMapMode.Device ? "dev" : "mem", "-s", $"{sizeMiB}M", "-a", $"{alignment}", "-u", $"{s_uuid}", "-p", $"{s_parent}", "-o", path];
        Peers.Succeed(Peers.Tool("ndctl"), arguments);
        byte[] ours = new byte[8192];
        PfnInfoBlock.Compute(kind, mode, 0, (ulong)sizeMiB * MiB, (ulong)alignment, s_uuid, s_parent).Write(ours.AsSpan(PfnInfoBlock.Position));
        Assert.Equal(File.ReadAllBytes(path), ours);
    }

    [Fact]
    public void Ndctl_reads_what_we_wrote()
    {
        string path = Path.Combine(_folder, "ours");
        byte[] bytes = new byte[8192];
        var block = PfnInfoBlock.Compute(PfnKind.Dax, PageMapMode.Device, 0, 512 * MiB, 2 * MiB, s_uuid, s_parent);
        block.Write(bytes.AsSpan(PfnInfoBlock.Position));
        File.WriteAllBytes(path, bytes);
        JsonElement read = Read(path);
        Assert.Equal("NVDIMM_DAX_INFO", read.GetProperty("signature").GetString());
        Assert.Equal(s_uuid.ToString(), read.GetProperty("uuid").GetString());
        Assert.Equal(s_parent.ToString(), read.GetProperty("parent_uuid").GetString());
        Assert.Equal(block.DataOffset, read.GetProperty("dataoff").GetUInt64());
        Assert.Equal(block.PageFrames, read.GetProperty("npfns").GetUInt64());
    }

    [Theory]
    [InlineData(BttVariant.Linux11, 4096)]
    [InlineData(BttVariant.Uefi20, 512)]
    public void Ndctl_reads_our_translation_tables(BttVariant variant, int sector)
    {
        string path = Path.Combine(_folder, "btt");
        using (PersistentMap map = PersistentMap.Create(path, 64 << 20, new PersistentMapOptions { Sparse = true }))
            BlockTranslationTable.Create(map, 0, map.Length, BttFormat.Of(variant), sector, s_uuid, s_parent).Dispose();
        JsonElement read = Read(path);
        Assert.Equal(variant == BttVariant.Uefi20 ? "2.0" : "1.1", read.GetProperty("version").GetString());
        Assert.Equal(s_uuid.ToString(), read.GetProperty("uuid").GetString());
        Assert.Equal(sector, read.GetProperty("external_lbasize").GetInt32());
    }

    private static JsonElement Read(string path)
    {
        using var document = JsonDocument.Parse(Peers.Succeed(Peers.Tool("ndctl"), ["read-infoblock", "-i", path, "-j", "-V"]));
        return document.RootElement[0].Clone();
    }
}
