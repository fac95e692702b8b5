using System.Text;
using System.Text.Json;
using Pmem.Platform.Acpi;

namespace Pmem.Platform.Tests.Acpi;

/// <summary>Tables to bytes and back, text and JSON.</summary>
public class NfitTests
{
    [Fact]
    public void Two_way_set_has_the_bytes_that_ACPI_lays_out()
    {
        byte[] table = SampleNfit.Set().ToBytes();
        string golden =
            // header
            "4e464954" + "e8010000" + "01" + "af" + "504d454d4e54" + "504d454d4e455420" + "01000000" + "504d454d" + "01000000" + "00000000"
            // range 1: persistent memory at 4 GiB, 512 MiB, WB | NV
            + "0000" + "3800" + "0100" + "0000" + "00000000" + "00000000" + "79d3f066f3b47440ac430d3318b78cdb" + "0000000001000000" + "0000002000000000" + "0880000000000000"
            // mappings of handles 0x1 and 0x11
            + "0100" + "3000" + "01000000" + "2000" + "0100" + "0100" + "0100" + "0000001000000000" + "0000000000000000" + "0000000000000000" + "0100" + "0200" + "0000" + "0000"
            + "0100" + "3000" + "11000000" + "2100" + "0100" + "0100" + "0200" + "0000001000000000" + "0010000000000000" + "0000000000000000" + "0100" + "0200" + "0000" + "0000"
            // one line of 4096 bytes, padded to 24 bytes
            + "0200" + "1800" + "0100" + "0000" + "01000000" + "00100000" + "00000000" + "00000000"
            // control regions
            + "0400" + "5000" + "0100" + "8089" + "0100" + "0100" + "0000" + "0000" + "0000" + "01" + "0a" + "2116" + "0000" + "00002211" + "0103" + "0000" + new string('0', 96)
            + "0400" + "5000" + "0200" + "8089" + "0100" + "0100" + "0000" + "0000" + "0000" + "01" + "0a" + "2116" + "0000" + "01002211" + "0103" + "0000" + new string('0', 96)
            // flush hints, 4 each
            + "0600" + "3000" + "01000000" + "0400" + "000000000000" + "0000002001000000" + "4000002001000000" + "8000002001000000" + "c000002001000000"
            + "0600" + "3000" + "11000000" + "0400" + "000000000000" + "0010002001000000" + "4010002001000000" + "8010002001000000" + "c010002001000000"
            // memory controller flush
            + "0700" + "1000" + "01" + "000000" + "02000000" + "00000000";
        byte[] expected = Convert.FromHexString(golden);
        Assert.Equal(Convert.ToHexString(expected), Convert.ToHexString(table));
        Assert.Equal(0, AcpiTableHeader.Sum(table));
        Assert.Equal("8089-0a-2116-00002211", SampleNfit.Set().Of<NfitControlRegion>().First().Id);
    }

    [Fact]
    public void Every_structure_comes_back_as_it_was()
    {
        byte[] table = SampleNfit.Everything().ToBytes();
        Nfit read = Nfit.Parse(table);
        Assert.Equal(SampleNfit.Everything().Structures.Select(s => s.GetType()), read.Structures.Select(s => s.GetType()));
        Assert.Equal(table, read.ToBytes());
        Assert.Equal(0xc00c1eu, read.Of<NfitSpaRange>().Single(range => range.Index == 9).LocationCookie);
        Assert.Equal(new uint[] { 0, 3, 4 }, read.Of<NfitInterleave>().Last().LineOffsets);
        Assert.Equal(4096u, read.Of<NfitControlRegion>().Last().WindowSize);
    }

    [Fact]
    public void Reserved_bytes_survive()
    {
        byte[] fit = SampleNfit.Everything().ToFit();
        foreach (NfitEntry entry in NfitScan.Read(fit).Entries)
            fit.AsSpan(entry.Offset + 4, entry.Length - 4).Fill(0x5a);
        // Counts, flags and indices now lie; only structures of fixed form are compared.
        var scan = NfitScan.Read(fit);
        Assert.Equal(fit, Nfit.FromScan(scan).Structures.SelectMany(s => (byte[])[(byte)s.Type, 0, (byte)s.TotalLength, 0, .. s.ToBytes()]).ToArray());
    }

    [Fact]
    public void The_form_that_FIT_returns_has_no_header()
    {
        Nfit nfit = SampleNfit.Set();
        byte[] fit = nfit.ToFit();
        Assert.Equal(nfit.ToBytes()[Nfit.HeaderSize..], fit);
        Nfit read = Nfit.Parse(fit);
        Assert.Null(read.Header);
        Assert.Equal(fit, read.ToBytes());
    }

    [Fact]
    public void JSON_and_back_gives_the_same_bytes()
    {
        foreach (byte[] bytes in (byte[][])[SampleNfit.Everything().ToBytes(), SampleNfit.Everything().ToFit(), SampleNfit.Set(4).ToBytes()])
            Assert.Equal(bytes, NfitJson.Parse(Json(bytes)).ToBytes());
    }

    [Fact]
    public void JSON_written_by_hand_needs_only_what_differs_from_the_defaults()
    {
        Nfit nfit = NfitJson.Parse("""
            {
              // one module of 64 MiB
              "structures": [
                { "type": "spaRange", "index": 1, "rangeType": "66f0d379-b4f3-4074-ac43-0d3318b78cdb", "base": "0x100000000", "length": 67108864 },
                { "type": "regionMapping", "handle": 1, "rangeIndex": 1, "controlRegionIndex": 1, "regionSize": 67108864 },
                { "type": "interleave", "index": 1, "lineSize": 4096, "lineOffsets": [0] },
                { "type": "controlRegion", "index": 1, "vendorId": "0x8089", "serialNumber": "0x00000001" },
              ]
            }
            """);
        Assert.Empty(NfitLint.Examine(nfit.ToBytes()));
        NfitControlRegion control = nfit.Of<NfitControlRegion>().Single();
        Assert.Equal(0x8980, control.VendorId);
        Assert.Equal("8089-00000001", control.Id);
        Assert.Equal(32, control.TotalLength);
        Assert.Equal(24, nfit.Of<NfitInterleave>().Single().TotalLength);
    }

    [Theory]
    [InlineData("[]", "structures")]
    [InlineData("{", "JSON")]
    [InlineData("""{"structures":[{"type":"spaRnge"}]}""", "spaRnge")]
    [InlineData("""{"structures":[{"type":"spaRange","indx":1}]}""", "indx")]
    [InlineData("""{"structures":[{"type":"spaRange","index":70000}]}""", "16 bits")]
    [InlineData("""{"structures":[{"type":"spaRange","rangeType":"pm"}]}""", "GUID")]
    [InlineData("""{"structures":[{"type":"smbios","data":"xy"}]}""", "hexadecimal")]
    [InlineData("""{"header":{"oemId":"longer than six"},"structures":[]}""", "6 characters")]
    public void JSON_that_no_table_can_hold_is_refused_with_its_place(string json, string named)
    {
        PmemFormatException problem = Assert.Throws<PmemFormatException>(() => NfitJson.Parse(json));
        Assert.Contains(named, problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_shows_offset_value_and_meaning_of_each_field()
    {
        string text = NfitText.Print(NfitScan.Read(SampleNfit.Everything().ToBytes()));
        Assert.Contains("[000h 0000   4]                          Signature : \"NFIT\"", text, StringComparison.Ordinal);
        Assert.Contains("[028h 0040   2]                      Subtable Type : 0000 [System Physical Address Range]", text, StringComparison.Ordinal);
        Assert.Contains(": 66f0d379-b4f3-4074-ac43-0d3318b78cdb [Persistent Memory]", text, StringComparison.Ordinal);
        Assert.Contains("Serial Number : 00002211 [8089-0a-2116-00002211]", text, StringComparison.Ordinal);
        Assert.Contains("[memory_controller]", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_table_is_named()
    {
        byte[] table = SampleNfit.Set().ToBytes();
        "SSDT"u8.CopyTo(table);
        Assert.Contains("SSDT", Assert.Throws<PmemFormatException>(() => Nfit.Parse(table)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_structure_too_long_for_its_length_field_is_refused()
    {
        var nfit = new Nfit();
        nfit.Structures.Add(new NfitInterleave { Index = 1, LineSize = 64, LineOffsets = new uint[20_000] });
        Assert.Contains("65535", Assert.Throws<PmemException>(nfit.ToBytes).Message, StringComparison.Ordinal);
    }

    internal static string Json(byte[] bytes)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
            NfitJson.Write(writer, NfitScan.Read(bytes));
        return Encoding.UTF8.GetString(buffer.ToArray());
    }
}
