using Pmem.Emulation.Modules;
using Pmem.Platform.Dsm;
using Pmem.Platform.Model;

namespace Pmem.Emulation;

/// <content>
/// Security and firmware of modules for the platform's model: everything goes through <see cref="Execute(int, Guid, int, ReadOnlySpan{byte})"/>, as it would through a kernel,
/// so a crash leaves what a command leaves: all of it or nothing.
/// </content>
public sealed partial class VirtualPlatform
{
    private sealed partial class Hardware
    {
        public PlatformResult<DimmSecurity> ChangeSecurity(int dimm, SecurityRequest request)
        {
            if (platform.DimmOf(dimm).IsLost)
                return GetHealth(dimm).As<DimmSecurity>();
            (int function, DsmPayload? input) = CommandOf(request);
            DsmStatus told = platform.Execute<DsmStatus>(dimm, DsmFamilies.Intel, function, input);
            return (IntelStatus)told.Status switch
            {
                IntelStatus.Success => PlatformResult<DimmSecurity>.Done(SecurityOf(platform.DimmOf(dimm))),
                IntelStatus.InvalidPassphrase => PlatformResult<DimmSecurity>.Refused(
                    PlatformError.WrongPassphrase, $"the {(request.IsMaster ? "master " : string.Empty)}passphrase is not that of nmem{dimm}", "give the right one; after three wrong ones the DIMM takes none before the next power cycle"),
                // Modules say that their state does not let it, and not which state.
                IntelStatus.InvalidSecurityState when request.Judge($"nmem{dimm}", SecurityOf(platform.DimmOf(dimm))) is { Succeeded: false } why => why,
                IntelStatus.NotReady => PlatformResult<DimmSecurity>.Refused(PlatformError.InUse, $"nmem{dimm} is in use: a program has mapped its memory", "close the volume first"),
                IntelStatus other => PlatformResult<DimmSecurity>.Refused(other == IntelStatus.NotSupported ? PlatformError.NotSupported : PlatformError.Failed, $"nmem{dimm} refused function {function} with status {told.Status}, {told.ExtendedStatus}", "take a DIMM of Intel's family"),
            };
        }

        public PlatformResult<DimmFirmware> UpdateFirmware(int dimm, ReadOnlyMemory<byte> image, FirmwareUpdateOptions options)
        {
            if (WhyNoFirmware(dimm) is { } refusal)
                return refusal;
            PlatformResult<FirmwareQueryOutput> sent = IntelFirmwareUpdate.Run($"nmem{dimm}", (function, input, _) => PlatformResult<byte[]>.Done(platform.Execute(dimm, DsmFamilies.Intel, function, input)), image, options);
            return !sent.Succeeded ? sent.As<DimmFirmware>() : options.Arm ? ArmFirmware(dimm, arm: true) : PlatformResult<DimmFirmware>.Done(FirmwareOf(platform.DimmOf(dimm)));
        }

        public PlatformResult<DimmFirmware> ArmFirmware(int dimm, bool arm)
        {
            if (WhyNoFirmware(dimm) is { } refusal)
                return refusal;
            DsmStatus told = platform.Execute<DsmStatus>(dimm, DsmFamilies.Intel, 30, new DsmByteInput { Value = arm ? (byte)1 : (byte)0 });
            return told.Status == 0
                ? PlatformResult<DimmFirmware>.Done(FirmwareOf(platform.DimmOf(dimm)))
                : PlatformResult<DimmFirmware>.Refused(PlatformError.CannotEnable, $"nmem{dimm} cannot be armed: no firmware waits in it to be activated", "send an image first: 'pmem dimm firmware update'");
        }

        public PlatformResult<FirmwareActivation> GetFirmwareActivation() => platform.Dimms.Any(dimm => dimm is { Family: ModuleFamily.Intel, IsLost: false })
            ? PlatformResult<FirmwareActivation>.Done(new FirmwareActivation(FirmwareActivationMethod.Suspend, platform.Dimms.Any(dimm => dimm.IsActivationArmed) ? FirmwareActivationState.Armed : FirmwareActivationState.Idle))
            : PlatformResult<FirmwareActivation>.Refused(PlatformError.NotSupported, "the platform has no DIMM whose firmware can be updated", "take DIMMs of Intel's family");

        public PlatformResult<FirmwareActivation> ActivateFirmware(bool force)
        {
            PlatformResult<FirmwareActivation> activation = GetFirmwareActivation();
            if (!activation.Succeeded)
                return activation;
            if (activation.Value.State != FirmwareActivationState.Armed)
                return PlatformResult<FirmwareActivation>.Refused(PlatformError.NotFound, "no DIMM is armed: nothing is to be activated", "arm one: 'pmem dimm firmware update --arm'");
            if (!force && Enumerable.Range(0, platform.Dimms.Count).FirstOrDefault(platform.IsInUse, -1) is >= 0 and int busy)
                return PlatformResult<FirmwareActivation>.Refused(PlatformError.InUse, $"nmem{busy} is in use: a program has mapped its memory, and it would have to wait", "close the volume, or force the activation");
            platform.ActivateFirmware();
            return GetFirmwareActivation();
        }

        private DimmSecurity SecurityOf(VirtualDimm dimm)
        {
            ModuleSecurity security = dimm.Security;
            DimmSecurityState state = security.OverwriteStarted is not null ? DimmSecurityState.Overwrite : security.IsLocked ? DimmSecurityState.Locked
                : security.Passphrase is null ? DimmSecurityState.Disabled : DimmSecurityState.Unlocked;

            // Linux takes a DIMM that takes no more passphrases for a frozen one.
            return new DimmSecurity(state, security.IsFrozen || (security.Passphrase is not null && security.IsExhausted))
            {
                HasMasterPassphrase = security.MasterPassphrase is not null,
                IsExhausted = security.IsExhausted,
                IsMasterExhausted = security.IsMasterExhausted,
                OverwriteProgress = platform.OverwriteProgress(dimm),
            };
        }

        private static DimmFirmware FirmwareOf(VirtualDimm dimm)
        {
            bool isIntel = dimm.Family == ModuleFamily.Intel;
            return new DimmFirmware(dimm.FirmwareVersion, dimm.StagedFirmware, CanUpdate: isIntel, !isIntel ? null : dimm.IsActivationArmed ? "armed" : "idle")
            {
                CurrentRevision = FirmwareImage.ToNumber(dimm.FirmwareVersion),
                NextRevision = dimm.StagedFirmware is { } staged ? FirmwareImage.ToNumber(staged) : null,
            };
        }

        private PlatformResult<DimmFirmware>? WhyNoFirmware(int dimm) => platform.DimmOf(dimm) switch
        {
            { IsLost: true } => GetHealth(dimm).As<DimmFirmware>(),
            { Family: not ModuleFamily.Intel } => PlatformResult<DimmFirmware>.Refused(PlatformError.NotSupported, $"nmem{dimm} has no functions to update its firmware", "take a DIMM of Intel's family"),
            _ => null,
        };

        private static (int Function, DsmPayload? Input) CommandOf(SecurityRequest request)
        {
            byte[] current = request.Current?.ToBytes() ?? new byte[Passphrase.Size];
            return request.Operation switch
            {
                SecurityOperation.SetPassphrase => (request.IsMaster ? 27 : 20, new SetPassphraseInput { Old = current, New = request.Next!.ToBytes() }),
                SecurityOperation.RemovePassphrase => (21, new PassphraseInput { Passphrase = current }),
                SecurityOperation.Unlock => (22, new PassphraseInput { Passphrase = current }),
                SecurityOperation.Freeze => (23, null),
                SecurityOperation.Overwrite => (25, new PassphraseInput { Passphrase = current }),
                _ => (request.IsMaster ? 28 : 24, new PassphraseInput { Passphrase = current }),
            };
        }
    }
}
