using Pmem.Platform.Labels;
using Pmem.Platform.Model;
using Pmem.Tool.Platforms;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary>
/// ndctl's commands on the security of DIMMs. Where ndctl asks the kernel's key ring, a virtual platform has files (<see cref="NdctlKeys"/>); on a machine the keys are the kernel's, and what
/// needs one is refused.
/// </summary>
internal static class NdctlSecurity
{
    private static readonly NdctlOption s_bus = new('b', "bus", "only DIMMs on this bus", "bus-id");
    private static readonly NdctlOption s_verbose = new('v', "verbose", "say more");
    private static readonly NdctlOption s_key = new('k', "key-handle", "which key seals the passphrase", "key-handle");
    private static readonly NdctlOption s_master = new('m', "master-passphrase", "the master passphrase");

    // ndctl takes these too, and does nothing with them.
    private static readonly NdctlOption[] s_unused = [new('f', "force", "no effect here"), new('V', "label-version", "no effect here", "version-number")];

    public static IReadOnlyList<NdctlVerb> Verbs { get; } =
    [
        Verb("setup-passphrase", (run, dimm) => run.Setup(dimm), "passphrase enabled for", [s_key, s_master, .. s_unused]),
        Verb("update-passphrase", (run, dimm) => run.Update(dimm), "passphrase updated for", [s_key, s_master, .. s_unused]),
        Verb("remove-passphrase", (run, dimm) => run.Remove(dimm), "passphrase removed for", s_master),
        Verb("freeze-security", (run, dimm) => run.Freeze(dimm), "security froze"),
        Verb("sanitize-dimm", (run, dimm) => run.Sanitize(dimm), "sanitized", new('c', "crypto-erase", "forget the key of the media (default)"), new('o', "overwrite", "overwrite media and labels"), new('z', "zero-key", "with a passphrase of zeros"), s_master),
        new("load-keys", "load-keys [<options>]", [new('p', "key-path", "folder of the keys", "key-path"), new('t', "tpm-handle", "handle of the TPM", "tpm-handle")], LoadKeys),
        Verb("wait-overwrite", (run, dimm) => run.WaitOverwrite(dimm), null),
    ];

    private static NdctlVerb Verb(string name, Func<DimmRun, string, Errno> act, string? done, params NdctlOption[] options) => new(name, $"{name} <nmem0> [<nmem1>..<nmemN>] [<options>]", [s_bus, s_verbose, .. options], arguments =>
    {
        if (NdctlDimms.Names(arguments) is not { } names)
            return arguments.Help();
        using PlatformSource source = NdctlProgram.Open();
        var run = new DimmRun(source.Platform, NdctlKeys.Of(source), arguments);
        int count = 0;
        bool hasFailed = false;
        foreach (DimmView dimm in NdctlDimms.Chosen(source.Platform, arguments, names))
        {
            if (run.Demand(dimm.Name) && act(run, dimm.Name) == Errno.None)
                count++;
            else
                hasFailed = true;
        }

        if (done is not null)
            Console.Error.WriteLine($"{(name == "sanitize-dimm" && arguments.Has('o') ? "overwrite issued for" : done)} {count} nmem{(count > 1 ? "s" : string.Empty)}.");
        return count > 0 || !hasFailed ? 0 : 1;
    });

    private static int LoadKeys(NdctlArguments arguments)
    {
        if (arguments.Operands.Count > 0)
            return arguments.Fail($"unknown parameter \"{arguments.Operands[0]}\"\n");
        using PlatformSource source = NdctlProgram.Open();
        if (NdctlKeys.Of(source) is { } keys)
            return (arguments.Value('p') is { } path ? NdctlKeys.In(path) : keys).Load(arguments.Has('t'));
        NdctlText.Error("keys are loaded into key rings of a kernel: use ndctl on the machine that has the DIMMs");
        return Errno.NotSupported.Code();
    }

    /// <summary>One run of a command.</summary>
    private sealed record DimmRun(IPlatform Platform, NdctlKeys? Keys, NdctlArguments Arguments)
    {
        private bool IsMaster => Arguments.Has('m');

        private NdctlKeyKind Kind => IsMaster ? NdctlKeyKind.Master : NdctlKeyKind.User;

        private NdctlKeyKind OldKind => IsMaster ? NdctlKeyKind.MasterOld : NdctlKeyKind.UserOld;

        /// <summary>Whether the DIMM has security.</summary>
        public bool Demand(string dimm)
        {
            if (Platform.GetSecurity(dimm).Succeeded)
                return true;
            NdctlText.Error($"{dimm}: security operation not supported\n");
            return false;
        }

        public Errno Setup(string dimm)
        {
            if (Arguments.Value('k') is not { } handle || !IsHandle(handle))
                return Errno.InvalidArgument;
            if (FindKeys() is not { } keys || IsActive(dimm))
                return Errno.Busy;
            string id = NdctlKeys.IdOf(Platform, dimm);
            if (keys.Create(Kind, id) is not { } key)
                return Errno.InvalidArgument;
            Errno error = Change(new SecurityRequest(SecurityOperation.SetPassphrase) { Next = key, IsMaster = IsMaster }, dimm);
            if (error != Errno.None)
                keys.Delete(Kind, id);
            return error;
        }

        public Errno Update(string dimm)
        {
            if (Arguments.Value('k') is { } handle && !IsHandle(handle))
                return Errno.InvalidArgument;
            if (FindKeys() is not { } keys || IsActive(dimm))
                return Errno.Busy;
            string id = NdctlKeys.IdOf(Platform, dimm);
            if (keys.Has(OldKind, id) && !FinishUpdate(keys, dimm, id))
                return Errno.IoError;
            if (!keys.Move(Kind, OldKind, id) || keys.TryLoad(OldKind, id) is not { } old || keys.Create(Kind, id) is not { } key)
                return Errno.InvalidArgument;
            Errno error = Change(new SecurityRequest(SecurityOperation.SetPassphrase) { Current = old, Next = key, IsMaster = IsMaster }, dimm);
            if (error == Errno.None)
                keys.Delete(OldKind, id);
            else
                keys.Move(OldKind, Kind, id);
            return error;
        }

        public Errno Remove(string dimm) => WithKey(dimm, SecurityOperation.RemovePassphrase, IsMaster ? "remove master passphrase" : "remove passphrase", isDiscarded: true);

        public Errno Freeze(string dimm)
        {
            PlatformResult<DimmSecurity> result = Platform.ChangeSecurity(dimm, new SecurityRequest(SecurityOperation.Freeze));
            if (!result.Succeeded)
                NdctlText.Error($"Failed to freeze security for {dimm}\n");
            return Errnos.Of(result.Error);
        }

        public Errno Sanitize(string dimm)
        {
            if (Arguments.Has('o') && IsMaster)
            {
                NdctlText.Error($"{dimm}: overwrite does not support master passphrase\n");
                return Errno.InvalidArgument;
            }

            bool erases = Arguments.Has('c') || !Arguments.Has('o');
            if (erases && !Arguments.Has('c') && Arguments.Has('v'))
                Console.Error.WriteLine("No santize method passed in, default to crypto-erase");
            if (erases)
            {
                Errno error = Arguments.Has('z')
                    ? Do(dimm, new SecurityRequest(SecurityOperation.Erase), "crypto erase")
                    : WithKey(dimm, SecurityOperation.Erase, IsMaster ? "master crypto erase" : "crypto erase", isDiscarded: !IsMaster);
                if (error != Errno.None)
                    return error;
            }

            if (!Arguments.Has('o'))
                return Errno.None;
            Passphrase? key = Keys is { } keys && !IsActive(dimm) ? keys.TryLoad(NdctlKeyKind.User, NdctlKeys.IdOf(Platform, dimm)) : null;
            return Do(dimm, new SecurityRequest(SecurityOperation.Overwrite) { Current = key }, "overwrite");
        }

        public Errno WaitOverwrite(string dimm)
        {
            bool isUnderWay = Platform.GetSecurity(dimm).Value?.State == DimmSecurityState.Overwrite;
            PlatformResult<DimmSecurity> result = Platform.WaitOverwrite(dimm, TimeSpan.FromMilliseconds(50));
            if (isUnderWay && result.Value?.State == DimmSecurityState.Disabled && Arguments.Has('v'))
                Console.Error.WriteLine($"{dimm}: overwrite completed.");
            return Errnos.Of(result.Error);
        }

        private Errno WithKey(string dimm, SecurityOperation operation, string what, bool isDiscarded)
        {
            string id = NdctlKeys.IdOf(Platform, dimm);
            if (FindKeys() is not { } keys || IsActive(dimm) || keys.TryLoad(Kind, id) is not { } key)
            {
                Console.Error.WriteLine("Unable to load key");
                return Errno.InvalidArgument;
            }

            Errno error = Do(dimm, new SecurityRequest(operation) { Current = key, IsMaster = IsMaster }, what);
            if (error == Errno.None && isDiscarded)
                keys.Delete(Kind, id);
            return error;
        }

        private Errno Do(string dimm, SecurityRequest request, string what)
        {
            Errno error = Change(request, dimm);
            if (error != Errno.None)
                Console.Error.WriteLine($"Failed {what} for {dimm}");
            return error;
        }

        // ndctl does not say why; that much more is said.
        private Errno Change(SecurityRequest request, string dimm)
        {
            PlatformResult<DimmSecurity> result = Platform.ChangeSecurity(dimm, request);
            if (!result.Succeeded)
                Console.Error.WriteLine($"{dimm}: {result.Message}; {result.Remedy}");
            return Errnos.Of(result.Error);
        }

        /// <summary>
        /// An update that was interrupted left both keys, and the DIMM has one of them. It is given the new one by the old one; if it does not take that, it has the new one already.
        /// </summary>
        private bool FinishUpdate(NdctlKeys keys, string dimm, string id)
        {
            if (!keys.Has(Kind, id))
                return keys.Move(OldKind, Kind, id);
            if (keys.TryLoad(OldKind, id) is not { } old || keys.TryLoad(Kind, id) is not { } key)
                return false;
            PlatformError error = Platform.ChangeSecurity(dimm, new SecurityRequest(SecurityOperation.SetPassphrase) { Current = old, Next = key, IsMaster = IsMaster }).Error;
            if (error is not (PlatformError.None or PlatformError.WrongPassphrase))
                return false;
            keys.Delete(OldKind, id);
            return true;
        }

        private NdctlKeys? FindKeys()
        {
            if (Keys is null)
                Console.Error.WriteLine("passphrases are kept in key rings of a kernel: use ndctl on the machine that has the DIMMs");
            return Keys;
        }

        private bool IsActive(string dimm)
        {
            if (!Platform.GetRegions().Any(region => region.State != RegionState.Disabled && region.Mappings.Any(mapping => mapping.Dimm == dimm)))
                return false;
            Console.Error.WriteLine($"regions active on {dimm}, op failed");
            return true;
        }

        private static bool IsHandle(string handle)
        {
            string[] parts = handle.Split(':', StringSplitOptions.RemoveEmptyEntries);
            string? problem = parts.Length == 0 ? "No key type found for kek handle" : parts[0] is not ("trusted" or "user") ? $"No such key type: {parts[0]}" : parts.Length == 1 ? "No description found for kek handle" : null;
            if (problem is not null)
                Console.Error.WriteLine(problem);
            return problem is null;
        }
    }
}
