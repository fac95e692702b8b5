using Pmem.Native;

namespace Pmem.Tests.Native;

/// <summary>Copies of devices in memory, on files: a device needs a guest (tests/Interop/Guest).</summary>
public sealed unsafe class DeviceCopyTests
{
    private const int Page = 4096;

    [Theory]
    [InlineData(3 * Page)]
    [InlineData((5 * Page) + 100)]
    public void What_is_there_is_copied_and_zeros_are_left_out(int length)
    {
        byte[] source = new byte[length];
        source[0] = 1;
        source[length - 1] = 2;
        byte[] target = new byte[length];
        fixed (byte* from = source, to = target)
            DeviceCopy.CopyPages(from, to, length);
        Assert.Equal(source, target);
        Array.Clear(source);
        target.AsSpan().Fill(7);
        fixed (byte* from = source, to = target)
            DeviceCopy.CopyPages(from, to, length);
        Assert.DoesNotContain((byte)0, target);
    }

    [Fact]
    public void A_device_that_does_not_fit_into_memory_is_refused()
    {
        DeviceCopy.DemandMemory("/dev/dax0.0", 800, 1000);
        PmemException refused = Assert.Throws<PmemException>(() => DeviceCopy.DemandMemory("/dev/dax0.0", 900, 1000));
        Assert.Contains("900 bytes does not fit into the 1000 bytes", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_place_that_cannot_be_read_is_a_media_error()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("cut");
        File.WriteAllBytes(path, new byte[4 * Page]);
        using var map = PersistentMap.Open(path, new PersistentMapOptions { Access = MapAccess.ReadOnly });
        using (FileStream file = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            file.SetLength(2 * Page);
        byte[] target = new byte[4 * Page];
        MediaErrorException error = Assert.Throws<MediaErrorException>(() =>
        {
            fixed (byte* to = target)
                DeviceCopy.CopyPages(map.Pointer, to, target.Length);
        });
        Assert.Equal((2 * Page, Page), (error.Offset, error.Length));
    }

    [Fact]
    public void Addresses_are_as_aligned_as_a_device_wants_them()
    {
        byte* at = LinuxRegion.Reserve(64 << 20, 1 << 30);
        Assert.Equal(0, (long)at % (1 << 30));
        _ = Libc.Unmap(at, 64 << 20);
    }
}
