using System.Buffers.Binary;
using Pmem.Blocks;
using Pmem.Platform.Evidence;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;
using Pmem.Platform.Translation;

namespace Pmem.Emulation.Tests;

/// <summary>Places of virtual platforms in all their forms: the files, the mapped memory and the block translation engine are the judges.</summary>
public sealed class TranslationTests : IDisposable
{
    private const ulong MiB = 1 << 20;

    private readonly string _folder = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-translation-{Guid.NewGuid():n}");

    public void Dispose()
    {
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    public static TheoryData<int> Ways => [.. Enumerable.Range(1, 16)];

    [Theory]
    [MemberData(nameof(Ways))]
    public void Every_form_of_a_place_leads_back_to_it(int ways)
    {
        var random = new Random(4711 + ways);
        using VirtualPlatform platform = Make(ways * 2, ways, 64, random.Next(2) == 0 ? null : (ways > 4 ? 16384L : 4096L) << random.Next(3));
        NamespaceMode[] modes = [NamespaceMode.Fsdax, NamespaceMode.Sector, NamespaceMode.Devdax, NamespaceMode.Raw];
        random.Shuffle(modes);
        ulong unit = platform.Platform.GetRegions()[0].Alignment;
        foreach (NamespaceMode mode in modes)
        {
            // Of one DIMM there is room for two; whatever does not fit is left out.
            platform.Platform.CreateNamespace(new NamespaceRequest { Region = "region1", Mode = mode, Size = Math.Max(unit, 32 * MiB / unit * unit), Name = $"{mode}", Alignment = mode is NamespaceMode.Fsdax or NamespaceMode.Devdax ? 4096UL : null });
        }

        using PlatformEvidence evidence = platform.GetEvidence();
        Assert.NotEmpty(evidence.Platform.GetRegions()[1].Namespaces);
        var translator = new AddressTranslator(evidence);
        for (int i = 0; i < 100; i++)
        {
            VirtualSet set = platform.Sets[random.Next(4) == 0 ? 0 : 1];
            ulong address = set.Start + (ulong)random.NextInt64(set.SizePerDimm * ways);
            Place place = translator.FromSystem(address);
            Assert.Equal(platform.Translate(address)!.Value, (int.Parse(place.Module!.Module.AsSpan(4), System.Globalization.CultureInfo.InvariantCulture), (long)place.Module.Address!.Value));
            foreach (Place again in Again(translator, place))
                Assert.True(place == again, $"{ways} ways, 0x{address:x}: {place} {again}");
        }
    }

    private static IEnumerable<Place> Again(AddressTranslator translator, Place place)
    {
        yield return translator.FromModule(place.Module!.Module, place.Module.Address!.Value);
        yield return translator.FromFile(place.Module.File!, place.Module.FileOffset!.Value);
        yield return translator.FromRegion(place.Region!.Region, place.Region.Offset);
        if (place.Namespace is not { } space)
            yield break;
        yield return translator.FromNamespace(space.Namespace, space.Offset);
        yield return translator.FromNamespace(space.Name, space.Offset);
        if (space.DeviceOffset is { } offset)
            yield return translator.FromDevice(space.Device, offset);
        if (place.Btt is not { InternalBlock: { } inner, BlockOffset: { } at } btt)
            yield break;
        yield return translator.FromInternalBlock(space.Namespace, btt.Arena, inner, at);
        if (btt.Block is { } block)
            yield return translator.FromBlock(space.Namespace, block, at);
    }

    [Theory]
    [InlineData(1, LabelFormat.Efi12)]
    [InlineData(3, LabelFormat.Efi12)]
    [InlineData(2, LabelFormat.Efi11)]
    public void A_block_is_where_the_engine_wrote_it(int ways, LabelFormat format)
    {
        using VirtualPlatform platform = Make(ways, ways, 64, null, format);
        NamespaceView space = platform.Platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Sector, SectorSize = 512, Size = (ulong)(ways == 3 ? 48 : 32) * MiB, Name = "log" }).Demand();
        var random = new Random(99);
        long[] blocks = [.. Enumerable.Range(0, 200).Select(_ => random.NextInt64((long)space.Size / 512)).Distinct()];
        using (PersistentMap map = platform.OpenNamespace(space.Name))
        using (BlockTranslationTable table = BlockTranslationTable.Open(map, 0, map.Length))
        {
            // More than once, so that blocks are no longer where they began.
            for (int round = 0; round < 3; round++)
            {
                foreach (long block in blocks)
                    table.Write(block, Content(block, round));
            }

            table.SetError(blocks[0]);
        }

        using PlatformEvidence evidence = platform.GetEvidence();
        var translator = new AddressTranslator(evidence);
        byte[] found = new byte[512];
        int moved = 0;
        foreach (long block in blocks)
        {
            Place place = translator.FromBlock("log", (ulong)block);
            using (FileStream file = File.Open(place.Module!.File!, FileMode.Open, FileAccess.Read, FileShare.ReadWrite))
            {
                file.Position = (long)place.Module.FileOffset!.Value;
                file.ReadExactly(found);
            }

            Assert.Equal(Content(block, 2), found);
            Assert.Equal((PlaceKind.Data, (ulong)block, block == blocks[0] ? "error" : "normal"), (place.Kind, place.Btt!.Block!.Value, place.Btt.State));
            Assert.Equal((ulong)block * 512, place.Namespace!.DeviceOffset);
            Assert.Equal(place, translator.FromFile(place.Module.File!, place.Module.FileOffset!.Value));
            Assert.Equal(place, translator.FromDevice(space.Device, (ulong)block * 512));
            moved += place.Btt.InternalBlock == place.Btt.Block ? 0 : 1;
        }

        Assert.True(moved > blocks.Length / 2);

        // Each internal block has one owner: a block of users, or a flog entry.
        var free = new HashSet<string>();
        for (ulong inner = 0; inner < 3000; inner++)
        {
            Place place = translator.FromInternalBlock("log", 0, inner);
            Assert.True(place.Kind is PlaceKind.Data or PlaceKind.BttFreeBlock, place.What);
            if (place.Kind == PlaceKind.BttFreeBlock)
                Assert.True(free.Add(place.What));
            else
                Assert.Equal(inner, translator.FromBlock("log", place.Btt!.Block!.Value).Btt!.InternalBlock);
        }
    }

    [Fact]
    public void Metadata_is_named_with_its_entry()
    {
        using VirtualPlatform platform = Make(1, 1, 128, null);
        NamespaceView pages = platform.Platform.CreateNamespace(new NamespaceRequest { Size = 32 * MiB, Name = "data" }).Demand();
        NamespaceView sectors = platform.Platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Sector, Size = 32 * MiB, Name = "log" }).Demand();
        using PlatformEvidence evidence = platform.GetEvidence();
        var translator = new AddressTranslator(evidence);
        (PlaceKind, string)[] seen = [.. new ulong[] { 0, 4096, 8192, pages.DataOffset }.Select(offset => translator.FromNamespace("data", offset)).Select(place => (place.Kind, place.What))];
        Assert.Equal([PlaceKind.Reserved, PlaceKind.InfoBlock, PlaceKind.PageStructures, PlaceKind.Data], seen.Select(place => place.Item1));
        Assert.Contains("PFN info block of namespace0.0, byte 0", seen[1].Item2, StringComparison.Ordinal);
        Assert.Equal(0UL, translator.FromNamespace("data", pages.DataOffset).Namespace!.DeviceSector);

        // The arena of 32 MiB: info block, data, map, flog, copy.
        Assert.Equal(PlaceKind.InfoBlock, translator.FromNamespace("log", 0).Kind);
        Place copy = translator.FromNamespace("log", (32 * MiB) - 4096);
        Assert.Equal((PlaceKind.InfoBlockCopy, true), (copy.Kind, copy.IsMetadata));
        Place flog = translator.FromNamespace("log", (32 * MiB) - 4096 - (256 * 64) + (7 * 64) + 3);
        Assert.Equal((PlaceKind.BttFlog, 7UL), (flog.Kind, flog.Btt!.Entry!.Value));
        ulong blocks = sectors.Size / 4096;
        ulong map = (32 * MiB) - 4096 - (256 * 64) - ((blocks * 4) + 4095) / 4096 * 4096;
        Place entry = translator.FromNamespace("log", map + (4 * 11));
        Assert.Equal((PlaceKind.BttMap, 11UL, 11UL, "initial"), (entry.Kind, entry.Btt!.Block!.Value, entry.Btt.InternalBlock!.Value, entry.Btt.State));
        Assert.Contains("map entry of block 11", entry.What, StringComparison.Ordinal);

        // The label area behind the media.
        string file = platform.Dimms[0].File;
        ulong area = 128 * MiB;
        Place index = translator.FromFile(file, area + 300);
        Assert.Equal((PlaceKind.LabelIndex, 1), (index.Kind, index.Label!.Index!.Value));
        Place slot = translator.FromFile(file, area + 512 + 5);
        Assert.Equal((PlaceKind.LabelSlot, 0), (slot.Kind, slot.Label!.Slot!.Value));
        LabelSlot data = LabelArea.Parse(File.ReadAllBytes(Path.Combine(_folder, file)).AsSpan((int)area)).Slots.First(known => known.State == LabelSlotState.Active && known.Label.Name == "data");
        Assert.Contains("\"data\"", translator.FromFile(file, area + (ulong)data.Offset).What, StringComparison.Ordinal);
        Assert.Contains($"{pages.RawUuid}", translator.FromFile(file, area + (ulong)data.Offset).What, StringComparison.Ordinal);
        Assert.Contains("no namespace has", translator.FromRegion("region0", 100 * MiB).What, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_there_is_refused_with_what_there_is()
    {
        using VirtualPlatform platform = Make(1, 1, 64, null);
        platform.Platform.CreateNamespace(new NamespaceRequest { Name = "data" }).Demand();
        using PlatformEvidence evidence = platform.GetEvidence();
        var translator = new AddressTranslator(evidence);
        (Action Try, string Says)[] refusals =
        [
            (() => translator.FromSystem(5), "region0 at 0x100000000"),
            (() => translator.FromModule("nmem7", 0), "nmem0"),
            (() => translator.FromModule("nmem0", 64 * MiB), "67108864 bytes"),
            (() => translator.FromFile("other.img", 0), "dimm-0.img"),
            (() => translator.FromFile("dimm-0.img", 65 * MiB), "nothing at"),
            (() => translator.FromRegion("region1", 0), "region0"),
            (() => translator.FromNamespace("log", 0), "namespace0.0"),
            (() => translator.FromDevice("pmem3", 0), "pmem0"),
            (() => translator.FromBlock("data", 0), "only sector namespaces"),
        ];
        foreach ((Action attempt, string says) in refusals)
            Assert.Contains(says, Assert.Throws<PmemException>(attempt).Message, StringComparison.Ordinal);
    }

    private VirtualPlatform Make(int dimms, int ways, long mebibytes, long? line, LabelFormat format = LabelFormat.Efi12) =>
        VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = dimms, Ways = ways, Capacity = mebibytes << 20, LineSize = line, LabelFormat = format });

    private static byte[] Content(long block, int round)
    {
        byte[] bytes = new byte[512];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, block);
        bytes.AsSpan(8).Fill((byte)(round + 1));
        return bytes;
    }
}
