using Pmem.Platform.Acpi;

namespace Pmem.Platform.Tests.Acpi;

/// <summary>Tables that tests begin with.</summary>
internal static class SampleNfit
{
    public const ulong SpaBase = 0x1_0000_0000;
    public const ulong RegisterBase = 0x1_2000_0000;

    public static NfitModule Module(int i, bool hints = true) => new()
    {
        Handle = NfitDeviceHandle.Create(0, 0, 0, i, 1),
        PhysicalId = (ushort)(0x20 + i),
        VendorId = 0x8980,
        SerialNumber = 0x11220000 + (uint)i,
        ManufacturingLocation = 0x0a,
        ManufacturingDate = 0x1621,
        FlushHints = hints ? [.. Enumerable.Range(0, 4).Select(n => RegisterBase + (ulong)((i * 4096) + (n * 64)))] : [],
    };

    /// <summary>A set of 512 MiB over some modules, with flush hints and ADR.</summary>
    public static Nfit Set(int ways = 2) =>
        new NfitBuilder { Capabilities = NfitCapabilities.MemoryControllerFlush }
            .AddSet(SpaBase, [.. Enumerable.Range(0, ways).Select(i => Module(i))], (512UL << 20) / (ulong)ways)
            .Build();

    /// <summary>One structure of each kind and form.</summary>
    public static Nfit Everything()
    {
        Nfit nfit = Set();
        nfit.Structures.Add(new NfitSpaRange { Index = 9, Flags = NfitSpaFlags.LocationCookieValid | NfitSpaFlags.ProximityValid, ProximityDomain = 1, RangeType = NfitRangeType.ControlRegion, Base = 0x4000_0000, Length = 4096, LocationCookie = 0xc00c1e });
        nfit.Structures.Add(new NfitSpaRange { Index = 0, RangeType = NfitRangeType.VolatileVirtualCd, Base = 0x5000_0000, Length = 4096 });
        nfit.Structures.Add(new NfitInterleave { Index = 7, LineSize = 256, LineOffsets = [0, 3, 4] }.Padded());
        nfit.Structures.Add(new NfitSmbios { Data = [17, 40, 1, 2, 3] });
        nfit.Structures.Add(new NfitControlRegion { Index = 9, SerialNumber = 5 });
        nfit.Structures.Add(new NfitControlRegion
        {
            Index = 10, SerialNumber = 6, WindowCount = 2, HasWindowFields = true, WindowSize = 4096, CommandOffset = 8, CommandSize = 8, StatusOffset = 16, StatusSize = 4, Flags = 1, InterfaceCode = NfitControlRegion.Block,
        });
        nfit.Structures.Add(new NfitBlockDataWindow { ControlRegionIndex = 10, WindowCount = 2, StartOffset = 0x1000, WindowSize = 8192, Capacity = 1 << 30, FirstDpa = 0x10000 });
        nfit.Structures.Add(new NfitUnknown((NfitStructureType)0x99) { Data = [1, 2, 3, 4] });
        return nfit;
    }
}
