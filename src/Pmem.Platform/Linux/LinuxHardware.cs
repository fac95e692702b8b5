using System.Globalization;
using Pmem.Platform.Acpi;
using Pmem.Platform.Dsm;
using Pmem.Platform.Interleave;
using Pmem.Platform.Model;

namespace Pmem.Platform.Linux;

/// <summary>
/// What a kernel says of its DIMMs: attributes for everybody, functions of the firmware for who may open the devices. Errors are the kernel's list of bad blocks.
/// </summary>
internal sealed partial class LinuxHardware(Sysfs sysfs, Func<string, string> device) : IPlatformHardware
{
    private const ulong Sector = 512;
    private const ulong IntelFamily = 0;
    private const ulong HpeFamily = 1;
    private const HpeSmartFlags HpeWanted = HpeSmartFlags.Health | HpeSmartFlags.Temperature | HpeSmartFlags.Spares | HpeSmartFlags.Alarms | HpeSmartFlags.LifeUsed | HpeSmartFlags.LastShutdown | HpeSmartFlags.Vendor;
    private const ulong MicrosoftFamily = 3;
    private const ulong HyperVFamily = 4;
    private const ulong RootFamily = 0;
    private const int StatusSize = 4;
    private static readonly string[] s_families = ["intel", "hpe1", "hpe2", "msft", "hyperv", "papr"];
    private Lazy<IReadOnlyList<InterleaveSet>> Sets => field ??= new(() => ReadSets(sysfs));

    public ulong ClearUnit => 256;

    public DimmDetails Describe(int dimm)
    {
        string path = $"{Sysfs.Devices}/nmem{dimm}";
        return new DimmDetails
        {
            IsPresent = sysfs.Exists(path),
            Flags = FlagsOf(sysfs.Read($"{path}/nfit/flags") ?? string.Empty),
            Control = ControlOf(path),
            CommandFamily = Number($"{path}/nfit/family") is { } family && family < (ulong)s_families.Length ? s_families[family] : null,
            Security = SecurityOf(path),
            Firmware = FirmwareOf(dimm),
            DirtyShutdowns = (long?)Number($"{path}/nfit/dirty_shutdown"),
        };
    }

    public PlatformResult<DimmHealth> GetHealth(int dimm)
    {
        string path = $"{Sysfs.Devices}/nmem{dimm}";
        string file = device($"nmem{dimm}");
        ulong mask = Number($"{path}/nfit/dsm_mask") ?? 0;
        switch (Number($"{path}/nfit/family"))
        {
            case IntelFamily when (mask & 2) != 0:
                PlatformResult<IntelSmartOutput> smart = DeviceCall.Call<IntelSmartOutput>(file, IntelFamily, 1, [], 132);
                if (smart.Value is null)
                    return smart.As<DimmHealth>();
                return PlatformResult<DimmHealth>.Done(HealthReading.FromIntel(smart.Value, (mask & 4) != 0 ? DeviceCall.Call<IntelThresholdsOutput>(file, IntelFamily, 2, [], 12).Value : null));
            case HpeFamily when (mask & 2) != 0:
                PlatformResult<HpeSmartOutput> pages = DeviceCall.Call<HpeSmartOutput>(file, HpeFamily, 1, new HpeSmartInput { Valid = (uint)HpeWanted }.ToBytes(), 128);
                if (pages.Value is null)
                    return pages.As<DimmHealth>();
                return PlatformResult<DimmHealth>.Done(HealthReading.FromHpe(pages.Value, (mask & 4) != 0 ? DeviceCall.Call<HpeThresholdsOutput>(file, HpeFamily, 2, [], 36).Value : null));
            case MicrosoftFamily when (mask & (1 << 11)) != 0:
                PlatformResult<MicrosoftHealthOutput> health = DeviceCall.Call<MicrosoftHealthOutput>(file, MicrosoftFamily, 11, [], 13);
                return health.Value is null ? health.As<DimmHealth>() : PlatformResult<DimmHealth>.Done(HealthReading.FromMicrosoft(health.Value));
            case HyperVFamily when (mask & 2) != 0:
                PlatformResult<HyperVHealthOutput> bits = DeviceCall.Call<HyperVHealthOutput>(file, HyperVFamily, 1, [], 8);
                if (bits.Value is null)
                    return bits.As<DimmHealth>();
                return PlatformResult<DimmHealth>.Done(HealthReading.FromHyperV(bits.Value, (mask & 4) != 0 ? DeviceCall.Call<HyperVShutdownOutput>(file, HyperVFamily, 2, [], 8).Value : null));
            default:
                return PlatformResult<DimmHealth>.Refused(PlatformError.NotSupported, $"nmem{dimm} has no function that tells its health", "ask the vendor of the firmware");
        }
    }

    public PlatformResult<DimmHealth> InjectHealth(int dimm, HealthInjection injection)
    {
        string path = $"{Sysfs.Devices}/nmem{dimm}";
        string file = device($"nmem{dimm}");
        ulong mask = Number($"{path}/nfit/dsm_mask") ?? 0;
        if (Number($"{path}/nfit/family") != IntelFamily || (mask & (1 << 18)) == 0)
            return PlatformResult<DimmHealth>.Refused(PlatformError.NotSupported, $"nmem{dimm} has no function that lets it pretend", "take a virtual platform, or enable injection in the firmware's setup");
        if (injection.ControllerTemperature is not null)
            return PlatformResult<DimmHealth>.Refused(PlatformError.NotSupported, "no DIMM has a function that lets its controller pretend a temperature", "take a virtual platform, or leave it out");
        PlatformResult<DsmStatus>? refusal = SetThresholds(file, injection);
        if (refusal is { Succeeded: false })
            return refusal.As<DimmHealth>();
        var input = new IntelInjectInput
        {
            EnableMediaTemperature = injection.MediaTemperature is null ? (byte)0 : (byte)1,
            MediaTemperature = injection.MediaTemperature is { } media ? IntelTemperature.FromCelsius(media) : (ushort)0,
            EnableSpares = injection.Spares is null ? (byte)0 : (byte)1,
            Spares = (byte)(injection.Spares ?? 0),
            Fatal = injection.Fatal == true ? (byte)1 : (byte)0,
            UnsafeShutdown = injection.UnsafeShutdown == true ? (byte)1 : (byte)0,
            Which = (injection.MediaTemperature is null && !injection.UninjectMediaTemperature ? 0UL : 1) | (injection.Spares is null && !injection.UninjectSpares ? 0UL : 2)
                | (injection.Fatal is null ? 0UL : 4) | (injection.UnsafeShutdown is null ? 0UL : 8),
        };
        if (input.Which != 0)
        {
            PlatformResult<DsmStatus> done = DeviceCall.Call<DsmStatus>(file, IntelFamily, 18, input.ToBytes(), StatusSize);
            if (!done.Succeeded)
                return done.As<DimmHealth>();
        }

        return GetHealth(dimm);
    }

    public PlatformResult<IReadOnlyList<AddressRange>> GetErrors()
    {
        var ranges = new List<AddressRange>();
        foreach (string region in sysfs.Names("region"))
        {
            string blocks = sysfs.Read($"{Sysfs.Devices}/{region}/badblocks") ?? string.Empty;
            if (blocks.Length == 0)
                continue;
            if (Number($"{Sysfs.Devices}/{region}/resource") is not > 0)
                return PlatformResult<IReadOnlyList<AddressRange>>.Refused(PlatformError.NoPermission, $"{region} has bad blocks, and where it begins may not be read", "run as root");
            ulong start = Number($"{Sysfs.Devices}/{region}/resource")!.Value;
            foreach (string line in blocks.Split('\n'))
            {
                string[] parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (parts.Length == 2 && ulong.TryParse(parts[0], CultureInfo.InvariantCulture, out ulong first) && ulong.TryParse(parts[1], CultureInfo.InvariantCulture, out ulong count))
                    ranges.Add(new AddressRange(start + (first * Sector), count * Sector));
            }
        }

        return PlatformResult<IReadOnlyList<AddressRange>>.Done([.. ranges.OrderBy(range => range.Address)]);
    }

    public PlatformResult<IReadOnlyList<AddressRange>> GetInjectedErrors()
    {
        PlatformResult<InjectStatusOutput>[] told = [.. Buses.Select(bus => DeviceCall.Call<InjectStatusOutput>(DeviceOf(bus), RootFamily, 9, [], 4096))];
        return Array.Exists(told, status => status.Succeeded)
            ? PlatformResult<IReadOnlyList<AddressRange>>.Done([.. told.SelectMany(status => status.Value?.Ranges ?? []).Select(range => new AddressRange(range.Base, range.Length)).OrderBy(range => range.Address)])
            : told[0].As<IReadOnlyList<AddressRange>>();
    }

    public PlatformResult<IReadOnlyList<AddressRange>> InjectErrors(IReadOnlyList<AddressRange> ranges, bool notify) =>
        OverRanges(ranges, range => DeviceCall.Call<DsmStatus>(BusOf(range.Address), RootFamily, 7, new InjectErrorInput { Base = range.Address, Length = range.Length, Options = notify ? (byte)1 : (byte)0 }.ToBytes(), StatusSize));

    public PlatformResult<IReadOnlyList<AddressRange>> UninjectErrors(IReadOnlyList<AddressRange> ranges) =>
        OverRanges(ranges, range => DeviceCall.Call<DsmStatus>(BusOf(range.Address), RootFamily, 8, new AddressRangeInput { Base = range.Address, Length = range.Length }.ToBytes(), StatusSize));

    public PlatformResult<IReadOnlyList<AddressRange>> ClearErrors(IReadOnlyList<AddressRange> ranges) => OverRanges(ranges, range => DeviceCall.ClearError(BusOf(range.Address), range));

    public DimmPlace? Translate(ulong address)
    {
        foreach (InterleaveSet set in Sets.Value)
        {
            if (set.TryToDimm(address, out DimmAddress found) && NumberOf(found.Handle) is { } number)
                return new DimmPlace(number, found.Dpa, found.Contiguous);
        }

        return null;
    }

    /// <summary>Of all buses together: under way as long as it is on any.</summary>
    public ScrubStatus GetScrub()
    {
        ScrubStatus[] able = [.. sysfs.Names("ndbus").Select(GetScrub).Where(status => status.State != ScrubState.NotSupported)];
        return able.Length == 0
            ? GetScrub("ndbus0")
            : new ScrubStatus(Array.Exists(able, status => status.State == ScrubState.Active) ? ScrubState.Active : ScrubState.Idle, able.Sum(status => status.Finished));
    }

    /// <summary>The search on one bus.</summary>
    public ScrubStatus GetScrub(string bus)
    {
        if (sysfs.Read($"{Sysfs.Devices}/{bus}/nfit/scrub") is not { } text)
            return new ScrubStatus(ScrubState.NotSupported, 0, "the firmware has no functions for it: there is no attribute nfit/scrub");
        return new ScrubStatus(text.EndsWith('+') ? ScrubState.Active : ScrubState.Idle, long.TryParse(text.TrimEnd('+'), CultureInfo.InvariantCulture, out long count) ? count : 0);
    }

    /// <summary>On all buses that can; done when one was started.</summary>
    public PlatformResult<ScrubStatus> StartScrub()
    {
        PlatformResult<ScrubStatus>[] started = [.. sysfs.Names("ndbus").Where(HasScrub).Select(StartScrub)];
        return started.Length == 0 ? PlatformResult<ScrubStatus>.Refused(PlatformError.NotSupported, GetScrub().Reason, "ask the vendor of the firmware")
            : Array.Exists(started, result => result.Succeeded) ? PlatformResult<ScrubStatus>.Done(GetScrub())
            : started[0];
    }

    /// <summary>On one bus.</summary>
    public PlatformResult<ScrubStatus> StartScrub(string bus)
    {
        if (!HasScrub(bus))
            return PlatformResult<ScrubStatus>.Refused(PlatformError.NotSupported, $"{bus}: {GetScrub(bus).Reason}", "take another bus, or ask the vendor of the firmware");
        PlatformResult<string> written = sysfs.Write($"{Sysfs.Devices}/{bus}/nfit/scrub", "1");
        return written.Succeeded ? PlatformResult<ScrubStatus>.Done(GetScrub(bus)) : written.As<ScrubStatus>();
    }

    private bool HasScrub(string bus) => sysfs.Exists($"{Sysfs.Devices}/{bus}/nfit/scrub");

    public PlatformResult<ScrubStatus> StopScrub() => PlatformResult<ScrubStatus>.Refused(PlatformError.NotSupported, "Linux has no way to end a scrub", "wait for its end");

    // Buses with functions of firmware; where none has, the first answers for all that it cannot.
    private string[] Buses
    {
        get
        {
            IReadOnlyList<string> buses = sysfs.Names("ndbus");
            string[] able = [.. buses.Where(name => sysfs.Exists($"{Sysfs.Devices}/{name}/nfit"))];
            return able.Length > 0 ? able : buses.Count > 0 ? [buses[0]] : ["ndbus0"];
        }
    }

    /// <summary>The device of the bus that has an address.</summary>
    private string BusOf(ulong address)
    {
        foreach (string region in sysfs.Names("region"))
        {
            if (Number($"{Sysfs.Devices}/{region}/resource") is { } start && Number($"{Sysfs.Devices}/{region}/size") is { } size && address >= start && address - start < size)
                return DeviceOf(sysfs.BusOf(region));
        }

        return DeviceOf(Buses[0]);
    }

    private string DeviceOf(string bus) => device($"ndctl{bus["ndbus".Length..]}");

    private static PlatformResult<IReadOnlyList<AddressRange>> OverRanges<T>(IReadOnlyList<AddressRange> ranges, Func<AddressRange, PlatformResult<T>> act)
        where T : class
    {
        foreach (AddressRange range in ranges)
        {
            PlatformResult<T> done = act(range);
            if (!done.Succeeded)
                return done.As<IReadOnlyList<AddressRange>>();
        }

        return PlatformResult<IReadOnlyList<AddressRange>>.Done(ranges);
    }

    private static PlatformResult<DsmStatus>? SetThresholds(string file, HealthInjection injection)
    {
        if (injection is { MediaTemperatureThreshold: null, MediaTemperatureAlarm: null, ControllerTemperatureThreshold: null, ControllerTemperatureAlarm: null, SparesThreshold: null, SparesAlarm: null })
            return null;
        PlatformResult<IntelThresholdsOutput> read = DeviceCall.Call<IntelThresholdsOutput>(file, IntelFamily, 2, [], 12);
        if (read.Value is not { } before)
            return read.As<DsmStatus>();
        ushort Switch(ushort control, bool? on, int bit) => on is null ? control : (ushort)(on.Value ? control | bit : control & ~bit);
        ushort control = Switch(Switch(Switch(before.AlarmControl, injection.SparesAlarm, 1), injection.MediaTemperatureAlarm, 2), injection.ControllerTemperatureAlarm, 4);
        return DeviceCall.Call<DsmStatus>(file, IntelFamily, 17, new IntelSetThresholdsInput
        {
            AlarmControl = control,
            SparesThreshold = (byte)(injection.SparesThreshold ?? before.SparesThreshold),
            MediaTemperatureThreshold = injection.MediaTemperatureThreshold is { } media ? IntelTemperature.FromCelsius(media) : before.MediaTemperatureThreshold,
            ControllerTemperatureThreshold = injection.ControllerTemperatureThreshold is { } controller ? IntelTemperature.FromCelsius(controller) : before.ControllerTemperatureThreshold,
        }.ToBytes(), StatusSize);
    }

    private static IReadOnlyList<InterleaveSet> ReadSets(Sysfs sysfs)
    {
        try
        {
            var nfit = Acpi.Nfit.Parse(sysfs.ReadBytes(LinuxPlatform.TablePath));
            return [.. nfit.Of<NfitSpaRange>().Where(range => range.Index != 0 && nfit.Of<NfitRegionMapping>().Any(mapping => mapping.RangeIndex == range.Index)).Select(range => InterleaveSet.Of(nfit, range.Index))];
        }
        catch (Exception unknown) when (unknown is IOException or UnauthorizedAccessException or PmemFormatException)
        {
            // Only root may read the table; then nobody knows which DIMM it is.
            return [];
        }
    }

    private int? NumberOf(NfitDeviceHandle handle)
    {
        foreach (string name in sysfs.Names("nmem"))
        {
            if (Number($"{Sysfs.Devices}/{name}/nfit/handle") == handle.Value)
                return int.Parse(name.AsSpan("nmem".Length), CultureInfo.InvariantCulture);
        }

        return null;
    }

    private NfitControlRegion? ControlOf(string path)
    {
        if (sysfs.Read($"{path}/nfit/id") is not { } id || Number($"{path}/nfit/serial") is not { } serial)
            return null;

        // All of these are printed in the order of their bytes.
        ushort Swapped(string name) => System.Buffers.Binary.BinaryPrimitives.ReverseEndianness((ushort)(Number($"{path}/nfit/{name}") ?? 0));
        string[] parts = id.Split('-');
        bool hasDate = parts.Length == 4;
        return new NfitControlRegion
        {
            VendorId = Swapped("vendor"),
            DeviceId = Swapped("device"),
            RevisionId = Swapped("rev_id"),
            SubsystemVendorId = Swapped("subsystem_vendor"),
            SubsystemDeviceId = Swapped("subsystem_device"),
            SubsystemRevisionId = Swapped("subsystem_rev_id"),
            ValidFields = hasDate ? (byte)1 : (byte)0,
            ManufacturingLocation = hasDate && byte.TryParse(parts[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out byte location) ? location : (byte)0,
            ManufacturingDate = hasDate && ushort.TryParse(parts[2], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ushort date) ? System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(date) : (ushort)0,
            SerialNumber = System.Buffers.Binary.BinaryPrimitives.ReverseEndianness((uint)serial),
            InterfaceCode = (ushort)(Number($"{path}/nfit/format") ?? 0),
        };
    }

    private DimmSecurity? SecurityOf(string path)
    {
        bool isFrozen = sysfs.Read($"{path}/frozen") == "1";
        return sysfs.Read($"{path}/security") switch
        {
            "disabled" => new DimmSecurity(DimmSecurityState.Disabled, isFrozen),
            "unlocked" => new DimmSecurity(DimmSecurityState.Unlocked, isFrozen),
            "locked" => new DimmSecurity(DimmSecurityState.Locked, isFrozen),
            "frozen" => new DimmSecurity(DimmSecurityState.Frozen, true),
            "overwrite" => new DimmSecurity(DimmSecurityState.Overwrite, isFrozen),
            _ => null,
        };
    }

    private ulong? Number(string path) => LinuxPlatform.ParseNumber(sysfs.Read(path));

    private static NfitStateFlags FlagsOf(string words)
    {
        NfitStateFlags flags = 0;
        foreach (string word in words.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            flags |= word switch
            {
                "save_fail" => NfitStateFlags.SaveFailed,
                "restore_fail" => NfitStateFlags.RestoreFailed,
                "flush_fail" => NfitStateFlags.FlushFailed,
                "not_armed" => NfitStateFlags.NotArmed,
                "smart_event" => NfitStateFlags.HealthEvents,
                "smart_notify" => NfitStateFlags.HealthNotify,
                "map_fail" => NfitStateFlags.MapFailed,
                _ => 0,
            };
        }

        return flags;
    }
}
