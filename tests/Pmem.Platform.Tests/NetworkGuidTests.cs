namespace Pmem.Platform.Tests;

public sealed class NetworkGuidTests
{
    [Fact]
    public void Bytes_are_in_the_order_of_print()
    {
        var guid = Guid.Parse("00112233-4455-6677-8899-aabbccddeeff");
        byte[] bytes = new byte[16];
        NetworkGuid.Write(bytes, guid);
        Assert.Equal("00112233445566778899AABBCCDDEEFF", Convert.ToHexString(bytes));
        Assert.Equal(guid, NetworkGuid.Read(bytes));
    }
}
