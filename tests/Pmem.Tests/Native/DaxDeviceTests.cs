using Pmem.Native;

namespace Pmem.Tests.Native;

/// <summary>Device-DAX nodes as sysfs describes them, on a made-up tree.</summary>
public sealed class DaxDeviceTests
{
    [Fact]
    public void A_device_has_the_size_and_alignment_that_sysfs_says()
    {
        using var folder = new TemporaryFolder();
        string region = folder.File("sys/devices/ndbus0/region1");
        Directory.CreateDirectory(Path.Combine(region, "dax1.0"));
        Directory.CreateDirectory(folder.File("sys/bus/dax/devices"));
        File.WriteAllText(Path.Combine(region, "deep_flush"), "1\n");
        File.WriteAllText(Path.Combine(region, "dax1.0/size"), "1073741824\n");
        File.WriteAllText(Path.Combine(region, "dax1.0/align"), "2097152\n");
        Directory.CreateSymbolicLink(folder.File("sys/bus/dax/devices/dax1.0"), Path.Combine(region, "dax1.0"));
        File.WriteAllBytes(folder.File("dax1.0"), []);
        DaxDevice? device = DaxDevice.TryFind(folder.File("dax1.0"), folder.File("sys"));
        Assert.Equal(new DaxDevice(1 << 30, 2 << 20, Path.Combine(region, "deep_flush")), device);
        File.CreateSymbolicLink(folder.File("link"), folder.File("dax1.0"));
        Assert.Equal(device, DaxDevice.TryFind(folder.File("link"), folder.File("sys")));
    }

    [Fact]
    public void Other_files_are_no_devices()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("dax1.0"), [1]);
        File.WriteAllBytes(folder.File("empty"), []);
        Assert.Null(DaxDevice.TryFind(folder.File("dax1.0")));
        Assert.Null(DaxDevice.TryFind(folder.File("empty")));
        Assert.Null(DaxDevice.TryFind(folder.File("missing")));
        Assert.False(PersistentMap.IsDeviceDax(folder.File("empty")));
    }
}
