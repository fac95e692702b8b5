using Pmem.Platform.Model;
using Pmem.Tool.Platforms;
using Pmem.Tool.Platforms.Listing;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary>
/// ndctl's commands on security and firmware of DIMMs. They read passphrases from the kernel's key rings, which a platform in a folder has not; so they are refused as ndctl refuses
/// them on DIMMs without security, with the same exit code.
/// </summary>
internal static class NdctlRefusals
{
    private static readonly NdctlOption s_bus = new('b', "bus", "only DIMMs on this bus", "bus-id");
    private static readonly NdctlOption s_verbose = new('v', "verbose", "say more");
    private static readonly NdctlOption s_key = new('k', "key-handle", "which key seals the passphrase", "key-handle");
    private static readonly NdctlOption s_master = new('m', "master-passphrase", "the master passphrase");

    public static IReadOnlyList<NdctlVerb> Verbs { get; } =
    [
        Security("setup-passphrase", "passphrase enabled for 0 nmems.", s_key, s_master),
        Security("update-passphrase", "passphrase updated for 0 nmems.", s_key, s_master),
        Security("remove-passphrase", "passphrase removed for 0 nmems.", s_master),
        Security("freeze-security", "security frozen for 0 nmems."),
        Security("sanitize-dimm", "sanitized 0 nmem", new('c', "crypto-erase", "forget the key of the media"), new('o', "overwrite", "overwrite the media"), new('z', "zero-key", "with a passphrase of zeros"), s_master),
        new("load-keys", "load-keys [<options>]", [new('p', "key-path", "folder of the keys", "key-path"), new('t', "tpm-handle", "handle of the TPM", "tpm-handle")], LoadKeys),
        Security("wait-overwrite", "waited for overwrite of 0 nmem"),
    ];

    public static NdctlVerb UpdateFirmware { get; } = new("update-firmware", "update-firmware <nmem0> [<nmem1>..<nmemN>] [<options>]",
    [
        s_bus,
        s_verbose,
        new('f', "firmware", "the firmware", "firmware-file"),
        new('i', "force", "also during a scrub"),
        new('A', "arm", "let it be activated (default)"),
        new('D', "disarm", "do not let it be activated"),
    ],
    arguments =>
    {
        if (!arguments.Has('f') && !arguments.Has('A') && !arguments.Has('D'))
            return arguments.Complain("require --arm, or --disarm");
        if (arguments.Has('A') && arguments.Has('D'))
            return arguments.Complain("set either --arm, or --disarm, not both");
        return Refuse(arguments, dimm => $"{dimm}: firmware update not supported by ndctl.", "updated 0 nmem.");
    });

    private static NdctlVerb Security(string name, string summary, params NdctlOption[] options) => new(name, $"{name} <nmem0> [<nmem1>..<nmemN>] [<options>]", [s_bus, s_verbose, .. options], arguments => Refuse(arguments, dimm =>
    {
        NdctlText.Error($"{dimm}: security operation not supported\n");
        return "passphrases are kept in key rings of a kernel: use ndctl on the machine that has the DIMMs";
    }, summary));

    private static int Refuse(NdctlArguments arguments, Func<string, string> reason, string summary)
    {
        if (arguments.Operands.Count == 0)
            return arguments.Help();
        using PlatformSource source = NdctlProgram.Open();
        bool any = false;
        foreach (DimmView dimm in source.Platform.GetDimms().Where(dimm => arguments.Operands.Any(name => NameFilter.Matches(name, dimm.Name))))
        {
            Console.Error.WriteLine(reason(dimm.Name));
            any = true;
        }

        Console.Error.WriteLine(summary);
        return any ? 1 : 0;
    }

    private static int LoadKeys(NdctlArguments arguments)
    {
        NdctlText.Error("keys are loaded into key rings of a kernel: use ndctl on the machine that has the DIMMs");
        return Errno.NotSupported.Code();
    }
}
