namespace Pmem.Platform.Dsm;

/// <summary>A function of <c>_DSM</c>: which payloads it takes and gives.</summary>
/// <param name="Family">GUID of its family.</param>
/// <param name="Number">Its number.</param>
/// <param name="Name">What it does.</param>
/// <param name="Input">An empty input.</param>
/// <param name="Output">An empty output.</param>
public sealed record DsmFunction(Guid Family, int Number, string Name, Func<DsmPayload> Input, Func<DsmPayload> Output)
{
    private static readonly DsmFunction[] s_all =
    [
        .. Of(DsmFamilies.Root,
            (1, "query ARS capabilities", New<AddressRangeInput>, New<ArsCapabilitiesOutput>),
            (2, "start ARS", New<ArsStartInput>, New<ArsStartOutput>),
            (3, "query ARS status", New<DsmNothing>, New<ArsStatusOutput>),
            (4, "clear uncorrectable error", New<AddressRangeInput>, New<ClearErrorOutput>),
            (5, "translate system address", New<TranslateInput>, New<TranslateOutput>),
            (7, "inject error", New<InjectErrorInput>, New<DsmStatus>),
            (8, "clear injected error", New<AddressRangeInput>, New<DsmStatus>),
            (9, "query injected errors", New<DsmNothing>, New<InjectStatusOutput>)),
        .. Of(DsmFamilies.IntelRoot,
            (1, "firmware activation: state of the bus", New<DsmNothing>, New<FirmwareBusOutput>),
            (2, "firmware activation: activate", New<DsmByteInput>, New<DsmStatus>)),
        .. Of(DsmFamilies.Intel,
            (1, "SMART and health", New<DsmNothing>, New<IntelSmartOutput>),
            (2, "thresholds", New<DsmNothing>, New<IntelThresholdsOutput>),
            (3, "block flags", New<DsmNothing>, New<DsmNumberOutput>),
            (4, "label size", New<DsmNothing>, New<LabelSizeOutput>),
            (5, "label read", New<LabelReadInput>, New<LabelReadOutput>),
            (6, "label write", New<LabelWriteInput>, New<DsmStatus>),
            (7, "size of the command effect log", New<DsmNothing>, New<DsmNumberOutput>),
            (8, "command effect log", New<DsmNothing>, New<CommandEffectLogOutput>),
            (9, "vendor passthrough", New<VendorCommandInput>, New<VendorCommandOutput>),
            (10, "latch shutdown status", New<DsmByteInput>, New<DsmStatus>),
            (11, "supported modes", New<DsmNothing>, New<DsmNumberOutput>),
            (12, "firmware information", New<DsmNothing>, New<FirmwareInfoOutput>),
            (13, "start firmware update", New<DsmNothing>, New<DsmNumberOutput>),
            (14, "send firmware", New<FirmwareDataInput>, New<DsmStatus>),
            (15, "finish firmware update", New<FirmwareFinishInput>, New<DsmStatus>),
            (16, "query firmware update", New<FirmwareQueryInput>, New<FirmwareQueryOutput>),
            (17, "set thresholds", New<IntelSetThresholdsInput>, New<DsmStatus>),
            (18, "inject health errors", New<IntelInjectInput>, New<DsmStatus>),
            (19, "security state", New<DsmNothing>, New<SecurityStateOutput>),
            (20, "set passphrase", New<SetPassphraseInput>, New<DsmStatus>),
            (21, "disable passphrase", New<PassphraseInput>, New<DsmStatus>),
            (22, "unlock", New<PassphraseInput>, New<DsmStatus>),
            (23, "freeze", New<DsmNothing>, New<DsmStatus>),
            (24, "secure erase", New<PassphraseInput>, New<DsmStatus>),
            (25, "overwrite", New<PassphraseInput>, New<DsmStatus>),
            (26, "query overwrite", New<DsmNothing>, New<DsmStatus>),
            (27, "set master passphrase", New<SetPassphraseInput>, New<DsmStatus>),
            (28, "master erase", New<PassphraseInput>, New<DsmStatus>),
            (29, "firmware activation: state", New<DsmNothing>, New<FirmwareActivationOutput>),
            (30, "firmware activation: arm", New<DsmByteInput>, New<DsmStatus>)),
        .. Of(DsmFamilies.Microsoft,
            (1, "identification", New<DsmNothing>, New<MicrosoftIdentificationOutput>),
            (11, "health", New<DsmNothing>, New<MicrosoftHealthOutput>)),
        .. Of(DsmFamilies.Hpe1,
            (1, "SMART", New<HpeSmartInput>, New<HpeSmartOutput>),
            (2, "thresholds", New<DsmNothing>, New<HpeThresholdsOutput>),
            (4, "label size", New<DsmNothing>, New<LabelSizeOutput>),
            (5, "label read", New<LabelReadInput>, New<LabelReadOutput>),
            (6, "label write", New<LabelWriteInput>, New<DsmStatus>),
            (10, "identification", New<DsmNothing>, New<HpeIdentityOutput>),
            (11, "identification of the energy source", New<DsmNothing>, New<HpeEnergySourceOutput>),
            (12, "last backup", New<DsmNothing>, New<HpeLastBackupOutput>),
            (13, "set life threshold", New<DsmByteInput>, New<DsmStatus>),
            (18, "errors that can be injected", New<DsmNothing>, New<HpeInjectCapabilityOutput>),
            (19, "inject error", New<HpeInjectInput>, New<DsmStatus>),
            (20, "query injected error", New<DsmNothing>, New<HpeInjectStatusOutput>)),
        .. Of(DsmFamilies.HyperV,
            (1, "health", New<DsmNothing>, New<HyperVHealthOutput>),
            (2, "unsafe shutdowns", New<DsmNothing>, New<HyperVShutdownOutput>)),
    ];

    /// <summary>The functions whose payloads this library has as types.</summary>
    public static IReadOnlyList<DsmFunction> All => s_all;

    /// <summary>Finds a function; one that is not known takes and gives bytes.</summary>
    public static DsmFunction Find(Guid family, int number) =>
        Array.Find(s_all, function => function.Family == family && function.Number == number) ?? new DsmFunction(family, number, "unknown", New<DsmBytes>, New<DsmBytes>);

    /// <summary>Reads an input of the function.</summary>
    /// <exception cref="PmemFormatException">The bytes are not one.</exception>
    public DsmPayload ReadInput(ReadOnlySpan<byte> bytes) => Read(Input(), bytes, "input");

    /// <summary>Reads an output of the function.</summary>
    /// <exception cref="PmemFormatException">The bytes are not one.</exception>
    public DsmPayload ReadOutput(ReadOnlySpan<byte> bytes) => Read(Output(), bytes, "output");

    /// <summary>What function 0 answers: a bit for each function, as few bytes as hold them.</summary>
    /// <param name="functions">The functions beside 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is below 0 or above 63.</exception>
    public static byte[] Bitmap(params ReadOnlySpan<int> functions)
    {
        ulong bits = 1;
        foreach (int function in functions)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)function, 63u, nameof(functions));
            bits |= 1UL << function;
        }

        byte[] bytes = new byte[(64 - System.Numerics.BitOperations.LeadingZeroCount(bits) + 7) / 8];
        for (int i = 0; i < bytes.Length; i++)
            bytes[i] = (byte)(bits >> (8 * i));
        return bytes;
    }

    /// <summary>The functions of an answer of function 0, without 0 itself.</summary>
    public static IReadOnlyList<int> FromBitmap(ReadOnlySpan<byte> bitmap)
    {
        var functions = new List<int>();
        for (int bit = 1; bit < Math.Min(bitmap.Length * 8, 64); bit++)
        {
            if ((bitmap[bit / 8] >> (bit % 8) & 1) != 0)
                functions.Add(bit);
        }

        return functions;
    }

    private DsmPayload Read(DsmPayload payload, ReadOnlySpan<byte> bytes, string side)
    {
        payload.ReadFrom(bytes, $"{side} of _DSM function {Number} ({Name})");
        return payload;
    }

    private static IEnumerable<DsmFunction> Of(Guid family, params (int Number, string Name, Func<DsmPayload> Input, Func<DsmPayload> Output)[] functions) =>
        functions.Select(function => new DsmFunction(family, function.Number, function.Name, function.Input, function.Output));

    private static T New<T>()
        where T : DsmPayload, new() => new();
}
