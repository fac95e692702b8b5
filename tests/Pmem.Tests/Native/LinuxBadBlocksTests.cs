using System.Runtime.Versioning;
using Pmem.Native;

namespace Pmem.Tests.Native;

/// <summary>Bad blocks as sysfs lists them, on a made-up tree.</summary>
[SupportedOSPlatform("linux")]
public sealed class LinuxBadBlocksTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Sectors_of_the_disk_become_whole_blocks_of_the_file()
    {
        string file = _folder.File("data");
        File.WriteAllBytes(file, new byte[100_000]);
        FileStatus status = FileStatus.Of(file);
        Assert.True(status.IsRegular);
        Assert.Equal(4096, status.BlockSize);
        string disk = Directory.CreateDirectory(_folder.File($"sys/dev/block/{status.DeviceNumber}")).FullName;
        FileExtent[] extents = [new(0, 1 << 20, 16384), new(16384, 4 << 20, 81920)];
        var source = new LinuxBadBlocks(_folder.File("sys"), _ => extents);
        Assert.Empty(source.Find(file));

        // One sector in the first piece, two that touch a block border in the second, one outside of both.
        File.WriteAllText(Path.Combine(disk, "badblocks"), $"{(1 << 20) / 512 + 3} 1\n{(4 << 20) / 512 + 15} 2\n{(8 << 20) / 512} 8\n");
        Assert.Equal([new BadBlock(0, 4096), new BadBlock(16384 + 4096, 8192)], source.Find(file));
        Assert.Throws<FileNotFoundException>(() => source.Find(_folder.File("missing")));
    }

    [Fact]
    public void Sectors_before_a_partition_are_not_its_own()
    {
        string file = _folder.File("data");
        File.WriteAllBytes(file, new byte[8192]);
        string disk = Directory.CreateDirectory(_folder.File("sys/devices/disk")).FullName;
        string partition = Directory.CreateDirectory(Path.Combine(disk, "part1")).FullName;
        File.WriteAllText(Path.Combine(partition, "partition"), "1\n");
        File.WriteAllText(Path.Combine(partition, "start"), "2048\n");
        File.WriteAllText(Path.Combine(disk, "badblocks"), "0 8\n2056 8\n");
        Directory.CreateDirectory(_folder.File("sys/dev/block"));
        Directory.CreateSymbolicLink(_folder.File($"sys/dev/block/{FileStatus.Of(file).DeviceNumber}"), partition);
        Assert.Equal([new BadBlock(4096, 4096)], new LinuxBadBlocks(_folder.File("sys"), _ => [new FileExtent(0, 0, 8192)]).Find(file));
    }

    [Fact]
    public void A_device_has_the_bad_blocks_of_its_region_behind_its_start()
    {
        string region = Directory.CreateDirectory(_folder.File("sys/devices/ndbus0/region1")).FullName;
        string dax = Directory.CreateDirectory(Path.Combine(region, "dax1.0")).FullName;
        File.WriteAllText(Path.Combine(region, "resource"), "0x100000000\n");
        File.WriteAllText(Path.Combine(region, "badblocks"), "0 8\n4096 1\n999999999 8\n");
        File.WriteAllText(Path.Combine(dax, "resource"), "0x100200000\n");
        File.WriteAllText(Path.Combine(dax, "size"), "1073741824\n");
        File.WriteAllText(Path.Combine(dax, "align"), "2097152\n");
        Directory.CreateDirectory(_folder.File("sys/bus/dax/devices"));
        Directory.CreateSymbolicLink(_folder.File("sys/bus/dax/devices/dax1.0"), dax);
        File.WriteAllBytes(_folder.File("dax1.0"), []);
        var source = new LinuxBadBlocks(_folder.File("sys"), _ => []);
        Assert.Equal([new BadBlock(0, 4096)], source.Find(_folder.File("dax1.0")));
        byte[] request = DaxRegion.EncodeClearError(0x100200000, 4096);
        Assert.Equal("00002000010000000010000000000000" + new string('0', 32), Convert.ToHexString(request));

        // Without root sysfs shows no addresses: nothing is guessed.
        File.WriteAllText(Path.Combine(dax, "resource"), "0x0\n");
        Assert.Empty(source.Find(_folder.File("dax1.0")));
        Assert.Contains("run as root", Assert.Throws<PmemException>(() => source.Clear(_folder.File("dax1.0"), new BadBlock(0, 4096))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cleared_block_of_a_file_is_a_fresh_one()
    {
        string file = _folder.File("data");
        byte[] bytes = new byte[16384];
        Array.Fill(bytes, (byte)7);
        File.WriteAllBytes(file, bytes);
        BadBlockSource.Kernel.Clear(file, new BadBlock(4096, 8192));
        bytes.AsSpan(4096, 8192).Clear();
        Assert.Equal(bytes, File.ReadAllBytes(file));
        Assert.Empty(BadBlockSource.Kernel.Find(file));
    }

    [Fact]
    public void Extents_cover_a_file_where_the_file_system_tells_them()
    {
        string file = Path.Combine(AppContext.BaseDirectory, $"extents-{Guid.NewGuid():n}");
        File.WriteAllBytes(file, new byte[3 << 20]);
        try
        {
            IReadOnlyList<FileExtent> extents = FileExtent.Of(file);
            Assert.Equal(3 << 20, extents.Sum(extent => extent.Length));
            Assert.Equal(0, extents[0].Logical);
        }
        catch (PmemException e) when (e.Message.Contains("find the blocks", StringComparison.Ordinal))
        {
            Assert.Skip("this file system does not tell where its files lie");
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("x y")]
    [InlineData("1")]
    [InlineData("-1 8")]
    [InlineData("9223372036854775807 8")]
    public void Lines_that_are_no_sectors_end_a_list(string line) =>
        Assert.Equal([new BadBlock(512, 1024)], LinuxBadBlocks.Parse(["1 2", line, "7 8"]));
}
