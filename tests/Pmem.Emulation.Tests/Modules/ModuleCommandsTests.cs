using Pmem.Emulation.Modules;
using Pmem.Platform.Dsm;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Emulation.Tests.Modules;

/// <summary>Commands to modules: bytes in, bytes out, and what is left of them when power goes.</summary>
public sealed class ModuleCommandsTests : IDisposable
{
    private const int MiB = 1 << 20;
    private static readonly byte[] s_secret = [.. Enumerable.Repeat((byte)7, 32)];
    private static readonly byte[] s_other = [.. Enumerable.Repeat((byte)9, 32)];
    private readonly string _folder = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-modules-{Guid.NewGuid():n}");

    public void Dispose()
    {
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void A_passphrase_locks_media_and_labels_after_a_power_cycle()
    {
        using (VirtualPlatform made = Make())
        {
            made.Platform.CreateNamespace(new NamespaceRequest { Size = 16 << 20, Name = "data" }).Demand();
            Assert.Equal(0, made.Execute<SecurityStateOutput>(0, DsmFamilies.Intel, 19).State);
            Assert.Equal(IntelStatus.Success, Set(made, new byte[32], s_secret));
            Assert.Equal(2, made.Execute<SecurityStateOutput>(0, DsmFamilies.Intel, 19).State);
            Assert.Single(made.Platform.GetRegions()[0].Namespaces);
            made.PowerCut(1);
        }

        using VirtualPlatform again = VirtualPlatform.Open(_folder);
        Assert.Equal(6, again.Execute<SecurityStateOutput>(0, DsmFamilies.Intel, 19).State);
        Assert.Empty(again.Platform.GetRegions()[0].Namespaces);
        Assert.Throws<PmemException>(() => again.OpenNamespace("namespace0.0"));
        Assert.Equal(LabelSizeOutput.Locked, again.Execute<LabelSizeOutput>(0, DsmFamilies.Intel, 4).ExtendedStatus);
        Assert.Equal(IntelStatus.InvalidSecurityState, Status(again, 5, new LabelReadInput { Length = 16 }));
        Assert.Equal(IntelStatus.InvalidPassphrase, With(again, 22, s_other));
        Assert.Equal(IntelStatus.InvalidSecurityState, With(again, 21, s_secret));
        Assert.Equal(DimmSecurityState.Locked, again.Platform.GetDimms()[0].Details.Security!.State);
        Assert.Equal(IntelStatus.Success, With(again, 22, s_secret));
        Assert.Equal(DimmSecurityState.Unlocked, again.Platform.GetDimms()[0].Details.Security!.State);
        Assert.Equal("data", Assert.Single(again.Platform.GetRegions()[0].Namespaces).FriendlyName);
        Assert.Equal(IntelStatus.Success, With(again, 21, s_secret));
        Assert.Equal(DimmSecurityState.Disabled, again.Platform.GetDimms()[0].Details.Security!.State);
    }

    [Fact]
    public void Frozen_security_and_expired_passphrases_wait_for_a_power_cycle()
    {
        using (VirtualPlatform made = Make())
        {
            Assert.Equal(IntelStatus.InvalidSecurityState, Status(made, 23));
            Set(made, s_other, s_secret);
            Assert.Equal(IntelStatus.Success, Status(made, 23));
            Assert.Equal(IntelStatus.InvalidSecurityState, With(made, 21, s_secret));
            Assert.Equal(IntelStatus.InvalidSecurityState, With(made, 24, s_secret));
            Assert.Equal(IntelStatus.InvalidSecurityState, Set(made, s_secret, s_other));
            Assert.True(made.Platform.GetDimms()[0].Details.Security!.IsFrozen);
            made.PowerCut(1);
        }

        using (VirtualPlatform made = VirtualPlatform.Open(_folder))
        {
            for (int i = 0; i < 3; i++)
                Assert.Equal(IntelStatus.InvalidPassphrase, With(made, 22, s_other));
            Assert.Equal(IntelStatus.InvalidSecurityState, With(made, 22, s_secret));
            Assert.Equal(2 + 4 + 16, made.Execute<SecurityStateOutput>(0, DsmFamilies.Intel, 19).State);
            made.PowerCut(1);
        }

        using VirtualPlatform again = VirtualPlatform.Open(_folder);
        Assert.Equal(IntelStatus.Success, With(again, 22, s_secret));
    }

    [Fact]
    public void A_module_without_passphrase_is_never_locked()
    {
        Make().Dispose();
        for (int i = 0; i < 3; i++)
        {
            using VirtualPlatform made = VirtualPlatform.Open(_folder);
            Assert.Equal(0, made.Execute<SecurityStateOutput>(0, DsmFamilies.Intel, 19).State);
            Assert.Equal(RegionState.Enabled, made.Platform.GetRegions()[0].State);
            made.PowerCut(i);
        }
    }

    [Theory]
    [InlineData(24, true)]
    [InlineData(25, false)]
    [InlineData(28, true)]
    public void Erasing_takes_content_and_passphrase_and_only_an_overwrite_the_labels(int function, bool labelsStay)
    {
        using VirtualPlatform made = Make();
        made.Platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceModeRaw, Size = 16 << 20, Name = "data" }).Demand();
        using (PersistentMap map = made.OpenNamespace("namespace0.0"))
        {
            map.Fill(0, 0xaa, MiB);
            Set(made, new byte[32], s_secret);
            Execute(made, 27, new SetPassphraseInput { New = s_other });
            Assert.Equal(IntelStatus.NotReady, With(made, function, s_secret));
        }

        made.InjectPoison(0, 0, 256);
        Assert.Equal(IntelStatus.InvalidPassphrase, With(made, function, new byte[32]));
        Assert.Equal(IntelStatus.Success, With(made, function, function == 28 ? s_other : s_secret));
        made.Platform.WaitOverwrite("nmem0", TimeSpan.FromMilliseconds(5), cancellation: TestContext.Current.CancellationToken).Demand();
        Assert.Equal(function == 25 ? IntelStatus.Success : IntelStatus.FunctionSpecific, Status(made, 26));
        Assert.Equal(0, made.Execute<SecurityStateOutput>(0, DsmFamilies.Intel, 19).State);
        Assert.Empty(made.Dimms[0].Poison);
        Assert.Equal(-1, File.ReadAllBytes(Path.Combine(_folder, "dimm-0.img")).AsSpan(0, 64 * MiB).IndexOfAnyExcept((byte)0));
        Assert.Equal(labelsStay ? 1 : 0, made.Platform.GetRegions()[0].Namespaces.Count(space => space.FriendlyName == "data"));
    }

    [Fact]
    public void An_erasure_that_a_crash_interrupted_is_finished_at_the_next_opening()
    {
        using (VirtualPlatform made = Make())
        {
            // The intention is saved, and then nothing more happens.
            made.Inject(0, dimm => dimm with { PendingErase = ModuleErase.Media });
            using PersistentMap map = PersistentMap.Open(Path.Combine(_folder, "dimm-0.img"));
            map.Fill(5 * MiB, 0xaa, MiB);
        }

        using VirtualPlatform again = VirtualPlatform.Open(_folder);
        Assert.Equal(ModuleErase.None, again.Dimms[0].PendingErase);
        Assert.Equal(-1, File.ReadAllBytes(Path.Combine(_folder, "dimm-0.img")).AsSpan(0, 64 * MiB).IndexOfAnyExcept((byte)0));
        Assert.Equal(RegionState.Enabled, again.Platform.GetRegions()[0].State);
    }

    [Fact]
    public void Firmware_that_was_sent_runs_after_a_power_cycle_or_an_activation()
    {
        byte[] image = FirmwareImage.Create(0x1_0002_0003);
        using (VirtualPlatform made = Make())
        {
            FirmwareInfoOutput info = made.Execute<FirmwareInfoOutput>(0, DsmFamilies.Intel, 12);
            Assert.Equal((0x1_0000UL, 0UL), (info.RunningVersion, info.UpdatedVersion));
            uint context = Send(made, image);
            Assert.Equal(IntelStatus.Success, Status(made, 15, new FirmwareFinishInput { Context = context }));
            Assert.Equal(0x1_0002_0003UL, Execute<FirmwareQueryOutput>(made, 16, new FirmwareQueryInput { Context = context }).Revision);
            info = made.Execute<FirmwareInfoOutput>(0, DsmFamilies.Intel, 12);
            Assert.Equal((0x1_0000UL, 0x1_0002_0003UL), (info.RunningVersion, info.UpdatedVersion));
            Assert.Equal("1.2.3", made.Platform.GetDimms()[0].Details.Firmware!.NextVersion);
            made.PowerCut(1);
        }

        using VirtualPlatform again = VirtualPlatform.Open(_folder);
        Assert.Equal("1.2.3", again.Dimms[0].FirmwareVersion);
        Assert.Equal(IntelStatus.FunctionSpecific, Status(again, 30, new DsmByteInput { Value = 1 }));
        Assert.Empty(again.ActivateFirmware());
        uint second = Send(again, FirmwareImage.Create(0x2_0000));
        Status(again, 15, new FirmwareFinishInput { Context = second });
        Assert.Equal(IntelStatus.Success, Status(again, 30, new DsmByteInput { Value = 1 }));
        Assert.Equal([0], again.ActivateFirmware());
        Assert.Equal("2.0", again.Dimms[0].FirmwareVersion);
        Assert.Equal(2, again.Execute<FirmwareActivationOutput>(0, DsmFamilies.Intel, 29).Result);
    }

    [Fact]
    public void Updates_out_of_order_bad_images_and_aborted_ones_change_nothing()
    {
        using VirtualPlatform made = Make();
        Assert.Equal(IntelStatus.InvalidInput, Status(made, 14, new FirmwareDataInput { Context = 1, Data = [1] }));
        Assert.Equal(IntelStatus.InvalidInput, Status(made, 15, new FirmwareFinishInput { Context = 0 }));
        byte[] image = FirmwareImage.Create(0x3_0000);
        image[100] ^= 1;
        uint context = Send(made, image);
        Assert.Equal(3, Execute<DsmStatus>(made, 15, new FirmwareFinishInput { Context = context }).ExtendedStatus);
        Assert.Equal(3, Execute<FirmwareQueryOutput>(made, 16, new FirmwareQueryInput { Context = context }).ExtendedStatus);
        context = Send(made, FirmwareImage.Create(0x3_0000));
        Assert.Equal(1, Execute<DsmNumberOutput>(made, 13, null).ExtendedStatus);
        Assert.Equal(IntelStatus.InvalidInput, Status(made, 14, new FirmwareDataInput { Context = context, Offset = 9000, Data = [1] }));
        Assert.Equal(4, Execute<DsmStatus>(made, 15, new FirmwareFinishInput { Context = context, Flags = 1 }).ExtendedStatus);
        Assert.Null(made.Dimms[0].StagedFirmware);
    }

    [Fact]
    public void Labels_health_and_log_go_through_commands()
    {
        using (VirtualPlatform made = Make())
        {
            LabelSizeOutput size = made.Execute<LabelSizeOutput>(0, DsmFamilies.Intel, 4);
            Assert.Equal((128u << 10, 4096u), (size.Size, size.MaximumTransfer));
            byte[] area = new byte[size.Size];
            for (uint at = 0; at < size.Size; at += 4096)
                Execute<LabelReadOutput>(made, 5, new LabelReadInput { Offset = at, Length = 4096 }).Data.CopyTo(area, at);
            Assert.Equal(LabelFormat.Efi12, LabelArea.Parse(area).Format);
            Assert.Equal(IntelStatus.InvalidInput, Status(made, 6, new LabelWriteInput { Offset = size.Size - 1, Data = [1, 2] }));
            Assert.Equal(IntelStatus.Success, Status(made, 6, new LabelWriteInput { Data = new byte[4096] }));
            Assert.Equal(IntelStatus.Success, Status(made, 18, new IntelInjectInput { Which = 2, EnableSpares = 1, Spares = 3 }));
            Assert.Equal(3, made.Execute<IntelSmartOutput>(0, DsmFamilies.Intel, 1).SparesPercentage);
            Assert.Equal(IntelStatus.Success, Status(made, 17, new IntelSetThresholdsInput { AlarmControl = 7, SparesThreshold = 2, MediaTemperatureThreshold = 16 * 60, ControllerTemperatureThreshold = 16 * 70 }));
            Assert.Equal(2, made.Execute<IntelThresholdsOutput>(0, DsmFamilies.Intel, 2).SparesThreshold);
            Assert.Equal(DsmFunction.All.Count(function => function.Family == DsmFamilies.Intel), DsmFunction.FromBitmap(made.Execute(0, DsmFamilies.Intel, 0)).Count);
            Assert.Equal([0], made.Execute(0, DsmFamilies.Microsoft, 1));
            Assert.NotEmpty(made.Execute<CommandEffectLogOutput>(0, DsmFamilies.Intel, 8).Commands);
        }

        using VirtualPlatform again = VirtualPlatform.Open(_folder);
        Assert.Equal(16, again.Dimms[0].CommandLog.Count);
        Assert.Equal("intel 8 00000000", again.Dimms[0].CommandLog[^1]);
        Assert.Equal(60, again.Dimms[0].MediaTemperatureThreshold);
    }

    [Fact]
    public void A_platform_opens_again_whatever_temperature_a_command_gave()
    {
        using (VirtualPlatform made = Make())
        {
            Assert.Equal(IntelStatus.Success, Status(made, 17, new IntelSetThresholdsInput { MediaTemperatureThreshold = 0x7fff, ControllerTemperatureThreshold = 0xffff }));
            Assert.Equal(IntelStatus.Success, Status(made, 18, new IntelInjectInput { Which = 1, EnableMediaTemperature = 1, MediaTemperature = 0xffff }));
        }

        using VirtualPlatform again = VirtualPlatform.Open(_folder);
        Assert.Equal((0x7fff / 16.0, -0x7fff / 16.0), (again.Dimms[0].MediaTemperatureThreshold, again.Dimms[0].ControllerTemperatureThreshold));
        again.Inject(0, dimm => dimm with { Spares = 50 });
        Assert.Throws<PmemException>(() => again.Inject(0, dimm => dimm with { MediaTemperature = -274 }));
    }

    [Fact]
    public void Modules_of_other_families_answer_in_theirs()
    {
        using VirtualPlatform made = Make();
        made.Inject(0, dimm => dimm with { Family = ModuleFamily.Microsoft, MediaTemperature = 41, LifeUsed = 30 });
        MicrosoftHealthOutput microsoft = made.Execute<MicrosoftHealthOutput>(0, DsmFamilies.Microsoft, 11);
        Assert.Equal((41, 70), (microsoft.Temperature, microsoft.LifetimePercentage));
        made.Inject(0, dimm => dimm with { Family = ModuleFamily.Hpe1 });
        Assert.Equal(30, Execute<HpeSmartOutput>(made, 1, new HpeSmartInput { Valid = 0x3ff }, DsmFamilies.Hpe1).Life);
        Assert.Equal(0xfe, made.Execute<HpeInjectCapabilityOutput>(0, DsmFamilies.Hpe1, 18).Errors[0]);
        Execute<DsmStatus>(made, 19, new HpeInjectInput { Type = 5, Options = 1 }, DsmFamilies.Hpe1);
        HpeInjectStatusOutput injected = made.Execute<HpeInjectStatusOutput>(0, DsmFamilies.Hpe1, 20);
        Assert.Equal((1, 5, 1), (injected.State, injected.Type, injected.Options));
        made.Inject(0, dimm => dimm with { Family = ModuleFamily.HyperV, IsFatal = true, DirtyShutdowns = 4 });
        Assert.Equal(4u, made.Execute<HyperVHealthOutput>(0, DsmFamilies.HyperV, 1).Health);
        Assert.Equal(4u, made.Execute<HyperVShutdownOutput>(0, DsmFamilies.HyperV, 2).UnsafeShutdowns);
    }

    [Theory]
    [InlineData(28, 100, 0, false, false)]
    [InlineData(-5.25, 40, 10, false, true)]
    [InlineData(90, 0, 100, false, false)]
    [InlineData(20, 100, 0, true, true)]
    public void Health_that_is_read_from_a_module_of_any_family_is_what_it_is_as_far_as_the_family_tells(double degrees, int spares, int lifeUsed, bool fatal, bool dirty)
    {
        using VirtualPlatform made = Make();
        made.Inject(0, dimm => dimm with { MediaTemperature = degrees, Spares = spares, LifeUsed = lifeUsed, IsFatal = fatal, LastShutdownWasDirty = dirty, DirtyShutdowns = dirty ? 1 : 0, SparesThreshold = 45 });
        DimmHealth its = made.Dimms[0].GetHealth();
        Assert.Equal(its, HealthReading.FromIntel(made.Execute<IntelSmartOutput>(0, DsmFamilies.Intel, 1), made.Execute<IntelThresholdsOutput>(0, DsmFamilies.Intel, 2)));

        made.Inject(0, dimm => dimm with { Family = ModuleFamily.Hpe1 });
        DimmHealth hpe = HealthReading.FromHpe(Execute<HpeSmartOutput>(made, 1, new HpeSmartInput { Valid = uint.MaxValue }, DsmFamilies.Hpe1), made.Execute<HpeThresholdsOutput>(0, DsmFamilies.Hpe1, 2));
        Assert.Equal(its with { ControllerTemperature = null, ControllerTemperatureAlarm = null, ShutdownCount = null, Thresholds = null }, hpe with { Thresholds = null });
        Assert.Equal((its.Thresholds!.Spares, its.Thresholds.MediaTemperature), (hpe.Thresholds!.Spares, hpe.Thresholds.MediaTemperature));
        Assert.Equal(new DimmHealth { State = HealthState.Unknown }, HealthReading.FromHpe(Execute<HpeSmartOutput>(made, 1, new HpeSmartInput(), DsmFamilies.Hpe1), null));

        made.Inject(0, dimm => dimm with { Family = ModuleFamily.Microsoft });
        Assert.Equal(its.State, HealthReading.FromMicrosoft(made.Execute<MicrosoftHealthOutput>(0, DsmFamilies.Microsoft, 11)).State);
        made.Inject(0, dimm => dimm with { Family = ModuleFamily.HyperV });
        DimmHealth virtualModule = HealthReading.FromHyperV(made.Execute<HyperVHealthOutput>(0, DsmFamilies.HyperV, 1), made.Execute<HyperVShutdownOutput>(0, DsmFamilies.HyperV, 2));
        Assert.Equal((its.State, its.ShutdownCount), (virtualModule.State, virtualModule.ShutdownCount));
    }

    [Fact]
    public void Every_mutant_of_a_command_is_answered()
    {
        const int Seed = 81;
        const int Mutants = 100_000;
        var random = new Random(Seed);
        byte[][] samples = [.. DsmFunction.All.Select(function => function.Input().ToBytes()), new FirmwareDataInput { Context = 1, Data = new byte[64] }.ToBytes(), new LabelWriteInput { Data = [1, 2] }.ToBytes()];
        DsmFunction[] functions = [.. DsmFunction.All];
        var update = new FirmwareUpdate();
        var labels = new Labels();
        int succeeded = 0;
        foreach (ModuleFamily family in Enum.GetValues<ModuleFamily>())
        {
            var module = new VirtualDimm { File = "a", Handle = 1, SerialNumber = 1, Capacity = MiB, LabelSize = labels.Size, Family = family };
            for (int i = 0; i < Mutants / 4; i++)
            {
                int which = random.Next(functions.Length);
                byte[] payload = [.. samples[random.Next(3) == 0 ? random.Next(samples.Length) : which]];
                for (int n = random.Next(4); n > 0 && payload.Length > 0; n--)
                    payload[random.Next(payload.Length)] = (byte)(random.Next(2) == 0 ? random.Next(256) : random.Next(3));
                if (random.Next(8) == 0)
                    payload = payload[..random.Next(payload.Length + 1)];
                int number = random.Next(10) == 0 ? random.Next(-2, 70) : functions[which].Number;
                Guid guid = random.Next(20) == 0 ? functions[which].Family : FamilyOf(family);
                var commands = new ModuleCommands(module, random.Next(10) == 0 ? null : labels, update, random.Next(10) == 0);
                try
                {
                    byte[] answer = commands.Execute(guid, number, payload);
                    Assert.NotEmpty(answer);
                    if (number != 0 && guid == FamilyOf(family))
                        succeeded += DsmFunction.Find(guid, number).ReadOutput(answer) is DsmOutput { Status: 0 } ? 1 : 0;
                    module = random.Next(50) == 0 ? commands.Module with { Security = commands.Module.Security.AfterPowerCycle() } : commands.Module;
                    Assert.InRange(module.GetHealth().Spares!.Value, 0, 100);
                    Assert.InRange(module.CommandLog.Count, 0, 16);
                }
                catch (Exception e) when (e is not Xunit.Sdk.XunitException)
                {
                    Assert.Fail($"seed {Seed}, {family} mutant {i}, function {number}: {e}");
                }
            }
        }

        Assert.InRange(succeeded, Mutants / 50, Mutants);
    }

    private const Platform.InfoBlocks.NamespaceMode NamespaceModeRaw = Platform.InfoBlocks.NamespaceMode.Raw;

    private static Guid FamilyOf(ModuleFamily family) => family switch { ModuleFamily.Hpe1 => DsmFamilies.Hpe1, ModuleFamily.Microsoft => DsmFamilies.Microsoft, ModuleFamily.HyperV => DsmFamilies.HyperV, _ => DsmFamilies.Intel };

    private static IntelStatus Set(VirtualPlatform platform, byte[] old, byte[] next) => Execute(platform, 20, new SetPassphraseInput { Old = old, New = next });

    private static IntelStatus With(VirtualPlatform platform, int function, byte[] passphrase) => Execute(platform, function, new PassphraseInput { Passphrase = passphrase });

    private static IntelStatus Status(VirtualPlatform platform, int function, DsmPayload? input = null) => Execute(platform, function, input);

    private static IntelStatus Execute(VirtualPlatform platform, int function, DsmPayload? input) =>
        (IntelStatus)BitConverter.ToUInt16(platform.Execute(0, DsmFamilies.Intel, function, input?.ToBytes() ?? []));

    private static T Execute<T>(VirtualPlatform platform, int function, DsmPayload? input, Guid? family = null)
        where T : DsmPayload, new() => platform.Execute<T>(0, family ?? DsmFamilies.Intel, function, input);

    private static uint Send(VirtualPlatform platform, byte[] image)
    {
        uint context = Execute<DsmNumberOutput>(platform, 13, null).Value;
        for (int at = 0; at < image.Length; at += 1024)
            Assert.Equal(IntelStatus.Success, Status(platform, 14, new FirmwareDataInput { Context = context, Offset = (uint)at, Data = image[at..Math.Min(image.Length, at + 1024)] }));
        return context;
    }

    private VirtualPlatform Make() => VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Capacity = 64 * MiB });

    private sealed class Labels : ILabelStorage
    {
        private readonly byte[] _bytes = new byte[128 << 10];

        public int Size => _bytes.Length;

        public void Read(int offset, Span<byte> destination) => _bytes.AsSpan(offset, destination.Length).CopyTo(destination);

        public void Write(int offset, ReadOnlySpan<byte> source) => source.CopyTo(_bytes.AsSpan(offset));
    }
}
