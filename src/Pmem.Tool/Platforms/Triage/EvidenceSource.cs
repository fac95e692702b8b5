using System.CommandLine;
using Pmem.Emulation;
using Pmem.Platform.Captures;
using Pmem.Platform.Evidence;
using Pmem.Platform.Labels;
using Pmem.Tool.InfoBlocks;

namespace Pmem.Tool.Platforms.Triage;

/// <summary>
/// What a verb looks at that changes nothing: a platform (<c>--platform</c>, or the environment variable), or files: a table (<c>--nfit</c>) and images
/// of its modules, or images alone, of which QEMU's nvdimm devices would be made.
/// </summary>
internal sealed class EvidenceSource
{
    private readonly Argument<string[]> _images = new("IMAGE") { Description = "Images of modules: media, then labels, as QEMU's nvdimm device keeps them. Not with --platform.", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<string?> _platform = new("--platform", "-p") { Description = $"The folder of a platform, or a capture; {PlatformSource.Variable} if neither this nor an image is given, and this machine if that is not set." };
    private readonly Option<string?> _nfit = new("--nfit") { Description = "The table that describes the images' modules, in the order of their handles." };
    private readonly Option<string[]> _ssdt = new("--ssdt") { Description = "A table with the modules' devices; more than one may be given." };
    private readonly Option<string?> _labelSize = new("--label-size") { Description = "Bytes of the label storage area at the end of each image; found if not given." };
    private readonly Option<string?> _base = new("--base") { Description = "System physical address of the first image, without a table.", DefaultValueFactory = _ => $"0x{ImageSet.QemuAddress:x}" };

    /// <summary>Adds the options to a verb.</summary>
    public Command AddTo(Command command)
    {
        command.Arguments.Add(_images);
        foreach (Option option in (Option[])[_platform, _nfit, _ssdt, _labelSize, _base])
            command.Options.Add(option);
        return command;
    }

    /// <summary>The files and folders that would be read.</summary>
    public IEnumerable<string?> FilesOf(ParseResult parsed) =>
        [PlatformSource.PathOf(parsed.GetValue(_platform)), parsed.GetValue(_nfit), .. parsed.GetValue(_images) ?? [], .. parsed.GetValue(_ssdt) ?? []];

    /// <summary>What completes remedies for what the options name.</summary>
    public TypedRemedy Remedies(ParseResult parsed, PlatformEvidence evidence)
    {
        string? folder = parsed.GetValue(_images) is { Length: > 0 } || parsed.GetValue(_nfit) is not null ? null : PlatformSource.PathOf(parsed.GetValue(_platform));
        return new TypedRemedy(evidence, folder is not null && VirtualPlatform.FolderOf(Path.Combine(folder, "any")) is not null ? folder : null, parsed.GetValue(_platform) is not null);
    }

    /// <summary>Opens what the options name; the caller disposes it.</summary>
    /// <exception cref="PmemException">They name nothing, or two things.</exception>
    public PlatformEvidence Open(ParseResult parsed)
    {
        string[] images = parsed.GetValue(_images) ?? [];
        string? nfit = parsed.GetValue(_nfit);
        string? platform = parsed.GetValue(_platform);
        if (images.Length == 0 && nfit is null)
            return OpenPlatform(platform);
        if (platform is not null)
            throw new PmemException("--platform is one thing to look at, images or a table are another: give one of them");
        int? labelSize = parsed.GetValue(_labelSize) is { } text ? LabelSize(text) : null;
        if (nfit is not null)
            return ImageSet.OfTable(File.ReadAllBytes(nfit), images, labelSize, [.. (parsed.GetValue(_ssdt) ?? []).Select(File.ReadAllBytes)]);
        PlatformEvidence evidence = ImageSet.OfQemu(images, labelSize, (ulong)InfoBlockFile.ParseNumber(parsed.GetValue(_base), 0));
        if (FindInterleaved(evidence) is not { } found)
            return evidence;
        evidence.Dispose();
        throw new PmemException(found);
    }

    // Images alone are taken for sets of one module each: of others nothing that would be said is right, and a repair would harm them.
    private static string? FindInterleaved(PlatformEvidence evidence)
    {
        foreach (ModuleEvidence module in evidence.Modules)
        {
            if (module.Labels is not { } area)
                continue;
            IEnumerable<LabelSlot> slots = area.Current is null ? Enum.GetValues<LabelFormat>().SelectMany(area.FindOrphanLabels) : area.Slots.Where(slot => slot.State == LabelSlotState.Active);
            if (slots.FirstOrDefault(slot => slot.Problem is null && slot.Label.LabelCount > 1) is { } part)
                return $"{module.File} is part of an interleave set of {part.Label.LabelCount} modules, as the label in slot {part.Slot} says, and images alone do not tell the others: give the table with --nfit and the images of all, or the platform with --platform";
        }

        return null;
    }

    /// <summary>The same, with what a kernel shows of it, if it is a running one.</summary>
    public (PlatformEvidence Evidence, IReadOnlyDictionary<string, string> Texts) OpenWithTexts(ParseResult parsed)
    {
        bool isNamed = parsed.GetValue(_images) is { Length: > 0 } || parsed.GetValue(_nfit) is not null || parsed.GetValue(_platform) is not null;
        return isNamed || !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(PlatformSource.Variable))
            ? (Open(parsed), new Dictionary<string, string>())
            : OpenMachine();
    }

    /// <summary>Evidence of the platform at a path, of the one that the environment names, or of this machine: a folder, one with a copy of <c>sys</c>, or a capture.</summary>
    public static PlatformEvidence OpenPlatform(string? path)
    {
        path ??= Environment.GetEnvironmentVariable(PlatformSource.Variable);
        if (string.IsNullOrEmpty(path))
            return OpenMachine().Evidence;
        if (File.Exists(path))
            return PlatformSource.OpenCapture(path).Evidence;
        if (Directory.Exists(Path.Combine(path, "sys", "firmware")))
            return RunningMachine.Read(path).Evidence;
        using PlatformSource platform = PlatformSource.Open(path);
        return platform.DemandVirtual().GetEvidence();
    }

    private static (PlatformEvidence Evidence, IReadOnlyDictionary<string, string> Texts) OpenMachine()
    {
        try
        {
            return RunningMachine.Read();
        }
        catch (PmemException none)
        {
            throw new PmemException($"{none.Message}, or set {PlatformSource.Variable}", none);
        }
    }

    private static int LabelSize(string text)
    {
        long size = InfoBlockFile.ParseNumber(text, 0);
        return size <= LabelAreaGeometry.MaximumAreaSize ? (int)size : throw new PmemException($"a label storage area has at most {LabelAreaGeometry.MaximumAreaSize} bytes");
    }
}
