using Pmem.Platform.Acpi;

namespace Pmem.Platform.Tests.Acpi;

public class NfitDeviceHandleTests
{
    [Fact]
    public void Parts_are_where_ACPI_puts_them()
    {
        var handle = NfitDeviceHandle.Create(node: 0xabc, socket: 4, memoryController: 3, channel: 2, dimm: 1);
        Assert.Equal(0x0abc4321u, handle.Value);
        Assert.Equal((0xabc, 4, 3, 2, 1), (handle.Node, handle.Socket, handle.MemoryController, handle.Channel, handle.Dimm));
        Assert.Equal("0xabc4321", handle.ToString());
    }

    [Theory]
    [InlineData(4096, 0, 0, 0, 0)]
    [InlineData(0, 16, 0, 0, 0)]
    [InlineData(0, 0, -1, 0, 0)]
    [InlineData(0, 0, 0, 16, 0)]
    [InlineData(0, 0, 0, 0, 16)]
    public void A_part_too_large_is_refused(int node, int socket, int controller, int channel, int dimm) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => NfitDeviceHandle.Create(node, socket, controller, channel, dimm));

    [Theory]
    [InlineData(0x0fffffff, true)]
    [InlineData(0x10000000, false)]
    public void Reserved_bits_are_seen(uint value, bool valid) => Assert.Equal(valid, new NfitDeviceHandle(value).IsValid);
}
