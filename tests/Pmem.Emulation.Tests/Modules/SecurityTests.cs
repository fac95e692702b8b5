using Pmem.Emulation.Guest;
using Pmem.Emulation.Modules;
using Pmem.Platform.Dsm;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Emulation.Tests.Modules;

/// <summary>Passphrases, erasing and firmware of modules through the platform's model.</summary>
public sealed class SecurityTests : IDisposable
{
    private const int MiB = 1 << 20;
    private const string Dimm = "nmem0";
    private static readonly Passphrase s_secret = Passphrase.FromText("open sesame");
    private static readonly Passphrase s_other = Passphrase.FromText("other");
    private readonly string _folder = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-security-{Guid.NewGuid():n}");

    public void Dispose()
    {
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void A_locked_DIMM_is_disabled_with_its_regions_until_it_is_unlocked()
    {
        using (VirtualPlatform made = Make())
        {
            made.Platform.CreateNamespace(new NamespaceRequest { Size = 16 * MiB, Name = "data" }).Demand();
            Assert.Equal(DimmSecurityState.Disabled, made.Platform.GetSecurity(Dimm).Demand().State);
            Assert.Equal(DimmSecurityState.Unlocked, Change(made, SecurityOperation.SetPassphrase, next: s_secret).Demand().State);
            Assert.Equal(PlatformError.WrongPassphrase, Change(made, SecurityOperation.SetPassphrase, s_other, s_other).Error);
            Assert.True(Change(made, SecurityOperation.SetPassphrase, s_secret, s_other).Succeeded);
            Assert.True(Change(made, SecurityOperation.SetPassphrase, s_other, s_secret).Succeeded);
            made.PowerCut(1);
        }

        using VirtualPlatform again = VirtualPlatform.Open(_folder);
        IPlatform platform = again.Platform;
        Assert.Equal((DimmSecurityState.Locked, false), (platform.GetSecurity(Dimm).Demand().State, platform.GetDimms()[0].IsEnabled));
        RegionView region = platform.GetRegions()[0];
        Assert.Equal((RegionState.Disabled, true), (region.State, region.Reason.Contains("nmem0 is locked", StringComparison.Ordinal)));
        Assert.Contains("pmem dimm security unlock", region.Remedy, StringComparison.Ordinal);
        Assert.Contains("locked", platform.EnableDimm(Dimm).Message, StringComparison.Ordinal);
        Refuse(PlatformError.SecurityState, "nmem0 is locked", Change(again, SecurityOperation.RemovePassphrase, s_secret));
        Refuse(PlatformError.SecurityState, "nmem0 is locked", Change(again, SecurityOperation.SetPassphrase, s_secret, s_other));
        Assert.Equal(DimmSecurityState.Unlocked, Change(again, SecurityOperation.Unlock, s_secret).Demand().State);
        Assert.Equal("data", Assert.Single(platform.GetRegions()[0].Namespaces).FriendlyName);
        Assert.True(platform.GetDimms()[0].IsEnabled);
        Refuse(PlatformError.SecurityState, "not locked", Change(again, SecurityOperation.Unlock, s_secret));
        Assert.Equal(DimmSecurityState.Disabled, Change(again, SecurityOperation.RemovePassphrase, s_secret).Demand().State);
        Refuse(PlatformError.SecurityState, "no passphrase", Change(again, SecurityOperation.RemovePassphrase, s_secret));
        Refuse(PlatformError.SecurityState, "no passphrase", Change(again, SecurityOperation.Freeze));
    }

    [Fact]
    public void Frozen_and_exhausted_DIMMs_say_so_until_the_power_is_cut()
    {
        using (VirtualPlatform made = Make())
        {
            Change(made, SecurityOperation.SetPassphrase, next: s_secret).Demand();
            Assert.True(Change(made, SecurityOperation.Freeze).Demand().IsFrozen);
            Refuse(PlatformError.SecurityState, "frozen", Change(made, SecurityOperation.RemovePassphrase, s_secret));
            made.PowerCut(1);
        }

        using (VirtualPlatform made = VirtualPlatform.Open(_folder))
        {
            for (int i = 0; i < 3; i++)
                Assert.Equal(PlatformError.WrongPassphrase, Change(made, SecurityOperation.Unlock, s_other).Error);
            Refuse(PlatformError.SecurityState, "three wrong ones", Change(made, SecurityOperation.Unlock, s_secret));
            Assert.True(made.Platform.GetSecurity(Dimm).Demand() is { IsFrozen: true, IsExhausted: true });
            made.PowerCut(1);
        }

        using VirtualPlatform again = VirtualPlatform.Open(_folder);
        Assert.True(Change(again, SecurityOperation.Unlock, s_secret).Succeeded);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Content_is_erased_only_when_nothing_uses_the_DIMM(bool master)
    {
        using VirtualPlatform made = Make();
        made.Platform.CreateNamespace(new NamespaceRequest { Mode = Platform.InfoBlocks.NamespaceMode.Raw, Size = 16 * MiB, Name = "data" }).Demand();
        using (PersistentMap map = made.OpenNamespace("namespace0.0"))
            map.Fill(0, 0xaa, MiB);
        Change(made, SecurityOperation.SetPassphrase, next: s_secret).Demand();
        Refuse(PlatformError.SecurityState, "no master passphrase", Disabled(made, () => made.Platform.ChangeSecurity(Dimm, new SecurityRequest(SecurityOperation.Erase) { IsMaster = true, Current = s_other })));
        Assert.True(made.Platform.ChangeSecurity(Dimm, new SecurityRequest(SecurityOperation.SetPassphrase) { Next = s_other, IsMaster = true }).Demand().HasMasterPassphrase);
        var request = new SecurityRequest(SecurityOperation.Erase) { Current = master ? s_other : s_secret, IsMaster = master };
        Refuse(PlatformError.InUse, "region0 is enabled", made.Platform.ChangeSecurity(Dimm, request));
        Assert.Equal(DimmSecurityState.Disabled, Disabled(made, () => made.Platform.ChangeSecurity(Dimm, request)).Demand().State);
        NamespaceView left = Assert.Single(made.Platform.GetRegions()[0].Namespaces);
        Assert.Equal("data", left.FriendlyName);
        using PersistentMap after = made.OpenNamespace(left.Name);
        Assert.Equal(-1, after.GetSpan(0, MiB).IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void An_overwrite_goes_on_by_the_clock_and_closes_the_DIMM_meanwhile()
    {
        var clock = new ManualClock();
        using (VirtualPlatform made = VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Capacity = 64 * MiB, ScrubBytesPerSecond = MiB }))
        {
            made.Clock = clock;
            made.Platform.CreateNamespace(new NamespaceRequest { Size = 16 * MiB }).Demand();
            Assert.Equal(DimmSecurityState.Overwrite, Disabled(made, () => Change(made, SecurityOperation.Overwrite)).Demand().State);
            Refuse(PlatformError.CannotEnable, "being overwritten", made.Platform.EnableRegion("region0"));
            Refuse(PlatformError.SecurityState, "being overwritten", Change(made, SecurityOperation.SetPassphrase, next: s_secret));
            Assert.Equal(64, made.Execute<SecurityStateOutput>(0, DsmFamilies.Intel, 19).State);
            Assert.Equal(1, made.Execute<DsmStatus>(0, DsmFamilies.Intel, 26).ExtendedStatus);
            clock.Pass(TimeSpan.FromSeconds(32));
            Assert.InRange(made.Platform.GetSecurity(Dimm).Demand().OverwriteProgress!.Value, 0.45, 0.55);
            clock.Pass(TimeSpan.FromSeconds(40));
            var looks = new List<DimmSecurityState>();
            Assert.Equal(DimmSecurityState.Disabled, made.Platform.WaitOverwrite(Dimm, TimeSpan.Zero, new Looks(looks), TestContext.Current.CancellationToken).Demand().State);
            Assert.Equal([DimmSecurityState.Disabled], looks);
            Assert.Equal(0, made.Execute<DsmStatus>(0, DsmFamilies.Intel, 26).Status);
            Assert.Equal(RegionState.LabelLess, made.Platform.EnableRegion("region0").Demand().State);
        }
    }

    [Fact]
    public void What_a_guest_wrote_is_never_shut_in_by_a_lock()
    {
        using (VirtualPlatform made = Make())
        {
            Change(made, SecurityOperation.SetPassphrase, next: s_secret).Demand();
            GuestMemory memory = made.ExportGuest(cancellation: TestContext.Current.CancellationToken);
            using (PersistentMap map = PersistentMap.Open(memory.Path))
                map.Fill(0, 0xaa, MiB);
            Assert.Throws<PmemException>(() => made.PowerCut(1));
            made.ImportGuest(cancellation: TestContext.Current.CancellationToken);
            made.PowerCut(1);
        }

        using VirtualPlatform again = VirtualPlatform.Open(_folder);
        Change(again, SecurityOperation.Unlock, s_secret).Demand();
        byte[] head = new byte[MiB];
        using FileStream file = File.OpenRead(Path.Combine(_folder, "dimm-0.img"));
        file.ReadExactly(head);
        Assert.Equal(-1, head.AsSpan().IndexOfAnyExcept((byte)0xaa));
    }

    [Fact]
    public void Firmware_is_sent_armed_and_activated()
    {
        using VirtualPlatform made = Make();
        IPlatform platform = made.Platform;
        Assert.Equal(FirmwareActivationState.Idle, platform.GetFirmwareActivation().Demand().State);
        Refuse(PlatformError.CannotEnable, "no firmware waits", platform.ArmFirmware(Dimm, arm: true));
        Refuse(PlatformError.NotFound, "no DIMM is armed", platform.ActivateFirmware());
        var sent = new List<double>();
        DimmFirmware firmware = platform.UpdateFirmware(Dimm, FirmwareImage.Create(0x2_0001, 16 << 10), new FirmwareUpdateOptions { Progress = new Parts(sent) }).Demand();
        Assert.Equal(("1.0", "2.1", "armed", 0x2_0001UL), (firmware.CurrentVersion, firmware.NextVersion, firmware.ActivateState, firmware.NextRevision));
        Assert.Equal([0.25, 0.5, 0.75, 1], sent);
        Assert.Equal("idle", platform.ArmFirmware(Dimm, arm: false).Demand().ActivateState);
        Assert.Equal("armed", platform.ArmFirmware(Dimm, arm: true).Demand().ActivateState);
        made.Platform.CreateNamespace(new NamespaceRequest { Mode = Platform.InfoBlocks.NamespaceMode.Raw, Size = 16 * MiB }).Demand();
        using (made.OpenNamespace("namespace0.0"))
        {
            Refuse(PlatformError.InUse, "in use", platform.ActivateFirmware());
            Assert.Equal(FirmwareActivationState.Idle, platform.ActivateFirmware(force: true).Demand().State);
        }

        Assert.Equal(("2.1", null), (made.Dimms[0].FirmwareVersion, made.Dimms[0].StagedFirmware));
    }

    [Fact]
    public void Bad_images_busy_modules_and_scrubs_are_told_apart()
    {
        using VirtualPlatform made = Make();
        byte[] image = FirmwareImage.Create(0x2_0001);
        image[100] ^= 1;
        Refuse(PlatformError.BadValue, "rejected", made.Platform.UpdateFirmware(Dimm, image));
        Refuse(PlatformError.BadValue, "empty", made.Platform.UpdateFirmware(Dimm, Array.Empty<byte>()));
        Refuse(PlatformError.NoSpace, "at most", made.Platform.UpdateFirmware(Dimm, new byte[FirmwareImage.MaximumSize + 1]));
        image[100] ^= 1;
        made.Execute(0, DsmFamilies.Intel, 13);
        Refuse(PlatformError.Busy, "another update", made.Platform.UpdateFirmware(Dimm, image));
        Assert.Equal("2.1", made.Platform.UpdateFirmware(Dimm, image, new FirmwareUpdateOptions { Force = true, Arm = false }).Demand().NextVersion);
        made.Clock = new ManualClock();
        made.Platform.StartScrub().Demand();
        Refuse(PlatformError.Busy, "scrub", made.Platform.UpdateFirmware(Dimm, image));
        made.Inject(0, dimm => dimm with { Family = ModuleFamily.Microsoft });
        Refuse(PlatformError.NotSupported, "no functions", made.Platform.UpdateFirmware(Dimm, image, new FirmwareUpdateOptions { Force = true }));
        Assert.Equal(PlatformError.NotSupported, made.Platform.GetSecurity(Dimm).Error);
        Assert.Equal(PlatformError.NotSupported, made.Platform.GetFirmwareActivation().Error);
    }

    [Fact]
    public void An_update_that_is_given_up_or_killed_at_any_step_leaves_the_old_version_or_the_new_and_can_be_done_again()
    {
        byte[] image = FirmwareImage.Create(0x2_0001, 16 << 10);
        using (VirtualPlatform made = Make())
        {
            using var end = new CancellationTokenSource();
            Assert.Throws<OperationCanceledException>(() => made.Platform.UpdateFirmware(Dimm, image, new FirmwareUpdateOptions { Progress = new Ending(end), Cancellation = end.Token }));
            Assert.Null(made.Dimms[0].StagedFirmware);
        }

        // Start, four pieces, end, arming, activation: whatever is killed behind a step finds the folder as it was then.
        for (int step = 0; step <= 8; step++)
        {
            string copy = $"{_folder}-{step}";
            try
            {
                CopyFolder(_folder, copy);
                using (VirtualPlatform killed = VirtualPlatform.Open(copy))
                    Steps(killed, image, step);
                CopyFolder(copy, $"{copy}-after");
                using VirtualPlatform again = VirtualPlatform.Open($"{copy}-after");
                Assert.Equal((step > 7 ? "2.1" : "1.0", step is > 5 and <= 7 ? "2.1" : null), (again.Dimms[0].FirmwareVersion, again.Dimms[0].StagedFirmware));
                again.Platform.UpdateFirmware(Dimm, image).Demand();
                again.Platform.ActivateFirmware().Demand();
                Assert.Equal("2.1", again.Dimms[0].FirmwareVersion);
            }
            finally
            {
                foreach (string folder in (string[])[copy, $"{copy}-after"])
                {
                    if (Directory.Exists(folder))
                        Directory.Delete(folder, recursive: true);
                }
            }
        }
    }

    [Fact]
    public void Passphrases_are_32_bytes_and_never_text()
    {
        Assert.Equal("passphrase", s_secret.ToString());
        Assert.Equal((32, (byte)'o'), (s_secret.ToBytes().Length, s_secret.ToBytes()[0]));
        Assert.Throws<PmemException>(() => Passphrase.FromBytes(new byte[32]));
        Assert.Throws<PmemException>(() => Passphrase.FromText(string.Empty));
        Assert.Throws<PmemException>(() => Passphrase.FromBytes(Enumerable.Repeat((byte)1, 33).ToArray()));
        Assert.DoesNotContain("sesame", new SecurityRequest(SecurityOperation.Unlock) { Current = s_secret }.ToString(), StringComparison.Ordinal);
    }

    private static void Steps(VirtualPlatform platform, byte[] image, int count)
    {
        uint context = 0;
        for (int step = 1; step <= count; step++)
        {
            switch (step)
            {
                case 1:
                    context = platform.Execute<DsmNumberOutput>(0, DsmFamilies.Intel, 13).Value;
                    break;
                case <= 5:
                    int at = (step - 2) * 4096;
                    platform.Execute<DsmStatus>(0, DsmFamilies.Intel, 14, new FirmwareDataInput { Context = context, Offset = (uint)at, Data = image[at..(at + 4096)] });
                    break;
                case 6:
                    platform.Execute<DsmStatus>(0, DsmFamilies.Intel, 15, new FirmwareFinishInput { Context = context });
                    break;
                case 7:
                    platform.Execute<DsmStatus>(0, DsmFamilies.Intel, 30, new DsmByteInput { Value = 1 });
                    break;
                default:
                    platform.ActivateFirmware();
                    break;
            }
        }
    }

    private static void CopyFolder(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.GetFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }

    private static PlatformResult<DimmSecurity> Change(VirtualPlatform platform, SecurityOperation operation, Passphrase? current = null, Passphrase? next = null) =>
        platform.Platform.ChangeSecurity(Dimm, new SecurityRequest(operation) { Current = current, Next = next });

    private static PlatformResult<DimmSecurity> Disabled(VirtualPlatform platform, Func<PlatformResult<DimmSecurity>> act)
    {
        platform.Platform.DisableRegion("region0").Demand();
        PlatformResult<DimmSecurity> result = act();
        platform.Platform.EnableRegion("region0");
        return result;
    }

    private static void Refuse<T>(PlatformError error, string words, PlatformResult<T> result)
        where T : class
    {
        Assert.Equal(error, result.Error);
        Assert.Contains(words, result.Message, StringComparison.Ordinal);
        Assert.NotEmpty(result.Remedy);
    }

    private VirtualPlatform Make() => VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Capacity = 64 * MiB });

    private sealed class Looks(List<DimmSecurityState> seen) : IProgress<DimmSecurity>
    {
        public void Report(DimmSecurity value) => seen.Add(value.State);
    }

    private sealed class Parts(List<double> seen) : IProgress<double>
    {
        public void Report(double value) => seen.Add(value);
    }

    private sealed class Ending(CancellationTokenSource end) : IProgress<double>
    {
        public void Report(double value) => end.Cancel();
    }
}
