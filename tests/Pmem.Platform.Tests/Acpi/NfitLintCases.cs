using System.Buffers.Binary;
using Pmem.Platform.Acpi;

namespace Pmem.Platform.Tests.Acpi;

/// <summary>Tables made to have one fault each.</summary>
internal static class NfitLintCases
{
    private const int FirstMapping = 40 + 56;
    private const int SecondMapping = FirstMapping + 48;
    private const int Interleave = SecondMapping + 48;
    private const int FirstControl = Interleave + 24;
    private const int FirstHints = FirstControl + 160;
    private const int Capabilities = FirstHints + 96;
    private const int End = Capabilities + 16;

    private const LintSeverity Info = LintSeverity.Info;
    private const LintSeverity Warning = LintSeverity.Warning;
    private const LintSeverity Error = LintSeverity.Error;

    /// <summary>Name of the case, rule, severity, offset, table.</summary>
    public static readonly (string Name, string Rule, LintSeverity Severity, long Offset, Func<byte[]> Table)[] All =
    [
        ("header cut", "nfit-table-length", Error, 4, () => Bytes(t => Put32(t, 4, 39), seal: false)),
        ("table cut", "nfit-table-length", Error, 4, () => SampleNfit.Set().ToBytes()[..^8]),
        ("bytes behind", "nfit-trailing-bytes", Warning, End, () => [.. SampleNfit.Set().ToBytes(), 0]),
        ("checksum", "nfit-checksum", Error, 9, () => Bytes(t => t[9]++, seal: false)),
        ("revision", "nfit-revision", Warning, 8, () => Bytes(t => t[8] = 2)),
        ("header reserved", "nfit-reserved", Info, 36, () => Bytes(t => t[36] = 1)),
        ("no structures", "nfit-empty", Warning, 40, () => new Nfit().ToBytes()),
        ("zero length", "nfit-zero-length", Error, FirstMapping + 2, () => Bytes(t => Put16(t, FirstMapping + 2, 0))),
        ("length beyond the end", "nfit-structure-truncated", Error, Capabilities + 2, () => Bytes(t => Put16(t, Capabilities + 2, 17))),
        ("half a type", "nfit-structure-truncated", Error, End, () => Sealed([.. SampleNfit.Set().ToBytes(), 1, 0])),
        ("range of 60 bytes", "nfit-structure-length", Error, 42, () => Grow(40, 4)),
        ("mapping of 52 bytes", "nfit-structure-length", Error, FirstMapping + 2, () => Grow(FirstMapping, 4)),
        ("interleave without lines", "nfit-structure-length", Error, Interleave + 2, () => Change(n => { Idt(n).LineOffsets = []; Idt(n).Padding = []; })),
        ("control region of 28 bytes", "nfit-structure-length", Error, FirstControl + 2, () => Shrink(FirstControl, 52)),
        ("control region of 40 bytes", "nfit-structure-length", Warning, FirstControl + 2, () => Shrink(FirstControl, 40)),
        ("hints without addresses", "nfit-structure-length", Error, FirstHints + 2, () => Change(n => n.Of<NfitFlushHints>().First().Addresses = [])),
        ("capabilities of 20 bytes", "nfit-structure-length", Warning, Capabilities + 2, () => Grow(Capabilities, 4)),
        ("cookie without flag", "nfit-location-cookie", Error, 42, () => Grow(40, 8)),
        ("flag without cookie", "nfit-location-cookie", Error, 42, () => Bytes(t => t[46] = 4)),
        ("lines lie", "nfit-count", Error, Interleave + 16, () => Bytes(t => Put32(t, Interleave + 8, 99))),
        ("lines lie by 2³²", "nfit-count", Error, Interleave + 16, () => Bytes(t => Put32(t, Interleave + 8, uint.MaxValue))),
        ("addresses lie", "nfit-count", Error, FirstHints + 16, () => Bytes(t => Put16(t, FirstHints + 8, 5))),
        ("fewer addresses", "nfit-count", Warning, FirstHints + 8, () => Bytes(t => Put16(t, FirstHints + 8, 3))),
        ("padding not zero", "nfit-count", Warning, Interleave + 8, () => Bytes(t => t[Interleave + 20] = 1)),
        ("unknown type", "nfit-unknown-type", Warning, End, () => Change(n => n.Structures.Add(new NfitUnknown((NfitStructureType)9) { Data = [0, 0, 0, 0] }))),
        ("two ranges", "nfit-duplicate-index", Error, End + 4, () => Change(n => n.Structures.Add(new NfitSpaRange { Index = 1, RangeType = NfitRangeType.ControlRegion, Base = 1 << 30, Length = 4096 }))),
        ("two control regions", "nfit-duplicate-index", Error, FirstControl + 84, () => Change(n => n.Of<NfitControlRegion>().Last().Index = 1)),
        ("two interleaves", "nfit-duplicate-index", Error, End + 4, () => Change(n => n.Structures.Add(new NfitInterleave { Index = 1, LineSize = 64, LineOffsets = [0] }.Padded()))),
        ("range index 0", "nfit-index-zero", Error, 44, () => Change(n => Spa(n).Index = 0)),
        ("control index 0", "nfit-index-zero", Error, FirstControl + 4, () => Change(n => n.Of<NfitControlRegion>().First().Index = 0)),
        ("no such range", "nfit-dangling-spa", Error, FirstMapping + 12, () => Change(n => Map(n).RangeIndex = 3)),
        ("no such control region", "nfit-dangling-dcr", Error, FirstMapping + 14, () => Change(n => Map(n).ControlRegionIndex = 3)),
        ("no such control region for windows", "nfit-dangling-dcr", Error, End + 4, () => Change(n => n.Structures.Add(new NfitBlockDataWindow { ControlRegionIndex = 7 }))),
        ("no such interleave", "nfit-dangling-idt", Error, FirstMapping + 40, () => Change(n => Map(n).InterleaveIndex = 3)),
        ("no control region", "nfit-dcr-zero", Error, FirstMapping + 14, () => Change(n => Map(n).ControlRegionIndex = 0)),
        ("device missing", "nfit-missing-adr", Error, FirstMapping + 4, () => Change(n => { Map(n).Handle = new NfitDeviceHandle(0x21); n.Of<NfitFlushHints>().First().Handle = new NfitDeviceHandle(0x21); })),
        ("handle reserved", "nfit-handle-reserved", Warning, FirstMapping + 4, () => Change(n => Map(n).Handle = new NfitDeviceHandle(0x80000001))),
        ("size not a page", "nfit-mapping-alignment", Error, FirstMapping + 16, () => Change(n => Map(n).RegionSize += 512)),
        ("DIMM address not a page", "nfit-mapping-alignment", Error, FirstMapping + 16, () => Change(n => Map(n).DpaBase = 512)),
        ("sum", "nfit-size-sum", Error, 80, () => Change(n => Spa(n).Length -= 4096)),
        ("offsets equal", "nfit-region-offsets", Error, SecondMapping + 24, () => Change(n => n.Of<NfitRegionMapping>().Last().RegionOffset = 0)),
        ("lines do not tile", "nfit-region-offsets", Error, FirstMapping + 40, () => Change(n => n.Of<NfitRegionMapping>().Last().RegionOffset = 8192)),
        ("lines off their grid", "nfit-region-offsets", Error, FirstMapping + 40, () => Change(n => n.Of<NfitRegionMapping>().Last().RegionOffset = 4100)),
        ("neither interleaved nor in a row", "nfit-region-offsets", Error, SecondMapping + 24, () => Change(n => { foreach (NfitRegionMapping m in n.Of<NfitRegionMapping>()) m.InterleaveIndex = 0; })),
        ("ways", "nfit-ways", Error, FirstMapping + 42, () => Change(n => Map(n).InterleaveWays = 3)),
        ("no lines", "nfit-idt-lines", Error, Interleave + 8, () => Change(n => Idt(n).LineOffsets = [])),
        ("line size 0", "nfit-idt-lines", Error, Interleave + 8, () => Change(n => Idt(n).LineSize = 0)),
        ("lines overlap", "nfit-idt-overlap", Error, Interleave + 16, () => Change(n => Idt(n).LineOffsets = [2, 2])),
        ("one without interleave", "nfit-idt-missing", Error, SecondMapping + 40, () => Change(n => n.Of<NfitRegionMapping>().Last().InterleaveIndex = 0)),
        ("line sizes differ", "nfit-idt-inconsistent", Error, FirstMapping + 40, () => Change(n => { n.Structures.Add(new NfitInterleave { Index = 2, LineSize = 8192, LineOffsets = [0] }.Padded()); n.Of<NfitRegionMapping>().Last().InterleaveIndex = 2; })),
        ("size no multiple of the lines", "nfit-idt-inconsistent", Error, FirstMapping + 40, () => Change(n => Idt(n).LineOffsets = [0, 2, 4])),
        ("twins", "nfit-duplicate-identity", Error, SecondMapping + 14, () => Change(n => n.Of<NfitControlRegion>().Last().SerialNumber = 0x11220000)),
        ("hints for one", "nfit-flush-partial", Error, SecondMapping + 4, () => Change(n => n.Structures.Remove(n.Of<NfitFlushHints>().Last()))),
        ("hint not aligned", "nfit-flush-alignment", Error, FirstHints + 24, () => Change(n => n.Of<NfitFlushHints>().First().Addresses[1] += 4)),
        ("hint in the data", "nfit-flush-inside", Error, FirstHints + 16, () => Change(n => n.Of<NfitFlushHints>().First().Addresses[0] = SampleNfit.SpaBase + 64)),
        ("hints for nobody", "nfit-flush-handle", Warning, End + 4, () => Change(n => n.Structures.Add(new NfitFlushHints { Handle = new NfitDeviceHandle(0x99), Addresses = [8] }))),
        ("hints twice", "nfit-flush-duplicate", Warning, End + 4, () => Change(n => n.Structures.Add(new NfitFlushHints { Handle = new NfitDeviceHandle(1), Addresses = [8] }))),
        ("capability above the highest", "nfit-capabilities-bit", Warning, Capabilities + 4, () => Change(n => n.Of<NfitPlatformCapabilities>().Single().Capabilities = NfitCapabilities.Mirroring | NfitCapabilities.MemoryControllerFlush)),
        ("highest bit 32", "nfit-capabilities-bit", Warning, Capabilities + 4, () => Change(n => n.Of<NfitPlatformCapabilities>().Single().HighestValidBit = 32)),
        ("capabilities twice", "nfit-capabilities-duplicate", Warning, End, () => Change(n => n.Structures.Add(new NfitPlatformCapabilities()))),
        ("eADR alone", "nfit-capabilities-eadr", Info, Capabilities + 8, () => Change(n => n.Of<NfitPlatformCapabilities>().Single().Capabilities = NfitCapabilities.CacheFlush)),
        ("ranges overlap", "nfit-spa-overlap", Error, End + 32, () => Change(n => n.Structures.Add(new NfitSpaRange { Index = 2, RangeType = NfitRangeType.PersistentMemory, Base = SampleNfit.SpaBase + (2 << 20), Length = 4096 }))),
        ("range in RAM", "nfit-spa-ram", Error, 72, () => Change(n => Spa(n).Base = 0x2000_0000)),
        ("range off 2 MiB", "nfit-spa-alignment", Warning, 72, () => Change(n => Spa(n).Base -= 4096)),
        ("range of nothing", "nfit-spa-empty", Error, 80, () => Change(n => Spa(n).Length = 0)),
        ("range beyond the end", "nfit-spa-empty", Error, 80, () => Change(n => Spa(n).Base = 0xffff_ffff_ffe0_0000)),
        ("range of unknown type", "nfit-spa-unknown-guid", Warning, 56, () => Change(n => Spa(n).RangeType = Guid.Parse("11111111-2222-3333-4444-555555555555"))),
        ("range without mappings", "nfit-spa-unmapped", Warning, End, () => Change(n => n.Structures.Add(new NfitSpaRange { Index = 2, RangeType = NfitRangeType.PersistentMemory, Base = 2 * SampleNfit.SpaBase, Length = 4096 }))),
        ("unknown node", "nfit-proximity", Warning, 52, () => Change(n => { Spa(n).Flags = NfitSpaFlags.ProximityValid; Spa(n).ProximityDomain = 7; })),
        ("33 mappings", "nfit-too-many-mappings", Error, FirstMapping + (32 * 48), () => Many(33)),
        ("32-byte control region with windows", "nfit-block-windows", Error, FirstControl + 30, () => Change(n => { n.Of<NfitControlRegion>().First().HasWindowFields = false; n.Of<NfitControlRegion>().First().WindowCount = 1; })),
        ("not armed", "nfit-not-armed", Warning, FirstMapping + 44, () => Change(n => Map(n).StateFlags = NfitStateFlags.NotArmed)),
        ("save failed", "nfit-state-failed", Warning, FirstMapping + 44, () => Change(n => Map(n).StateFlags = NfitStateFlags.SaveFailed)),
        ("one DIMM address twice", "nfit-dpa-overlap", Error, End + 88, () => Change(n =>
        {
            n.Structures.Add(new NfitSpaRange { Index = 2, RangeType = NfitRangeType.PersistentMemory, Base = 2 * SampleNfit.SpaBase, Length = 4096 });
            n.Structures.Add(new NfitRegionMapping { Handle = new NfitDeviceHandle(1), RangeIndex = 2, ControlRegionIndex = 1, RegionSize = 4096, DpaBase = 8192 });
        })),
        ("volatile range of unknown DIMMs", "nfit-volatile-dimm", Warning, 40, () => Change(n => Spa(n).RangeType = NfitRangeType.Volatile)),
    ];

    /// <summary>What is known beside the table.</summary>
    public static readonly NfitLintOptions Platform = new()
    {
        Devices = [new(0x1), new(0x11), new(0x80000001), new(0x101), .. Enumerable.Range(0, 64).Select(i => new NfitDeviceHandle(0x1000 + (uint)i))],
        ProximityDomains = [0, 1],
        MemoryMap = [new(0, 0x8000_0000, E820Type.Ram), new(SampleNfit.SpaBase, 0x4000_0000, E820Type.PersistentMemory)],
    };

    private static NfitSpaRange Spa(Nfit nfit) => nfit.Of<NfitSpaRange>().First();

    private static NfitRegionMapping Map(Nfit nfit) => nfit.Of<NfitRegionMapping>().First();

    private static NfitInterleave Idt(Nfit nfit) => nfit.Of<NfitInterleave>().First();

    private static byte[] Change(Action<Nfit> change)
    {
        Nfit nfit = SampleNfit.Set();
        change(nfit);
        return nfit.ToBytes();
    }

    private static byte[] Many(int modules)
    {
        Nfit nfit = new NfitBuilder().AddSet(SampleNfit.SpaBase, [.. Enumerable.Range(0, 32).Select(Numbered)], 1 << 20).Build();
        for (int i = 32; i < modules; i++)
            nfit.Structures.Insert(1 + i, new NfitRegionMapping { Handle = Numbered(i).Handle, RangeIndex = 1, ControlRegionIndex = 1 });
        return nfit.ToBytes();

        static NfitModule Numbered(int i) => new() { Handle = new NfitDeviceHandle(0x1000 + (uint)i), SerialNumber = (uint)i };
    }

    private static byte[] Bytes(Action<byte[]> change, bool seal = true)
    {
        byte[] table = SampleNfit.Set().ToBytes();
        change(table);
        return seal ? Sealed(table) : table;
    }

    private static byte[] Grow(int structure, int by)
    {
        byte[] table = SampleNfit.Set().ToBytes();
        int length = BinaryPrimitives.ReadUInt16LittleEndian(table.AsSpan(structure + 2));
        byte[] grown = [.. table[..(structure + length)], .. new byte[by], .. table[(structure + length)..]];
        Put16(grown, structure + 2, (ushort)(length + by));
        return Sealed(grown);
    }

    private static byte[] Shrink(int structure, int by)
    {
        byte[] table = SampleNfit.Set().ToBytes();
        int length = BinaryPrimitives.ReadUInt16LittleEndian(table.AsSpan(structure + 2));
        byte[] shrunk = [.. table[..(structure + length - by)], .. table[(structure + length)..]];
        Put16(shrunk, structure + 2, (ushort)(length - by));
        return Sealed(shrunk);
    }

    private static byte[] Sealed(byte[] table)
    {
        AcpiTableHeader.Seal(table);
        return table;
    }

    private static void Put16(byte[] table, int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(table.AsSpan(at), value);

    private static void Put32(byte[] table, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(at), value);
}
