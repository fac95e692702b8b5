using Pmem.Platform.Acpi;
using Pmem.Platform.Acpi.Aml;
using static Pmem.Platform.Acpi.Aml.AmlCode;

namespace Pmem.Platform.Tests.Acpi.Aml;

/// <summary>Byte code against what the specification gives and ASL compilers write.</summary>
public class AmlCodeTests
{
    [Theory]
    [InlineData(0ul, "00")]
    [InlineData(1ul, "01")]
    [InlineData(2ul, "0a02")]
    [InlineData(0xfful, "0aff")]
    [InlineData(0x100ul, "0b0001")]
    [InlineData(0x1_0000ul, "0c00000100")]
    [InlineData(0x1_2345_6789ul, "0e8967452301000000")]
    public void Integers_take_their_shortest_form(ulong value, string expected) => Assert.Equal(expected, Hex(Integer(value)));

    [Theory]
    [InlineData("A", "415f5f5f")]
    [InlineData("_SB", "5f53425f")]
    [InlineData("\\", "5c00")]
    [InlineData("\\_SB", "5c5f53425f")]
    [InlineData("^^AB.CD", "5e5e2e41425f5f43445f5f")]
    [InlineData("\\_SB.NVDR.D000", "5c2f035f53425f4e56445244303030")]
    public void Names_are_padded_and_joined(string name, string expected) => Assert.Equal(expected, Hex(Reference(name)));

    [Theory]
    [InlineData("")]
    [InlineData("abc")]
    [InlineData("TOOLONG")]
    [InlineData("1ST")]
    [InlineData("A..B")]
    public void Other_names_are_refused(string name) => Assert.ThrowsAny<ArgumentException>(() => Reference(name));

    [Theory]
    [InlineData(0, "01")]
    [InlineData(62, "3f")]
    [InlineData(63, "4104")]
    [InlineData(4093, "4fff")]
    [InlineData(4094, "810001")]
    [InlineData(0xffffc, "8fffff")]
    [InlineData(0xffffd, "c1000001")]
    public void Package_lengths_count_themselves(int content, string expected) => Assert.Equal(expected, Convert.ToHexStringLower(PackageLength(content)));

    [Theory]
    [InlineData(8, "08")]
    [InlineData(63, "3f")]
    [InlineData(64, "4004")]
    [InlineData(32768, "800008")]
    public void Field_lengths_do_not(int bits, string expected) => Assert.Equal(expected, Convert.ToHexStringLower(FieldLength(bits)));

    [Fact]
    public void EISA_ids_are_compressed() => Assert.Equal("0c41d00a03", Hex(EisaId("PNP0A03")));

    [Fact]
    public void Definitions_and_statements_are_what_ASL_compiles_to()
    {
        // Compiled by iasl from the ASL in the comments.
        Assert.Equal("08425546" + "5f" + "110301aa", Hex(Name("BUF", Buffer([0xaa]))));
        Assert.Equal("08504b475f" + "1206030001" + "0a05", Hex(Name("PKG", Package(0, 1, 5))));
        Assert.Equal("085549445f" + "11130a10" + "30ac0943110de41191910800200c9a66", Hex(Name("UID", Uuid(Pmem.Platform.Dsm.DsmFamilies.Intel))));
        Assert.Equal("14095354415f" + "00" + "a40a0f", Hex(Method("STA", 0, serialized: false, Return(0xf))));
        Assert.Equal("155c44303030" + "0600", Hex(External("\\D000", 6)));
        Assert.Equal("5b8052454730" + "00" + "0c00000040" + "0b0010", Hex(MemoryRegion("REG0", 0x40000000, 4096)));
        // Field (REG0, ByteAcc, NoLock, Preserve) { Offset (1), DATA, 64 }
        Assert.Equal("5b810e52454730" + "01" + "0008" + "44415441" + "4004", Hex(Field("REG0", AmlFieldAccess.Byte, (null, 8), ("DATA", 64))));
        // If (!Arg0) { Return (5) } Else { Return (6) }
        Assert.Equal("a006" + "9268" + "a40a05" + "a104" + "a40a06", Hex(Block(If(Not(Argument(0)), Return(5)), Else(Return(6)))));
        // While (Local0 < 5) { Local0++ }
        Assert.Equal("a207" + "95600a05" + "7560", Hex(While(Less(Local(0), 5), Increment(Local(0)))));
        Assert.Equal("72600161", Hex(Add(Local(0), 1, Local(1))));
        Assert.Equal("709e69016000" + "62", Hex(Store(Mid(Argument(1), 1, Local(0)), Local(2))));
        Assert.Equal("8a6800" + "44415442", Hex(CreateField(Argument(0), 0, 32, "DATB")));
        Assert.Equal("5b13680a080a10" + "44415443", Hex(CreateBytes(Argument(0), 8, 16, "DATC")));
        Assert.Equal("7083886b0000" + "63", Hex(Store(DerefOf(Index(Argument(3), 0)), Local(3))));
        Assert.Equal("8644303030" + "0a81", Hex(Notify("D000", 0x81)));
        Assert.Equal("78600a036465", Hex(Divide(Local(0), 3, Local(4), Local(5))));
        Assert.Equal("a473686900", Hex(Return(Concatenate(Argument(0), Argument(1)))));
    }

    private static string Hex(AmlTerm term) => Convert.ToHexStringLower(term.Bytes);
}
