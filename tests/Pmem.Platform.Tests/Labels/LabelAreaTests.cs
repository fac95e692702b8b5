using Pmem.Platform.Labels;

namespace Pmem.Platform.Tests.Labels;

public sealed class LabelAreaTests
{
    [Theory]
    [InlineData(LabelFormat.Efi11)]
    [InlineData(LabelFormat.Efi12)]
    [InlineData(LabelFormat.Cxl21)]
    public void A_new_area_reads_as_empty(LabelFormat format)
    {
        LabelArea area = AreaBuilder.Empty(format);
        Assert.Equal(format, area.Format);
        Assert.Equal(0, area.Current!.Position);
        Assert.Equal(3, area.Current.Sequence);
        Assert.Equal(2, area.Indexes[1].Block!.Sequence);
        Assert.Equal(area.Geometry!.Value.SlotCount, area.Current.FreeSlots);
        Assert.False(area.Current.HasStrayFreeBits);
        Assert.Empty(area.Slots);
    }

    /// <summary>The bytes of the index block that Linux 6.1 writes into an area of 128 KiB, and of a label, field by field.</summary>
    [Fact]
    public void Bytes_are_those_of_the_kernel()
    {
        LabelArea area = AreaBuilder.Empty();
        Assert.Equal(
            "4E414D4553504143455F494E44455800" + "000000" + "01" + "03000000" + "0000000000000000" + "0001000000000000" + "0001000000000000" + "0002000000000000" + "FE010000" + "0100" + "0200",
            Convert.ToHexString(area.Bytes[..64]));
        Assert.Equal(new string('F', 63 * 2) + "3F", Convert.ToHexString(area.Bytes.Slice(72, 64)));
        Assert.False(area.Bytes.Slice(136, 256 - 136).ContainsAnyExcept((byte)0));

        byte[] label = new byte[256];
        new NamespaceLabel
        {
            Uuid = Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"),
            Name = "alpha",
            LabelCount = 1,
            SetCookie = 0x00ba90120012b4dc,
            LbaSize = 512,
            Dpa = 0x1000000,
            RawSize = 0x4000000,
            Slot = 7,
            Type = NvdimmGuids.PersistentMemory,
            Abstraction = NvdimmGuids.Pfn,
        }.Write(label, LabelFormat.Efi12);
        Assert.Equal("00112233445566778899AABBCCDDEEFF" + "616C706861" + new string('0', 59 * 2), Convert.ToHexString(label[..80]));
        Assert.Equal("00000000" + "0100" + "0000" + "DCB41200" + "1290BA00" + "0002000000000000" + "0000000100000000" + "0000000400000000" + "07000000" + "00000000", Convert.ToHexString(label[80..128]));
        Assert.Equal("79D3F066F3B47440AC430D3318B78CDB" + "BA0064269FFB7746BCB0968F11D0D225", Convert.ToHexString(label[128..160]));
        Assert.Null(NamespaceLabel.FindProblem(label, LabelFormat.Efi12, 7, 0));
        Assert.NotNull(NamespaceLabel.FindProblem(label, LabelFormat.Efi12, 6, 0));
    }

    [Fact]
    public void Labels_read_back_as_written()
    {
        foreach (LabelFormat format in (LabelFormat[])[LabelFormat.Efi11, LabelFormat.Efi12])
        {
            NamespaceLabel[] labels = AreaBuilder.Labels(AreaBuilder.Region(1), AreaBuilder.Uuid(1), 0, 64 << 20, "größe", format == LabelFormat.Efi11 ? default : NvdimmGuids.Btt2, format);
            LabelArea area = AreaBuilder.With([AreaBuilder.Empty(format)], labels)[0];
            Assert.Equal(labels[0] with { Slot = 1 }, Assert.Single(area.ActiveLabels));
        }
    }

    [Fact]
    public void A_long_name_is_cut_at_a_character()
    {
        byte[] label = new byte[256];
        new NamespaceLabel { Name = new string('a', 62) + "ö" }.Write(label, LabelFormat.Efi12);
        NamespaceLabel read = NamespaceLabel.Parse(label, LabelFormat.Efi12);
        Assert.Equal(new string('a', 62), read.Name);
        Assert.True(read.IsNameTerminated);
    }

    [Fact]
    public void An_update_takes_two_slots_in_turn_and_leaves_the_old_label_behind()
    {
        NamespaceLabel[] labels = AreaBuilder.Labels(AreaBuilder.Region(1), AreaBuilder.Uuid(1), 0, 64 << 20);
        LabelArea[] areas = [AreaBuilder.Empty()];
        LabelUpdate update = LabelUpdate.Put(areas, labels);
        Assert.Equal([LabelWriteKind.Label, LabelWriteKind.Index, LabelWriteKind.Label, LabelWriteKind.Index], update.Writes.Select(write => write.Kind));
        Assert.Equal([0, 1, 1, 0], update.Writes.Select(write => write.Slot));
        LabelArea area = AreaBuilder.Apply(areas, update)[0];
        Assert.Equal([(0, LabelSlotState.Stale), (1, LabelSlotState.Active)], area.Slots.Select(slot => (slot.Slot, slot.State)));
        Assert.Equal(NamespaceLabelFlags.Updating, area.Slots[0].Label.Flags);
        Assert.Equal(NamespaceLabelFlags.None, area.Slots[1].Label.Flags);
        Assert.Equal(area.Geometry!.Value.SlotCount - 1, area.Current!.FreeSlots);
    }

    [Theory]
    [InlineData(1, 2, 1)]
    [InlineData(2, 3, 1)]
    [InlineData(3, 1, 1)]
    [InlineData(2, 1, 0)]
    [InlineData(3, 2, 0)]
    [InlineData(1, 3, 0)]
    [InlineData(2, 2, 1)]
    public void The_successor_is_current_and_of_equals_block_1(int first, int second, int current)
    {
        LabelAreaGeometry geometry = LabelAreaGeometry.Compute(AreaBuilder.Size, LabelFormat.Efi12);
        byte[] bytes = new byte[AreaBuilder.Size];
        IndexBlock.CreateEmpty(geometry, LabelFormat.Efi12, 0, first).Write(bytes.AsSpan(0, 256), geometry);
        IndexBlock.CreateEmpty(geometry, LabelFormat.Efi12, 1, second).Write(bytes.AsSpan(256, 256), geometry);
        Assert.Equal(current, LabelArea.Parse(bytes).Current!.Position);
    }

    [Fact]
    public void One_valid_block_is_enough_and_none_means_unlabelled()
    {
        LabelArea area = AreaBuilder.With([AreaBuilder.Empty()], AreaBuilder.Labels(AreaBuilder.Region(1), AreaBuilder.Uuid(1), 0, 64 << 20))[0];
        byte[] bytes = area.Bytes.ToArray();
        bytes[0] ^= 1;
        LabelArea one = LabelArea.Parse(bytes);
        Assert.Equal(1, one.Current!.Position);
        Assert.Equal("index block 0 signature", one.Indexes[0].Problem!.What);
        bytes[256 + 64] ^= 1;
        LabelArea none = LabelArea.Parse(bytes);
        Assert.Null(none.Current);
        Assert.Equal("index block 1 checksum", none.Indexes[1].Problem!.What);
        Assert.Equal([0, 1], none.FindOrphanLabels(LabelFormat.Efi12).Select(slot => slot.Slot));
    }

    [Fact]
    public void Wrong_fields_of_an_index_block_are_named()
    {
        (int Offset, string What)[] cases = [(19, "size"), (20, "sequence"), (24, "own offset"), (32, "own size"), (40, "offset of the other"), (48, "label offset"), (58, "slot count")];
        LabelArea area = AreaBuilder.Empty();
        foreach ((int offset, string what) in cases)
        {
            byte[] bytes = area.Bytes.ToArray();
            bytes[offset] ^= (byte)(offset == 20 ? 3 : 0x44);
            IndexBlockLayout.Checksum.Write(bytes, Pmem.Pools.Fletcher64.ComputeWithHole(bytes.AsSpan(0, 256), 64));
            IndexVerdict verdict = LabelArea.Parse(bytes).Indexes[0];
            Assert.Null(verdict.Block);
            Assert.Contains(what, verdict.Problem!.What, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_full_area_refuses_and_says_what_to_do()
    {
        LabelArea[] areas = [AreaBuilder.Empty(size: 1024)];
        areas = AreaBuilder.With(areas, AreaBuilder.Labels(AreaBuilder.Region(1), AreaBuilder.Uuid(1), 0, 16 << 20));
        LabelArea full = AreaBuilder.Apply(areas, LabelUpdate.Mark(areas[0], [0], []))[0];
        OutOfSpaceException refusal = Assert.Throws<OutOfSpaceException>(() => LabelUpdate.Put([full], AreaBuilder.Labels(AreaBuilder.Region(1), AreaBuilder.Uuid(2), 32 << 20, 16 << 20)));
        Assert.Contains("destroy a namespace", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Cxl_labels_read_back_as_written()
    {
        var region = new CxlRegionLabel { Uuid = AreaBuilder.Uuid(1), Flags = 8, LabelCount = 4, Position = 2, Dpa = 1, RawSize = 2, Hpa = 3, Slot = 4, Granularity = 5, Alignment = 6 };
        var space = new CxlNamespaceLabel { Uuid = AreaBuilder.Uuid(2), Name = "cxl", Flags = 8, RangeCount = 2, Position = 1, Dpa = 1, RawSize = 2, Slot = 5, Alignment = 6, RegionUuid = AreaBuilder.Uuid(1), Abstraction = NvdimmGuids.Dax, LbaSize = 4096 };
        byte[] bytes = AreaBuilder.Empty(LabelFormat.Cxl21).Bytes.ToArray();
        LabelAreaGeometry geometry = LabelAreaGeometry.Compute(bytes.Length, LabelFormat.Cxl21);
        region.Write(bytes.AsSpan(geometry.SlotOffset(4)));
        space.Write(bytes.AsSpan(geometry.SlotOffset(5)));
        LabelArea area = AreaBuilder.Apply([LabelArea.Parse(bytes)], LabelUpdate.Mark(LabelArea.Parse(bytes), [4, 5], []))[0];
        Assert.Equal(region, area.Slots[0].CxlRegion);
        Assert.Equal(space, area.Slots[1].CxlNamespace);
        Assert.All(area.Slots, slot => Assert.Equal(LabelSlotState.Active, slot.State));
    }
}
