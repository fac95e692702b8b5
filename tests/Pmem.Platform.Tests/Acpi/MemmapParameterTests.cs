using Pmem.Platform.Acpi;

namespace Pmem.Platform.Tests.Acpi;

/// <summary>Linux's memmap= forms, both ways, and the memory map that they make.</summary>
public class MemmapParameterTests
{
    private static readonly E820Range[] s_firmware = [new(0, 0x9f000, E820Type.Ram), new(0x10_0000, 0x7ff0_0000, E820Type.Ram), new(0xfee0_0000, 0x1000, E820Type.Reserved)];

    [Theory]
    [InlineData("256M!512M", MemmapForm.Pram, 256ul << 20, 512ul << 20)]
    [InlineData("1G@4G", MemmapForm.Ram, 1ul << 30, 4ul << 30)]
    [InlineData("64K#0x1000", MemmapForm.Acpi, 65536ul, 4096ul)]
    [InlineData("528M$0x40000000", MemmapForm.Reserved, 528ul << 20, 0x40000000ul)]
    [InlineData("3G", MemmapForm.Limit, 3ul << 30, 0ul)]
    [InlineData("exactmap", MemmapForm.ExactMap, 0ul, 0ul)]
    [InlineData("010$0", MemmapForm.Reserved, 8ul, 0ul)]
    [InlineData("0xfe@0x1e", MemmapForm.Ram, 0xfeul, 0x1eul)]
    public void Each_form_is_read(string text, MemmapForm form, ulong size, ulong start)
    {
        MemmapEntry entry = Assert.Single(MemmapParameter.Parse(text).Entries);
        Assert.Equal(new MemmapEntry(form, size, start), entry);
        Assert.Equal(entry, Assert.Single(MemmapParameter.Parse(entry.ToString()).Entries));
    }

    [Theory]
    [InlineData("256M%512M-1+0xefffffff", E820Type.Ram, E820Type.SoftReserved)]
    [InlineData("256M%512M+7", null, E820Type.PersistentMemory)]
    [InlineData("256M%512M-1", E820Type.Ram, null)]
    [InlineData("256M%512M", null, null)]
    public void Conversions_are_read_and_written(string text, E820Type? from, E820Type? to)
    {
        MemmapEntry entry = Assert.Single(MemmapParameter.Parse("memmap=" + text).Entries);
        Assert.Equal(new MemmapEntry(MemmapForm.Convert, 256 << 20, 512 << 20, from, to), entry);
        Assert.Equal(text, entry.ToString());
    }

    [Fact]
    public void Lists_keep_their_order_and_GRUB_gets_its_escape()
    {
        var parameter = MemmapParameter.Parse("exactmap,640K@0,528M$1G");
        Assert.Equal("exactmap,640K@0,528M$1G", parameter.ToString());
        Assert.Equal("memmap=exactmap,640K@0,528M\\$1G", parameter.ToGrub());
        Assert.Equal([new E820Range(0, 640 << 10, E820Type.Ram), new E820Range(1 << 30, 528 << 20, E820Type.Reserved)], parameter.Ranges);
    }

    [Fact]
    public void Persistent_memory_is_cut_out_of_RAM() =>
        Assert.Equal(
            [
                s_firmware[0],
                new E820Range(0x10_0000, 0x1ff0_0000, E820Type.Ram),
                new E820Range(0x2000_0000, 0x1000_0000, E820Type.Pram),
                new E820Range(0x3000_0000, 0x5000_0000, E820Type.Ram),
                s_firmware[2],
            ],
            MemmapParameter.Parse("256M!512M").ApplyTo(s_firmware));

    [Fact]
    public void Conversion_changes_only_the_old_type() =>
        Assert.Equal(
            [s_firmware[0], s_firmware[1], new E820Range(0xfee0_0000, 0x1000, E820Type.Nvs)],
            MemmapParameter.Parse("256M%4G-1+7,2G%0xfe000000-2+4").ApplyTo(s_firmware));

    [Fact]
    public void A_new_type_without_an_old_one_is_added_also_where_nothing_was()
    {
        var parameter = MemmapParameter.Parse("4G%4G+0xefffffff,4K%0xfee00000+1");
        Assert.Equal([.. s_firmware, new E820Range(4UL << 30, 4UL << 30, E820Type.SoftReserved)], parameter.ApplyTo(s_firmware));
        Assert.Equal([new E820Range(4UL << 30, 4UL << 30, E820Type.SoftReserved), new E820Range(0xfee0_0000, 4096, E820Type.Ram)], parameter.Ranges);
    }

    [Fact]
    public void Ranges_that_are_devices_are_not_joined() =>
        Assert.Equal(
            [new E820Range(1UL << 30, 1 << 30, E820Type.Pram), new E820Range(2UL << 30, 1 << 30, E820Type.Pram), new E820Range(4UL << 30, 2UL << 30, E820Type.Ram)],
            MemmapParameter.Parse("exactmap,1G!1G,1G!2G,1G@4G,1G@5G").ApplyTo(s_firmware));

    [Fact]
    public void A_limit_takes_RAM_away_and_nothing_else() =>
        Assert.Equal(
            [s_firmware[0], new E820Range(0x10_0000, 0x3ff0_0000, E820Type.Ram), s_firmware[2]],
            MemmapParameter.Parse("1G").ApplyTo(s_firmware));

    [Fact]
    public void Exactmap_forgets_the_firmware() =>
        Assert.Equal([new E820Range(0, 640 << 10, E820Type.Ram)], MemmapParameter.Parse("exactmap,640K@0").ApplyTo(s_firmware));

    [Theory]
    [InlineData("")]
    [InlineData("x@1")]
    [InlineData("1@")]
    [InlineData("1@2@3")]
    [InlineData("1%2+x")]
    [InlineData("32E@0")]
    [InlineData("09@0")]
    [InlineData("1%2+0x100000000")]
    public void Other_text_is_refused(string text) => Assert.Throws<PmemFormatException>(() => MemmapParameter.Parse(text));

    [Fact]
    public void Random_entries_come_back()
    {
        var random = new Random(53);
        for (int i = 0; i < 10_000; i++)
        {
            var form = (MemmapForm)random.Next(1, 7);
            ulong size = (ulong)random.NextInt64() >> random.Next(64);
            ulong start = form == MemmapForm.Limit ? 0 : (ulong)random.NextInt64() >> random.Next(64) << random.Next(40);
            E820Type? from = form == MemmapForm.Convert && random.Next(2) == 0 ? E820Type.Ram : null;
            E820Type? to = form == MemmapForm.Convert && random.Next(2) == 0 ? E820Type.SoftReserved : null;
            var entry = new MemmapEntry(form, size, start, from, to);
            Assert.Equal(entry, Assert.Single(MemmapParameter.Parse(entry.ToString()).Entries));
        }
    }
}
