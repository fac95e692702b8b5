using Pmem.Emulation.Guest;
using Pmem.Platform.Dsm;
using Pmem.Platform.Labels;

namespace Pmem.Emulation.Modules;

/// <summary>
/// The firmware of one module, for the time of one command: bytes in, bytes out, and the module after it. Whatever the bytes are, there is an answer. It decides and does
/// not act, but for writes to labels: the platform saves the module, and erases what is to be erased.
/// </summary>
internal sealed partial class ModuleCommands(VirtualDimm module, ILabelStorage? labels, FirmwareUpdate update, bool isInUse, DateTimeOffset now = default)
{
    private const int LogEntries = 16;
    private const uint MaximumTransfer = 4096;

    /// <summary>The module as it is after the command.</summary>
    public VirtualDimm Module { get; private set; } = module;

    /// <summary>What is to be erased.</summary>
    public ModuleErase Erase { get; private set; }

    private static Guid GuidOf(ModuleFamily family) => family switch
    {
        ModuleFamily.Hpe1 => DsmFamilies.Hpe1,
        ModuleFamily.Microsoft => DsmFamilies.Microsoft,
        ModuleFamily.HyperV => DsmFamilies.HyperV,
        _ => DsmFamilies.Intel,
    };

    /// <summary>Runs a command.</summary>
    public byte[] Execute(Guid family, int function, ReadOnlySpan<byte> payload)
    {
        if (family != GuidOf(Module.Family))
            return [0];
        int[] functions = [.. DsmFunction.All.Where(known => known.Family == family).Select(known => known.Number)];
        if (function == 0)
            return DsmFunction.Bitmap(functions);
        DsmOutput output;
        if (!functions.Contains(function))
        {
            output = Status(IntelStatus.NotSupported);
        }
        else
        {
            try
            {
                output = Run(function, DsmFunction.Find(family, function).ReadInput(payload));
            }
            catch (PmemFormatException)
            {
                output = Status(IntelStatus.InvalidInput);
            }
        }

        Module = Module with { CommandLog = [.. Module.CommandLog.TakeLast(LogEntries - 1), $"{Module.Family.ToString().ToLowerInvariant()} {function} {output.Status:x4}{output.ExtendedStatus:x4}"] };
        return output.ToBytes();
    }

    private DsmOutput Run(int function, DsmPayload input) => Module.Family switch
    {
        ModuleFamily.Intel => RunIntel(function, input),
        ModuleFamily.Hpe1 => RunHpe(function, input),
        ModuleFamily.Microsoft => RunMicrosoft(function),
        _ => RunHyperV(function),
    };

    private DsmOutput RunIntel(int function, DsmPayload input) => function switch
    {
        1 => GuestRegisters.Smart(Module.GetHealth()),
        2 => GuestRegisters.Thresholds(Module),
        3 => new DsmNumberOutput(),
        >= 4 and <= 6 => RunLabels(function, input),
        7 => new DsmNumberOutput { Value = (uint)(sizeof(uint) + (s_effects.Length * 2 * sizeof(uint))) },
        8 => new CommandEffectLogOutput { Commands = [.. s_effects.Select(effect => new CommandEffect { Opcode = (uint)effect.Function, Effects = effect.Effects })] },
        10 => Change(Module with { IsShutdownLatched = ((DsmByteInput)input).Value != 0 }),
        11 => new DsmNumberOutput { Value = 1 },
        12 => new FirmwareInfoOutput
        {
            StorageSize = FirmwareImage.MaximumSize,
            MaximumSendLength = FirmwareUpdate.MaximumSend,
            QueryIntervalMicroseconds = 1000,
            MaximumQueryMicroseconds = 100_000,
            UpdateCapability = 1,
            InterfaceVersion = 0x0201,
            RunningVersion = FirmwareImage.ToNumber(Module.FirmwareVersion),
            UpdatedVersion = Module.StagedFirmware is { } staged ? FirmwareImage.ToNumber(staged) : 0,
        },
        13 => update.Start(),
        14 => update.Send((FirmwareDataInput)input),
        15 => FinishUpdate((FirmwareFinishInput)input),
        16 => update.Query((FirmwareQueryInput)input),
        17 => SetThresholds((IntelSetThresholdsInput)input),
        18 => Inject((IntelInjectInput)input),
        >= 19 and <= 28 => RunSecurity(function, input),
        29 => new FirmwareActivationOutput { State = Module.IsActivationArmed ? (byte)1 : (byte)0, Result = (ushort)Module.ActivationResult },
        30 => Arm(((DsmByteInput)input).Value != 0),
        _ => Status(IntelStatus.NotSupported),
    };

    /// <summary>Functions that are more than questions, and what they may do: bit 0 nothing, 1 security, 2 after a reset, 3 at once, 5 data, 8 policy.</summary>
    private static readonly (int Function, uint Effects)[] s_effects =
    [
        (1, 1), (2, 1), (4, 1), (5, 1), (6, 0x20), (10, 0x100), (12, 1), (13, 4), (14, 4), (15, 4), (16, 1), (17, 0x100), (18, 0x108),
        (19, 1), (20, 2), (21, 2), (22, 2), (23, 2), (24, 0x22), (25, 0x22), (26, 1), (27, 2), (28, 0x22), (29, 1), (30, 8),
    ];

    private DsmOutput RunLabels(int function, DsmPayload input)
    {
        if (Module.Security.IsClosed)
            return function == 4 ? new LabelSizeOutput { ExtendedStatus = LabelSizeOutput.Locked, Size = (uint)Module.LabelSize, MaximumTransfer = MaximumTransfer } : Status(IntelStatus.InvalidSecurityState);
        if (labels is null)
            return Status(IntelStatus.NotSupported);
        switch (input)
        {
            case LabelReadInput read when Fits(read.Offset, read.Length):
                byte[] data = new byte[read.Length];
                labels.Read((int)read.Offset, data);
                return new LabelReadOutput { Data = data };
            case LabelWriteInput write when Fits(write.Offset, (uint)write.Data.Length):
                labels.Write((int)write.Offset, write.Data);
                return Status(IntelStatus.Success);
            case LabelReadInput or LabelWriteInput:
                return Status(IntelStatus.InvalidInput);
            default:
                return new LabelSizeOutput { Size = (uint)labels.Size, MaximumTransfer = MaximumTransfer };
        }

        bool Fits(uint offset, uint length) => length <= MaximumTransfer && offset <= labels.Size && length <= labels.Size - offset;
    }

    private DsmStatus FinishUpdate(FirmwareFinishInput input)
    {
        DsmOutput output = update.Finish(input, out ulong? version);
        if (version is { } sent)
            Module = Module with { StagedFirmware = FirmwareImage.ToText(sent), ActivationResult = 0 };
        return (DsmStatus)output;
    }

    private DsmStatus SetThresholds(IntelSetThresholdsInput input) => input.SparesThreshold > 100
        ? Status(IntelStatus.InvalidInput)
        : Change(Module with
        {
            SparesAlarmEnabled = (input.AlarmControl & 1) != 0,
            MediaTemperatureAlarmEnabled = (input.AlarmControl & 2) != 0,
            ControllerTemperatureAlarmEnabled = (input.AlarmControl & 4) != 0,
            SparesThreshold = input.SparesThreshold,
            MediaTemperatureThreshold = IntelTemperature.ToCelsius(input.MediaTemperatureThreshold),
            ControllerTemperatureThreshold = IntelTemperature.ToCelsius(input.ControllerTemperatureThreshold),
        });

    private DsmStatus Inject(IntelInjectInput input)
    {
        if (input.Spares > 100)
            return Status(IntelStatus.InvalidInput);
        PretendedHealth old = Module.Pretended ?? new PretendedHealth(null, null, null, false, false);
        var next = new PretendedHealth(
            (input.Which & 1) == 0 ? old.MediaTemperature : input.EnableMediaTemperature != 0 ? IntelTemperature.ToCelsius(input.MediaTemperature) : null,
            old.ControllerTemperature,
            (input.Which & 2) == 0 ? old.Spares : input.EnableSpares != 0 ? input.Spares : null,
            (input.Which & 4) == 0 ? old.Fatal : input.Fatal != 0,
            (input.Which & 8) == 0 ? old.UnsafeShutdown : input.UnsafeShutdown != 0);
        return Change(Module with { Pretended = next == new PretendedHealth(null, null, null, false, false) ? null : next });
    }

    private DsmStatus Arm(bool arm)
    {
        const ushort NotStaged = 1;
        if (arm && Module.StagedFirmware is null)
        {
            Module = Module with { ActivationResult = NotStaged };
            return Status(IntelStatus.FunctionSpecific, NotStaged);
        }

        return Change(Module with { IsActivationArmed = arm });
    }

    private DsmOutput RunSecurity(int function, DsmPayload input)
    {
        ModuleSecurity security = Module.Security;
        if (function == 19)
            return new SecurityStateOutput { State = security.StateBits, ExtendedState = security.ExtendedBits };
        if (security.OverwriteStarted is not null)
        {
            const ushort Running = 1;
            return function == 26 ? Status(IntelStatus.FunctionSpecific, Running) : Status(IntelStatus.InvalidSecurityState);
        }

        if (function == 26)
        {
            const ushort Sequence = 2;
            return security.WasOverwritten ? Change(Module with { Security = security with { WasOverwritten = false } }) : Status(IntelStatus.FunctionSpecific, Sequence);
        }

        // Content that a program has mapped is not taken from under it.
        if (function is 24 or 25 or 28 && isInUse)
            return Status(IntelStatus.NotReady);
        byte[] passphrase = (input as PassphraseInput)?.Passphrase ?? [];
        (ModuleSecurity after, IntelStatus status) = function switch
        {
            20 when input is SetPassphraseInput set => security.Set(set.Old, set.New),
            21 => security.Disable(passphrase),
            22 => security.Unlock(passphrase),
            23 => security.Freeze(),
            24 => security.Erase(passphrase, overwriteStarted: null),
            25 => security.Erase(passphrase, now),
            27 when input is SetPassphraseInput set => security.SetMaster(set.Old, set.New),
            28 => security.MasterErase(passphrase),
            _ => (security, IntelStatus.NotSupported),
        };
        if (after != security)
            Module = Module with { Security = after };
        if (status == IntelStatus.Success)
            Erase = function switch { 24 or 28 => ModuleErase.Media, 25 => ModuleErase.Everything, _ => ModuleErase.None };
        return Status(status);
    }

    private DsmStatus Change(VirtualDimm after)
    {
        Module = after;
        return Status(IntelStatus.Success);
    }

    private static DsmStatus Status(IntelStatus status, ushort extended = 0) => new() { Status = (ushort)status, ExtendedStatus = extended };
}
