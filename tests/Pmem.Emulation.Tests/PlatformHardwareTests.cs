using Pmem.Platform.Acpi;
using Pmem.Platform.Dsm;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;

namespace Pmem.Emulation.Tests;

/// <summary>Health, media errors and scrubs of a virtual platform, through <see cref="IPlatform"/>.</summary>
public sealed class PlatformHardwareTests : IDisposable
{
    private readonly string _folder = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-hardware-{Guid.NewGuid():n}");

    public void Dispose()
    {
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void A_new_DIMM_is_well_and_says_who_it_is()
    {
        using VirtualPlatform made = Make();
        DimmHealth health = made.Platform.GetHealth("nmem1").Demand();
        Assert.Equal((HealthState.Ok, 100, false, 0L, false), (health.State, health.Spares!.Value, health.LastShutdownWasDirty!.Value, health.ShutdownCount!.Value, health.HasAlarm));
        DimmView dimm = made.Platform.GetDimms()[1];
        Assert.Equal((NfitStateFlags.None, true, 0x123457u), (dimm.Details.Flags, dimm.Details.IsPresent, dimm.Details.Control!.SerialNumber));
        Assert.Equal("1.0", dimm.Details.Firmware!.CurrentVersion);
        Assert.Equal(PlatformError.NotFound, made.Platform.GetHealth("nmem2").Error);
    }

    [Fact]
    public void What_is_pretended_stays_over_a_restart_until_it_is_taken_back()
    {
        using (VirtualPlatform made = Make())
        {
            IPlatform platform = made.Platform;
            DimmHealth warm = platform.InjectHealth("nmem0", new HealthInjection { MediaTemperature = 90 }).Demand();
            Assert.Equal((HealthState.NonCritical, true, 90.0), (warm.State, warm.MediaTemperatureAlarm!.Value, warm.MediaTemperature!.Value));
            DimmHealth quiet = platform.InjectHealth("nmem0", new HealthInjection { MediaTemperatureAlarm = false }).Demand();
            Assert.Equal((HealthState.Ok, false), (quiet.State, quiet.HasAlarm));
            Assert.Equal(HealthState.Critical, platform.InjectHealth("nmem0", new HealthInjection { Spares = 0 }).Demand().State);
            Assert.Equal(HealthState.Fatal, platform.InjectHealth("nmem0", new HealthInjection { Fatal = true }).Demand().State);
            Assert.Equal(PlatformError.BadValue, platform.InjectHealth("nmem0", new HealthInjection { Spares = 101 }).Error);
            Assert.Equal(PlatformError.BadValue, platform.InjectHealth("nmem0", new HealthInjection { MediaTemperature = double.NaN }).Error);
        }

        using VirtualPlatform again = VirtualPlatform.Open(_folder);
        Assert.Equal(HealthState.Fatal, again.Platform.GetHealth("nmem0").Demand().State);
        Assert.True(again.Platform.GetDimms()[0].Details.Flags.HasFlag(NfitStateFlags.HealthEvents));
        DimmHealth well = again.Platform.InjectHealth("nmem0", HealthInjection.UninjectAll).Demand();
        Assert.Equal((HealthState.Ok, 100, 28.0, false), (well.State, well.Spares!.Value, well.MediaTemperature!.Value, well.Thresholds!.MediaTemperatureEnabled));
        Assert.Null(again.Dimms[0].Pretended);
    }

    [Fact]
    public void An_unsafe_shutdown_that_is_pretended_is_one_after_the_power_was_cut()
    {
        using (VirtualPlatform made = Make())
        {
            DimmHealth pretended = made.Platform.InjectHealth("nmem0", new HealthInjection { UnsafeShutdown = true }).Demand();
            Assert.Equal((true, 1L), (pretended.LastShutdownWasDirty!.Value, pretended.ShutdownCount!.Value));
            Assert.True(made.Platform.GetDimms()[0].Details.Flags.HasFlag(NfitStateFlags.FlushFailed));
            made.PowerCut(seed: 1);
        }

        using VirtualPlatform again = VirtualPlatform.Open(_folder);
        Assert.Equal([1L, 0L], again.Platform.GetDimms().Select(dimm => again.Platform.GetHealth(dimm.Name).Demand().ShutdownCount!.Value));
        Assert.Equal(1, again.Platform.InjectHealth("nmem0", HealthInjection.UninjectAll).Demand().ShutdownCount);
    }

    [Fact]
    public void Nothing_is_written_to_a_region_of_which_a_DIMM_is_not_armed()
    {
        using VirtualPlatform made = Make();
        NamespaceView space = made.Platform.CreateNamespace(new NamespaceRequest { Size = 16 << 20 }).Demand();
        NamespaceView sectors = made.Platform.CreateNamespace(new NamespaceRequest { Size = 32 << 20, Mode = NamespaceMode.Sector }).Demand();
        using (PersistentMap before = made.OpenNamespace(space.Name))
            before.Store(0, 7UL);
        made.Platform.InjectError(space.Name, new ErrorInjection(100, 1)).Demand();
        made.Inject(1, dimm => dimm with { IsNotArmed = true });

        PmemException refused = Assert.Throws<PmemException>(() => made.OpenNamespace(space.Name));
        Assert.Contains($"{space.Region} is read-only: a DIMM of it is not armed", refused.Message, StringComparison.Ordinal);
        Assert.Contains("--dimm NUMBER --armed true", refused.Message, StringComparison.Ordinal);
        Assert.Throws<PmemException>(() => made.Platform.OpenRaw(space.Name, readOnly: false, force: true));
        Assert.Equal(PlatformError.RegionUnusable, made.Platform.ClearErrors(space.Name).Error);
        Assert.Equal(PlatformError.RegionUnusable, made.Platform.OpenBlockDevice(sectors.Name).Error);
        Assert.NotEmpty(made.Platform.GetErrors(space.Name).Demand().Ranges);
        using (PersistentMap left = made.OpenNamespace(space.Name, readOnly: true))
            Assert.Equal(7UL, left.ReadUInt64(0));

        made.Inject(1, dimm => dimm with { IsNotArmed = false });
        Assert.NotEmpty(made.Platform.ClearErrors(space.Name).Demand().Ranges);
        made.OpenNamespace(space.Name).Dispose();
    }

    [Fact]
    public void A_DIMM_that_is_lost_is_not_enabled_and_has_no_health()
    {
        using VirtualPlatform made = Make();
        made.Inject(1, dimm => dimm with { IsLost = true });
        Assert.Equal(PlatformError.NotFound, made.Platform.GetHealth("nmem1").Error);
        Assert.Equal([true, false], made.Platform.GetDimms().Select(dimm => dimm.IsEnabled && dimm.Details.IsPresent));
        Assert.Equal(PlatformError.NotFound, made.Platform.InjectHealth("nmem1", HealthInjection.UninjectAll).Error);
    }

    [Fact]
    public void Errors_are_shown_by_namespace_region_and_DIMM()
    {
        using VirtualPlatform made = Make();
        NamespaceView space = made.Platform.CreateNamespace(new NamespaceRequest { Size = 32 << 20 }).Demand();
        long line = made.Sets[0].LineSize;
        ulong sectors = (ulong)line / 512;
        ulong first = (sectors - (space.DataOffset / 512 % sectors)) % sectors;
        MediaErrors injected = made.Platform.InjectError(space.Name, new ErrorInjection(first + sectors - 2, 4) { Saturate = true }).Demand();
        BadSectorRange block = Assert.Single(injected.Blocks);
        Assert.Equal((first + sectors - 2, 4UL), (block.Offset, block.Count));
        Assert.Equal(2, block.Dimms.Count);
        BadRange range = Assert.Single(made.Platform.GetErrors().Demand().Ranges);
        Assert.Equal((space.Start + space.DataOffset + ((first + sectors - 2) * 512), 2048UL), (range.Address, range.Length));
        Assert.Equal([1024UL, 1024UL], range.Parts.Select(part => part.Length));
        foreach (DimmRange part in range.Parts)
        {
            ulong at = range.Address + (part == range.Parts[0] ? 0UL : 1024UL);
            Assert.Equal((part.Dimm, (long)part.Dpa), ($"nmem{made.Translate(at)!.Value.Dimm}", made.Translate(at)!.Value.Dpa));
            Assert.Equal([part], Assert.Single(made.Platform.GetErrors(part.Dimm).Demand().Ranges).Parts);
        }

        ulong ofRegion = (space.Start + space.DataOffset - made.Sets[0].Start) / 512;
        Assert.Equal(ofRegion + first + sectors - 2, Assert.Single(made.Platform.GetErrors("region0").Demand().Blocks).Offset);
        Assert.Equal(PlatformError.NotFound, made.Platform.GetErrors("region1").Error);
    }

    [Fact]
    public void Without_saturation_one_unit_of_each_sector_is_bad_and_sectors_are_rounded_outwards()
    {
        using VirtualPlatform made = Make();
        NamespaceView space = made.Platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Raw, Size = 32 << 20 }).Demand();
        MediaErrors injected = made.Platform.InjectError(space.Name, new ErrorInjection(8, 3)).Demand();
        Assert.Equal([256UL, 256UL, 256UL], injected.Ranges.Select(range => range.Length));
        Assert.Equal((8UL, 3UL), (Assert.Single(injected.Blocks).Offset, injected.Blocks[0].Count));
        Assert.Equal(PlatformError.BadAddress, made.Platform.InjectError(space.Name, new ErrorInjection(65536)).Error);
        Assert.Equal(PlatformError.BadAddress, made.Platform.InjectError(space.Name, new ErrorInjection(1, ulong.MaxValue)).Error);
        Assert.Equal(PlatformError.BadAddress, made.Platform.InjectError(space.Name, new ErrorInjection(0, 0)).Error);
        Assert.Equal(PlatformError.BadAddress, made.Platform.InjectError(space.Name, new ErrorInjection(0, 5000)).Error);
        Assert.Equal(3, made.Platform.GetErrors(space.Name).Demand().Ranges.Count);
    }

    [Theory]
    [InlineData(NamespaceMode.Sector, NamespaceMode.Fsdax)]
    [InlineData(NamespaceMode.Fsdax, NamespaceMode.Devdax)]
    public void An_info_block_is_written_over_media_that_could_not_be_read(NamespaceMode before, NamespaceMode after)
    {
        using VirtualPlatform made = Make();
        NamespaceView space = made.Platform.CreateNamespace(new NamespaceRequest { Size = 32 << 20, Mode = before }).Demand();
        made.InjectPoison(space.Start + 4096, 1024);
        NamespaceView changed = made.Platform.ReconfigureNamespace(space.Name, new NamespaceRequest { Mode = after }, force: true).Demand();
        Assert.Equal(after, changed.Mode);
        Assert.Empty(made.Platform.GetInjectedErrors(space.Name).Demand().Ranges);
    }

    [Fact]
    public void Uninjected_errors_stay_known_until_they_are_cleared()
    {
        using VirtualPlatform made = Make();
        NamespaceView space = made.Platform.CreateNamespace(new NamespaceRequest { Size = 32 << 20 }).Demand();
        made.Platform.InjectError(space.Name, new ErrorInjection(8, 2) { Saturate = true }).Demand();
        made.Platform.UninjectError(space.Name, new ErrorInjection(8) { Saturate = true }).Demand();
        Assert.Equal(512UL, made.Platform.GetInjectedErrors(space.Name).Demand().Bytes);
        Assert.Equal(1024UL, made.Platform.GetErrors(space.Name).Demand().Bytes);
        Assert.Equal(1024UL, made.Platform.ClearErrors(space.Name).Demand().Bytes);
        Assert.Empty(made.Platform.GetErrors(space.Name).Demand().Ranges);
        Assert.Empty(made.Platform.GetInjectedErrors(space.Name).Demand().Ranges);
        Assert.Null(made.Dimms[0].Reported);
        Assert.Empty(made.Platform.ClearErrors(space.Name).Demand().Ranges);
    }

    [Fact]
    public void A_namespace_in_sector_mode_is_cleared_by_writing_only()
    {
        using VirtualPlatform made = Make();
        made.Platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Sector, Size = 32 << 20 }).Demand();
        Assert.Equal(PlatformError.NotSupported, made.Platform.ClearErrors("namespace0.0").Error);
    }

    [Fact]
    public void Errors_that_were_injected_without_a_word_are_found_by_a_scrub()
    {
        var clock = new ManualClock();
        using (VirtualPlatform made = Make(scrubSpeed: 128 << 20))
        {
            made.Clock = clock;
            NamespaceView space = made.Platform.CreateNamespace(new NamespaceRequest { Size = 32 << 20 }).Demand();
            made.Platform.InjectError(space.Name, new ErrorInjection(0) { Notify = false }).Demand();
            Assert.Empty(made.Platform.GetErrors().Demand().Ranges);
            Assert.Single(made.Platform.GetInjectedErrors(space.Name).Demand().Ranges);
            Assert.Equal((ScrubState.Idle, 0L), (made.Platform.GetScrub().State, made.Platform.GetScrub().Finished));
            Assert.Equal(ScrubState.Active, made.Platform.StartScrub().Demand().State);
            Assert.Equal(PlatformError.Busy, made.Platform.StartScrub().Error);
            clock.Pass(TimeSpan.FromSeconds(0.5));
            Assert.Equal(0.5, made.Platform.GetScrub().Progress!.Value, 3);
            Assert.Empty(made.Platform.GetErrors().Demand().Ranges);
        }

        clock.Pass(TimeSpan.FromSeconds(0.6));
        using VirtualPlatform again = VirtualPlatform.Open(_folder);
        again.Clock = clock;
        Assert.Single(again.Platform.GetErrors().Demand().Ranges);
        Assert.Equal((ScrubState.Idle, 1L), (again.Platform.GetScrub().State, again.Platform.GetScrub().Finished));
    }

    [Fact]
    public void A_scrub_may_take_longer_than_a_time_span_can_say()
    {
        using var made = VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Capacity = 1L << 42, ScrubBytesPerSecond = 1 });
        ScrubStatus scrub = made.Platform.StartScrub().Demand();
        Assert.Equal(ScrubState.Active, scrub.State);
        Assert.InRange(scrub.Progress!.Value, 0, 0.001);
        Assert.Equal((ushort)IntelStatus.Success, made.Execute<DsmStatus>(0, DsmFamilies.Intel, 25, new PassphraseInput()).Status);
        Assert.Equal(DimmSecurityState.Overwrite, made.Platform.GetSecurity("nmem0").Demand().State);
    }

    [Fact]
    public void A_scrub_that_is_stopped_finds_nothing_and_a_restart_finds_everything()
    {
        var clock = new ManualClock();
        using (VirtualPlatform made = Make(scrubSpeed: 128 << 20))
        {
            made.Clock = clock;
            NamespaceView space = made.Platform.CreateNamespace(new NamespaceRequest { Size = 32 << 20 }).Demand();
            made.Platform.InjectError(space.Name, new ErrorInjection(0) { Notify = false }).Demand();
            made.Platform.StartScrub().Demand();
            Assert.Equal(ScrubState.Idle, made.Platform.StopScrub().Demand().State);
            clock.Pass(TimeSpan.FromHours(1));
            Assert.Empty(made.Platform.GetErrors().Demand().Ranges);
            made.PowerCut(seed: 1);
        }

        using VirtualPlatform again = VirtualPlatform.Open(_folder);
        Assert.Single(again.Platform.GetErrors().Demand().Ranges);
    }

    [Fact]
    public void Waiting_for_a_scrub_tells_how_far_it_is_and_can_be_ended()
    {
        using VirtualPlatform made = Make(scrubSpeed: 1 << 20);
        var clock = new ManualClock();
        made.Clock = clock;
        made.Platform.StartScrub().Demand();
        var seen = new List<ScrubStatus>();
        using var stop = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => made.Platform.WaitScrub(TimeSpan.FromMilliseconds(1), new Recorder(status =>
        {
            seen.Add(status);
            clock.Pass(TimeSpan.FromSeconds(16));
            if (seen.Count == 3)
                stop.Cancel();
        }), stop.Token));
        Assert.Equal([0, 0.125, 0.25], seen.Select(status => status.Progress!.Value));
        ScrubStatus done = made.Platform.WaitScrub(TimeSpan.FromMilliseconds(1), new Recorder(_ => clock.Pass(TimeSpan.FromSeconds(16))), TestContext.Current.CancellationToken);
        Assert.Equal((ScrubState.Idle, 1L), (done.State, done.Finished));
    }

    private VirtualPlatform Make(long scrubSpeed = 256L << 30) =>
        VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = 2, Ways = 2, Capacity = 64 << 20, ScrubBytesPerSecond = scrubSpeed });

    private sealed class Recorder(Action<ScrubStatus> record) : IProgress<ScrubStatus>
    {
        public void Report(ScrubStatus value) => record(value);
    }
}
