using Pmem.Emulation.Modules;
using Pmem.Platform.Model;

namespace Pmem.Emulation;

/// <content>
/// The hardware that the platform's model asks: health, media errors, scrubs. A scrub takes the time that its speed and the capacity make up, by the clock, and so goes
/// on while no process has the folder open.
/// </content>
public sealed partial class VirtualPlatform
{
    // More ranges are not reported at once: lines of one DIMM's errors are far apart in system addresses.
    private const int MaximumReported = 65536;

    /// <summary>By which scrubs go.</summary>
    internal TimeProvider Clock { get; set; } = TimeProvider.System;

    private TimeSpan ScrubDuration => TimeFor(_state.Dimms.Sum(dimm => dimm.IsLost ? 0.0 : dimm.Capacity));

    // A speed of bytes a second takes longer for terabytes than a time span can say.
    private TimeSpan TimeFor(double bytes) => TimeSpan.FromSeconds(Math.Min(bytes / _state.ScrubBytesPerSecond, TimeSpan.MaxValue.TotalSeconds / 2));

    private TimeSpan ScrubElapsed(DateTimeOffset started)
    {
        TimeSpan elapsed = Clock.GetUtcNow() - started;

        // A clock that was set back must not make a scrub endless.
        return elapsed < TimeSpan.Zero ? TimeSpan.MaxValue : elapsed;
    }

    /// <summary>Ends a scrub whose time is over: what it found is known from then on.</summary>
    private void FinishScrub()
    {
        if (_state.ScrubStarted is not { } started || ScrubElapsed(started) < ScrubDuration)
            return;
        lock (_gate)
        {
            DemandPower();
            if (_state.ScrubStarted is null)
                return;
            Save(_state with
            {
                ScrubStarted = null,
                ScrubsFinished = _state.ScrubsFinished + 1,
                Dimms = [.. _state.Dimms.Select(dimm => Settled(dimm with { Reported = dimm.Reported is null ? null : Join([.. dimm.Reported, .. dimm.Poison]) }))],
            });
        }
    }

    /// <summary>Errors of DIMMs in system addresses, by address, neighbours joined.</summary>
    private List<AddressRange> ToSystem(Func<VirtualDimm, IReadOnlyList<PoisonedRange>> errorsOf)
    {
        PlatformState state = _state;
        var ranges = new List<AddressRange>();
        foreach (VirtualSet set in state.Sets)
        {
            for (int way = 0; way < set.Dimms.Count; way++)
            {
                foreach (PoisonedRange error in errorsOf(state.Dimms[set.Dimms[way]]))
                    ranges.AddRange(ToSystem(set, way, error).Take(MaximumReported));
            }
        }

        var joined = new List<AddressRange>();
        foreach (AddressRange range in ranges.OrderBy(range => range.Address))
        {
            if (joined.Count > 0 && joined[^1].Address + joined[^1].Length == range.Address)
                joined[^1] = joined[^1] with { Length = joined[^1].Length + range.Length };
            else if (joined.Count == MaximumReported)
                break;
            else
                joined.Add(range);
        }

        return joined;
    }

    private static IEnumerable<AddressRange> ToSystem(VirtualSet set, int way, PoisonedRange error)
    {
        long first = Math.Max(error.Dpa - set.DpaStarts[way], 0);
        long end = Math.Min(error.Dpa + error.Length - set.DpaStarts[way], set.SizePerDimm);
        while (first < end)
        {
            long part = Math.Min(set.LineSize - (first % set.LineSize), end - first);
            long line = (first / set.LineSize * set.Dimms.Count) + way;
            yield return new AddressRange(set.Start + (ulong)((line * set.LineSize) + (first % set.LineSize)), (ulong)part);
            first += part;
        }
    }

    private sealed partial class Hardware(VirtualPlatform platform) : IPlatformHardware
    {
        public ulong ClearUnit => PoisonUnit;

        public DimmDetails Describe(int dimm)
        {
            platform.FinishOverwrites();
            VirtualDimm its = platform.DimmOf(dimm);
            return new DimmDetails
            {
                IsPresent = !its.IsLost,
                Flags = FlagsOf(its),
                Control = ControlOf(its),
                CommandFamily = its.Family switch { ModuleFamily.Hpe1 => "hpe1", ModuleFamily.Microsoft => "msft", ModuleFamily.HyperV => "hyperv", _ => "intel" },
                Firmware = FirmwareOf(its),
                Security = its.Family == ModuleFamily.Intel ? SecurityOf(its) : null,
                DirtyShutdowns = its.GetHealth().ShutdownCount,
            };
        }

        public PlatformResult<DimmHealth> GetHealth(int dimm) => platform.DimmOf(dimm) is { IsLost: false } its
            ? PlatformResult<DimmHealth>.Done(its.GetHealth())
            : PlatformResult<DimmHealth>.Refused(PlatformError.NotFound, platform.WhyAbsent(dimm), PutBack(dimm));

        public PlatformResult<DimmHealth> InjectHealth(int dimm, HealthInjection injection)
        {
            if (platform.DimmOf(dimm).IsLost)
                return GetHealth(dimm);
            if (FindBad(injection) is { } bad)
                return PlatformResult<DimmHealth>.Refused(PlatformError.BadValue, bad, "give a temperature of -273.15 to 2047 degrees, spares of 0 to 100 percent");
            platform.Inject(dimm, before => Pretending(before, injection));
            return GetHealth(dimm);
        }

        public PlatformResult<IReadOnlyList<AddressRange>> GetErrors()
        {
            platform.FinishScrub();
            return PlatformResult<IReadOnlyList<AddressRange>>.Done(platform.ToSystem(dimm => dimm.Reported ?? dimm.Poison));
        }

        public PlatformResult<IReadOnlyList<AddressRange>> GetInjectedErrors() => PlatformResult<IReadOnlyList<AddressRange>>.Done(platform.ToSystem(dimm => dimm.Poison));

        public PlatformResult<IReadOnlyList<AddressRange>> InjectErrors(IReadOnlyList<AddressRange> ranges, bool notify) =>
            Change(ranges, (before, dpa, length) => Poisoned(before, dpa, length, notify));

        public PlatformResult<IReadOnlyList<AddressRange>> UninjectErrors(IReadOnlyList<AddressRange> ranges) =>
            Change(ranges, (before, dpa, length) => Settled(before with { Reported = before.Reported ?? before.Poison, Poison = Without(before.Poison, dpa, length) }));

        public PlatformResult<IReadOnlyList<AddressRange>> ClearErrors(IReadOnlyList<AddressRange> ranges) =>
            Change(ranges, (before, dpa, length) => Settled(before with { Reported = Without(before.Reported ?? before.Poison, dpa, length), Poison = Without(before.Poison, dpa, length) }));

        public DimmPlace? Translate(ulong address)
        {
            if (platform.SetOf(address) is not { } set)
                return null;
            long at = (long)(address - set.Start);
            (int dimm, long dpa) = InterleavedMemory.Translate(set, at);
            ulong contiguous = set.Dimms.Count == 1 ? (ulong)(set.SizePerDimm - at) : (ulong)(set.LineSize - (at % set.LineSize));
            return new DimmPlace(dimm, (ulong)dpa, contiguous);
        }

        public ScrubStatus GetScrub()
        {
            platform.FinishScrub();
            PlatformState state = platform._state;
            return state.ScrubStarted is { } started
                ? new ScrubStatus(ScrubState.Active, state.ScrubsFinished) { Progress = Math.Clamp(platform.ScrubElapsed(started) / platform.ScrubDuration, 0, 1) }
                : new ScrubStatus(ScrubState.Idle, state.ScrubsFinished);
        }

        public PlatformResult<ScrubStatus> StartScrub()
        {
            platform.FinishScrub();
            lock (platform._gate)
            {
                platform.DemandPower();
                if (platform._state.ScrubStarted is not null)
                    return PlatformResult<ScrubStatus>.Refused(PlatformError.Busy, "a scrub is under way", "wait for its end: 'pmem scrub wait'");
                platform.Save(platform._state with { ScrubStarted = platform.Clock.GetUtcNow() });
            }

            return PlatformResult<ScrubStatus>.Done(GetScrub());
        }

        public PlatformResult<ScrubStatus> StopScrub()
        {
            platform.FinishScrub();
            lock (platform._gate)
            {
                platform.DemandPower();
                platform.Save(platform._state with { ScrubStarted = null });
            }

            return PlatformResult<ScrubStatus>.Done(GetScrub());
        }

        /// <summary>Changes all DIMMs at once, so that a crash leaves all of it or nothing.</summary>
        private PlatformResult<IReadOnlyList<AddressRange>> Change(IReadOnlyList<AddressRange> ranges, Func<VirtualDimm, long, long, VirtualDimm> change)
        {
            lock (platform._gate)
            {
                platform.DemandMemory();
                VirtualDimm[] dimms = [.. platform._state.Dimms];
                foreach (AddressRange range in ranges)
                {
                    for (ulong at = 0; at < range.Length;)
                    {
                        if (Translate(range.Address + at) is not { } place)
                            return PlatformResult<IReadOnlyList<AddressRange>>.Refused(PlatformError.BadAddress, $"no set has the address 0x{range.Address + at:x}", "take addresses of a region");
                        ulong part = Math.Min(place.Contiguous, range.Length - at);
                        dimms[place.Dimm] = change(dimms[place.Dimm], (long)place.Dpa, (long)part);
                        at += part;
                    }
                }

                platform.Rebuild(platform._state with { Dimms = dimms });
            }

            return PlatformResult<IReadOnlyList<AddressRange>>.Done(ranges);
        }

        private static string? FindBad(HealthInjection injection)
        {
            foreach (double? degrees in (double?[])[injection.MediaTemperature, injection.MediaTemperatureThreshold, injection.ControllerTemperature, injection.ControllerTemperatureThreshold])
            {
                if (degrees is { } value && !IsSayable(value))
                    return string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{value} degrees cannot be said by a DIMM");
            }

            return injection.Spares is < 0 or > 100 || injection.SparesThreshold is < 0 or > 100 ? $"{injection.Spares ?? injection.SparesThreshold} percent of spares cannot be" : null;
        }

        private static VirtualDimm Pretending(VirtualDimm before, HealthInjection injection)
        {
            PretendedHealth old = before.Pretended ?? new PretendedHealth(null, null, null, false, false);
            var pretended = new PretendedHealth(
                injection.UninjectMediaTemperature ? null : injection.MediaTemperature ?? old.MediaTemperature,
                injection.UninjectControllerTemperature ? null : injection.ControllerTemperature ?? old.ControllerTemperature,
                injection.UninjectSpares ? null : injection.Spares ?? old.Spares,
                injection.Fatal ?? old.Fatal,
                injection.UnsafeShutdown ?? old.UnsafeShutdown);
            return before with
            {
                Pretended = pretended == new PretendedHealth(null, null, null, false, false) ? null : pretended,
                MediaTemperatureThreshold = injection.MediaTemperatureThreshold ?? before.MediaTemperatureThreshold,
                MediaTemperatureAlarmEnabled = injection.MediaTemperatureAlarm ?? before.MediaTemperatureAlarmEnabled,
                ControllerTemperatureThreshold = injection.ControllerTemperatureThreshold ?? before.ControllerTemperatureThreshold,
                ControllerTemperatureAlarmEnabled = injection.ControllerTemperatureAlarm ?? before.ControllerTemperatureAlarmEnabled,
                SparesThreshold = injection.SparesThreshold ?? before.SparesThreshold,
                SparesAlarmEnabled = injection.SparesAlarm ?? before.SparesAlarmEnabled,
            };
        }
    }
}
