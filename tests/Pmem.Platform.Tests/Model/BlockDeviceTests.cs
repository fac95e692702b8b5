using Pmem.Blocks;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;

namespace Pmem.Platform.Tests.Model;

/// <summary>Namespaces in sector mode as block devices; regions that have no labels.</summary>
public sealed class BlockDeviceTests
{
    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    [InlineData(4160)]
    public void Sectors_of_a_namespace_stay_over_a_restart(int sectorSize)
    {
        using var test = new TestPlatform(2);
        byte[] sector = new byte[sectorSize];
        Array.Fill(sector, (byte)7);
        LabelledPlatform platform = test.Boot();
        string name = platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Sector, SectorSize = sectorSize, Size = 32 << 20 }).Demand().Name;
        long last;
        using (IBlockDevice device = platform.OpenBlockDevice(name).Demand())
        {
            Assert.Equal(sectorSize, device.BlockSize);
            last = device.BlockCount - 1;
            device.Write(last, sector);
            device.Write(0, sector);
            device.Zero(0);
        }

        using IBlockDevice again = test.Boot().OpenBlockDevice(name, new BlockDeviceOptions { ReadOnly = true }).Demand();
        byte[] read = new byte[sectorSize];
        again.Read(last, read);
        Assert.Equal(sector, read);
        Assert.True(again.IsZero(0));
        Assert.True(again.IsReadOnly);
        Assert.Throws<InvalidOperationException>(() => again.Write(0, sector));
    }

    [Fact]
    public void What_is_no_device_of_sectors_is_refused_with_a_reason()
    {
        using var test = new TestPlatform(1);
        LabelledPlatform platform = test.Boot();
        string fsdax = platform.CreateNamespace(new NamespaceRequest { Size = 32 << 20 }).Demand().Name;
        string sector = platform.CreateNamespace(new NamespaceRequest { Size = 32 << 20, Mode = NamespaceMode.Sector }).Demand().Name;
        Assert.Equal(PlatformError.NotSupported, platform.OpenBlockDevice(fsdax).Error);
        Assert.Equal(PlatformError.NotFound, platform.OpenBlockDevice("namespace9.0").Error);
        platform.DisableNamespace(sector).Demand();
        Assert.Equal(PlatformError.CannotEnable, platform.OpenBlockDevice(sector).Error);
    }

    [Theory]
    [InlineData(NamespaceMode.Sector)]
    [InlineData(NamespaceMode.Fsdax)]
    [InlineData(NamespaceMode.Devdax)]
    [InlineData(NamespaceMode.Raw)]
    public void A_region_without_labels_is_one_namespace_of_any_mode(NamespaceMode mode)
    {
        using var test = new TestPlatform(2, labels: false);
        LabelledPlatform platform = test.Boot();
        Assert.Equal(PlatformError.InUse, platform.ReconfigureNamespace("namespace0.0", new NamespaceRequest { Mode = mode }).Error);
        Assert.Equal(PlatformError.BadSize, platform.ReconfigureNamespace("namespace0.0", new NamespaceRequest { Mode = mode, Size = 32 << 20 }, force: true).Error);
        Assert.Equal(PlatformError.NoLabels, platform.ReconfigureNamespace("namespace0.0", new NamespaceRequest { Mode = mode, Name = "data" }, force: true).Error);
        platform.ReconfigureNamespace("namespace0.0", new NamespaceRequest { Mode = mode }, force: true).Demand();
        NamespaceView space = Assert.Single(test.Boot().GetRegions()[0].Namespaces);
        Assert.Equal((mode, true, Guid.Empty), (space.Mode, space.IsEnabled, space.RawUuid));
        Assert.Equal(test.Region.Size, space.RawSize);
        if (mode != NamespaceMode.Sector)
            return;
        using IBlockDevice device = test.Boot().OpenBlockDevice("namespace0.0").Demand();
        Assert.Equal(space.Size, (ulong)(device.BlockCount * device.BlockSize));
        device.Write(0, new byte[4096]);
    }
}
