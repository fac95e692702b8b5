using System.Text.Json;
using Pmem.Platform.Acpi;
using Pmem.Platform.Dsm;
using Pmem.Platform.Labels;

namespace Interop.Guest;

/// <summary>Seven modules in sets of one, two and four ways, with labels and health in registers behind them, and what Linux said of them.</summary>
internal sealed class GuestPlatform : IDisposable
{
    public const ulong RangeBase = 0x4000_0000;
    public const ulong SetSize = 64 << 20;
    public const ulong Registers = 0x5000_0000;
    public const int LabelSize = 128 << 10;
    public static readonly int[] Ways = [1, 2, 4];

    private static readonly E820Range s_range = new(RangeBase, 0x1100_0000, E820Type.Reserved);
    private readonly GuestMachine _machine = new();
    private readonly NvdimmMethods _methods;

    public GuestPlatform(NvdimmMethods methods)
    {
        _methods = methods;
        Nfit = Describe(Ways);
        for (int i = 0; i < Modules; i++)
            Prepare(i);
        NvdimmDevice[] devices = [.. Enumerable.Range(0, Modules).Select(i => new NvdimmDevice { Handle = Module(i).Handle, Methods = methods, LabelAddress = LabelAddress(i), LabelSize = LabelSize, HealthAddress = HealthAddress(i) })];
        // With Microsoft's methods the whole platform is in _FIT, and the table has its first set alone.
        byte[] fit = methods == NvdimmMethods.Microsoft ? Nfit.ToFit() : [];
        byte[] table = methods == NvdimmMethods.Microsoft ? Describe([1]).ToBytes() : Nfit.ToBytes();
        Sections = _machine.Run([table, NvdimmSsdt.Build(devices, fit)], s_range, Script);
    }

    public static int Modules => Ways.Sum();

    public Nfit Nfit { get; }

    /// <summary>What the guest printed.</summary>
    public IReadOnlyDictionary<string, string> Sections { get; }

    private static string Script => """
        dmesg -n 1
        echo @@list
        ndctl list -BDRNHi
        echo @@sysfs
        for r in 0 1 2; do d=/sys/bus/nd/devices/region$r; echo "$r $(cat $d/set_cookie) $(cat $d/resource) $(cat $d/nfit/range_index) $(cat $d/deep_flush 2>/dev/null)"; done
        echo @@kernel
        dmesg | grep -E "nfit|ACPI (Error|BIOS|Warning)|nvdimm|nd_"
        echo @@create
        for r in 0 1 2; do echo 1 > /sys/bus/nd/devices/region$r/deep_flush; ndctl create-namespace -r region$r -m raw -n "set $r" -s 32M 2>&1; done
        echo @@after
        ndctl list -N
        """;

    public static ulong SetBase(int set) => RangeBase + ((ulong)set * SetSize);

    public static ulong HintAddress(int module, int hint) => Registers + ((ulong)module * 4096) + ((ulong)hint * 64);

    public void Dispose() => _machine.Dispose();

    public JsonElement Json(string section)
    {
        using var document = JsonDocument.Parse(Sections[section]);
        return document.RootElement.Clone();
    }

    public JsonElement[] Dimms() => [.. Json("list")[0].GetProperty("dimms").EnumerateArray().OrderBy(dimm => dimm.GetProperty("handle").GetUInt32())];

    public JsonElement[] Regions() => [.. Json("list")[0].GetProperty("regions").EnumerateArray().OrderBy(region => region.GetProperty("dev").GetString(), StringComparer.Ordinal)];

    public ulong Hint(int module, int hint) => BitConverter.ToUInt64(_machine.Read(HintAddress(module, hint), sizeof(ulong)));

    public LabelArea Labels(int module) => LabelArea.Parse(_machine.Read(LabelAddress(module), LabelSize));

    public NfitModule Module(int i) => new()
    {
        Handle = NfitDeviceHandle.Create(0, 0, i / 4, i % 4, 1),
        PhysicalId = (ushort)(0x20 + i),
        SerialNumber = 0x11220000 + (uint)i,
        ManufacturingLocation = 0x0a,
        ManufacturingDate = 0x1621,
        FlushHints = _methods == NvdimmMethods.Intel ? [HintAddress(i, 0), HintAddress(i, 1)] : [],
    };

    private static ulong LabelAddress(int module) => Registers + 0x10_0000 + ((ulong)module * 0x4_0000);

    private static ulong HealthAddress(int module) => Registers + 0x1_0000 + ((ulong)module * 0x1000);

    private Nfit Describe(int[] ways)
    {
        var builder = new NfitBuilder
        {
            Capabilities = _methods == NvdimmMethods.Intel ? NfitCapabilities.MemoryControllerFlush : NfitCapabilities.CacheFlush | NfitCapabilities.MemoryControllerFlush,
        };
        int first = 0;
        for (int set = 0; set < ways.Length; set++)
        {
            int start = first;
            builder.AddSet(SetBase(set), [.. Enumerable.Range(start, ways[set]).Select(Module)], SetSize / (ulong)ways[set]);
            first += ways[set];
        }

        Nfit nfit = builder.Build();
        if (_methods != NvdimmMethods.Microsoft)
            return nfit;
        // The shorter and longer forms of structures.
        foreach (NfitControlRegion control in nfit.Of<NfitControlRegion>())
            control.HasWindowFields = false;
        foreach (NfitSpaRange range in nfit.Of<NfitSpaRange>())
        {
            range.Flags |= NfitSpaFlags.LocationCookieValid;
            range.LocationCookie = 0xc00c1e0000UL + range.Index;
        }

        return nfit;
    }

    private void Prepare(int module)
    {
        foreach (LabelWrite write in LabelUpdate.Initialize(LabelArea.Parse(new byte[LabelSize]), LabelFormat.Efi12).Writes)
            _machine.Write(LabelAddress(module) + (ulong)write.Offset, write.Bytes.Span);
        if (_methods == NvdimmMethods.Microsoft)
        {
            _machine.Write(HealthAddress(module), new MicrosoftHealthOutput { Temperature = 40, LifetimePercentage = 95 }.ToBytes());
            return;
        }

        _machine.Write(HealthAddress(module), new IntelSmartOutput
        {
            Valid = IntelSmartFlags.Health | IntelSmartFlags.Spares | IntelSmartFlags.LifeUsed | IntelSmartFlags.MediaTemperature | IntelSmartFlags.ControllerTemperature
                | IntelSmartFlags.ShutdownCount | IntelSmartFlags.Alarms | IntelSmartFlags.LastShutdown,
            SparesPercentage = 75,
            LifeUsedPercentage = 5,
            Health = module == 3 ? (byte)1 : (byte)0,
            MediaTemperature = IntelTemperature.FromCelsius(28.5),
            ControllerTemperature = IntelTemperature.FromCelsius(30),
            ShutdownCount = (uint)module + 3,
        }.ToBytes());
        _machine.Write(HealthAddress(module) + NvdimmDevice.ThresholdsPosition, new IntelThresholdsOutput
        {
            AlarmControl = 7,
            SparesThreshold = 40,
            MediaTemperatureThreshold = IntelTemperature.FromCelsius(85),
            ControllerTemperatureThreshold = IntelTemperature.FromCelsius(80),
        }.ToBytes());
    }
}
