using Pmem.Platform.Acpi;

namespace Pmem.Platform.Tests.Acpi;

/// <summary>SRAT, HMAT and PCAT: bytes and back.</summary>
public class OtherTablesTests
{
    internal static Srat Srat()
    {
        var srat = new Srat();
        srat.Structures.Add(new AcpiUnknownSubtable(0) { Data = [2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] });
        srat.Structures.Add(new SratMemoryAffinity { ProximityDomain = 0, Base = 0, Length = 1 << 30 });
        srat.Structures.Add(new SratMemoryAffinity { ProximityDomain = 1, Base = 0x1_0000_0000, Length = 512 << 20, Flags = SratMemoryFlags.Enabled | SratMemoryFlags.NonVolatile });
        srat.Structures.Add(new AcpiUnknownSubtable(2) { Data = [0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] });
        return srat;
    }

    internal static Hmat Hmat()
    {
        var hmat = new Hmat();
        hmat.Structures.Add(new HmatProximity { Flags = 1, InitiatorDomain = 0, MemoryDomain = 1 });
        hmat.Structures.Add(new HmatLatencyBandwidth { DataType = HmatDataType.ReadLatency, BaseUnit = 100, Initiators = [0, 2], Targets = [0, 1, 3], Matrix = [10, 30, HmatLatencyBandwidth.Unreachable, 20, 0, 40] });
        hmat.Structures.Add(new HmatMemorySideCache { MemoryDomain = 1, CacheSize = 16UL << 30, Attributes = 0x0040_1111, SmbiosHandles = [0x20, 0x21] });
        return hmat;
    }

    internal static Pcat Pcat(bool newer)
    {
        var pcat = new Pcat { Header = new AcpiTableHeader { Signature = "PCAT", Revision = newer ? (byte)0x10 : (byte)2 } };
        pcat.Structures.Add(new PcatPlatformCapability { Newer = newer, SoftwareConfiguration = 1, MemoryModes = 7, CurrentMode = 4, Ras = newer ? (byte)0 : (byte)3, MaximumInterleaveSets = newer ? (ushort)0x24 : (ushort)0, DdrCacheSize = newer ? 192u : 0 });
        pcat.Structures.Add(new PcatInterleaveCapability { Newer = newer, MemoryMode = 3, AlignmentExponent = 26, InterleaveSizes = newer ? (ushort)0x0101 : (ushort)0, MaximumInterleaveSets = newer ? (ushort)4 : (ushort)0, Formats = [0x80014040, 0x00024040] });
        pcat.Structures.Add(new AcpiUnknownSubtable(2) { Data = [0, 1, 2, 3] });
        pcat.Structures.Add(new PcatAttributeExtension { VendorId = 0x8680, Guid = Guid.Parse("01234567-89ab-cdef-0123-456789abcdef"), Data = [9] });
        pcat.Structures.Add(new PcatSocketSku { Socket = 1, Die = 0, MappedLimit = 1UL << 40, MappedTotal = 1UL << 38, Caching = 5 });
        return pcat;
    }

    [Fact]
    public void SRAT_memory_affinity_has_the_bytes_of_ACPI()
    {
        byte[] table = Srat().ToBytes();
        Assert.Equal(48 + 16 + 40 + 40 + 24, table.Length);
        Assert.Equal("01" + "28" + "01000000" + "0000" + "0000000001000000" + "0000002000000000" + "00000000" + "05000000" + new string('0', 16), Convert.ToHexStringLower(table.AsSpan(48 + 16 + 40, 40)));
        Assert.Equal(table, Platform.Acpi.Srat.Parse(table).ToBytes());
    }

    [Fact]
    public void SRAT_names_the_domains_of_memory_and_processors() => Assert.Equal([0u, 1u, 2u, 3u], Srat().ProximityDomains.Order());

    [Fact]
    public void HMAT_comes_back_and_tells_figures()
    {
        byte[] table = Hmat().ToBytes();
        Assert.Equal(40 + 40 + (32 + 8 + 12 + 12) + (32 + 4), table.Length);
        Hmat read = Platform.Acpi.Hmat.Parse(table);
        Assert.Equal(table, read.ToBytes());
        var latency = (HmatLatencyBandwidth)read.Structures[1];
        Assert.Equal(3000ul, latency.Between(0, 1));
        Assert.Null(latency.Between(0, 3));
        Assert.Null(latency.Between(2, 1));
        Assert.Null(latency.Between(9, 1));
        Assert.Equal(4000ul, latency.Between(2, 3));
        Assert.Equal(64, ((HmatMemorySideCache)read.Structures[2]).LineSize);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void PCAT_of_both_generations_comes_back(bool newer)
    {
        byte[] table = Pcat(newer).ToBytes();
        Pcat read = Platform.Acpi.Pcat.Parse(table);
        Assert.Equal(table, read.ToBytes());
        Assert.Equal(newer, read.IsNewer);
        Assert.Equal(16, 4 + read.Structures[0].ByteLength);
        Assert.Equal(newer ? 0x24 : 0, ((PcatPlatformCapability)read.Structures[0]).MaximumInterleaveSets);
        Assert.Equal(32, 4 + read.Structures[4].ByteLength);
    }

    [Fact]
    public void A_matrix_larger_than_its_table_is_refused()
    {
        byte[] table = Hmat().ToBytes();
        // 2³¹ initiators.
        table[40 + 40 + 8 + 4 + 3] = 0x80;
        AcpiTableHeader.Seal(table);
        Assert.Throws<PmemFormatException>(() => Platform.Acpi.Hmat.Parse(table));
    }
}
