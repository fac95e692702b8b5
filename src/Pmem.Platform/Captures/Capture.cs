using System.Text;
using System.Text.Json;
using Pmem.Platform.Acpi;
using Pmem.Platform.Evidence;
using Pmem.Platform.Labels;
using Pmem.Platform.Linux;
using Pmem.Platform.Model;

namespace Pmem.Platform.Captures;

/// <summary>
/// A platform in one file: its tables, label storage areas, info blocks, block translation tables' maps, health, and the text that a kernel shows of it. It is
/// made where the trouble is and read where the help is: every verb that reads takes it in place of the platform. What users stored is not in it.
/// </summary>
/// <remarks>
/// <para>The file is a tar archive (docs/formats/capture.md). The same platform gives the same bytes: no time is in it, and no name of a machine but those that
/// <see cref="PlatformEvidence.Source"/> has.</para>
/// <para>Reading is total, works in memory alone, and takes no more of it than the file and its tables need. Nothing is ever unpacked to where a name in it says.</para>
/// </remarks>
public sealed class Capture : IDisposable
{
    /// <summary>The largest file that is read.</summary>
    public const int MaximumSize = 256 << 20;

    private const string Manifest = "manifest.json";
    private const string TableFolder = "tables/";
    private const string TextFolder = "sysfs/";
    private const int MaximumTable = 1 << 20;
    private const int MaximumModules = 4096;

    private Capture(PlatformEvidence evidence, IReadOnlyDictionary<string, string> texts, IReadOnlyList<string> omitted)
    {
        Evidence = evidence;
        Texts = texts;
        Omitted = omitted;
    }

    /// <summary>The platform.</summary>
    public PlatformEvidence Evidence { get; }

    /// <summary>The platform as verbs that list see it: of a running machine what its kernel showed, of others what the evidence is.</summary>
    public IPlatform Platform => field ??= CapturedSysfs.Has(Texts) ? new LinuxPlatform(new CapturedSysfs(Texts, Evidence)) : Evidence.Platform;

    /// <summary>Text that a kernel showed, by path below <c>/sys</c>; empty when no kernel was asked.</summary>
    public IReadOnlyDictionary<string, string> Texts { get; }

    /// <summary>What was left out because it was too large, sentences.</summary>
    public IReadOnlyList<string> Omitted { get; }

    /// <summary>Whether a file begins as a capture does.</summary>
    public static bool LooksLike(string path)
    {
        byte[] start = new byte[1024];
        using FileStream file = File.Open(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        return TarArchive.LooksLike(start.AsSpan(0, file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)));
    }

    /// <summary>Packs a platform.</summary>
    /// <param name="target">Takes the file.</param>
    /// <param name="evidence">The platform.</param>
    /// <param name="texts">Text that a kernel shows, by path below <c>/sys</c>; null for none.</param>
    /// <returns>What was left out because it was too large, sentences.</returns>
    public static IReadOnlyList<string> Write(Stream target, PlatformEvidence evidence, IReadOnlyDictionary<string, string>? texts = null)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(evidence);
        ((List<CaptureRange> Extents, byte[] Bytes)[] media, IReadOnlyList<string> omitted) = MediaCollector.Collect(evidence);
        var files = new Dictionary<string, byte[]>(StringComparer.Ordinal) { [TableFolder + "NFIT"] = evidence.NfitBytes.ToArray() };
        for (int i = 0; i < evidence.Ssdts.Count; i++)
            files[$"{TableFolder}SSDT{i:d3}"] = evidence.Ssdts[i];
        for (int i = 0; i < evidence.Modules.Count; i++)
        {
            if (evidence.Modules[i].Labels is { } labels)
                files[LabelsOf(i)] = labels.Bytes.ToArray();
            if (media[i].Bytes.Length > 0)
                files[MediaOf(i)] = media[i].Bytes;
        }

        foreach ((string path, string text) in texts ?? new Dictionary<string, string>())
            files[TextFolder + path] = Encoding.UTF8.GetBytes(text);
        var manifest = new CaptureManifest
        {
            Format = CaptureManifest.FormatName,
            Version = CaptureManifest.CurrentVersion,
            Source = evidence.Source,
            Omitted = omitted,
            Modules = [.. evidence.Modules.Select((module, i) => Describe(module, media[i].Extents, evidence.ControlInTable(module.Handle) is not null))],
            Scrub = evidence.Scrub is { State: not ScrubState.NotSupported } scrub ? new CaptureScrub(scrub.State == ScrubState.Active, scrub.Finished) : null,
            Activation = evidence.Activation,
            Disabled = [.. evidence.Disabled.Order(StringComparer.Ordinal)],
        };
        files[Manifest] = JsonSerializer.SerializeToUtf8Bytes(manifest, CaptureJson.Default.CaptureManifest);
        TarArchive.Write(target, files);
        return omitted;
    }

    /// <summary>Reads a capture from a file.</summary>
    /// <exception cref="PmemFormatException">It is none, or it is damaged.</exception>
    public static Capture Open(string path)
    {
        if (LinkedFile.LengthOf(path) > MaximumSize)
            throw new PmemException($"{path} is larger than any capture, which has at most {MaximumSize} bytes");
        return Parse(File.ReadAllBytes(path));
    }

    /// <summary>Reads a capture. Any bytes give one or an exception.</summary>
    /// <exception cref="PmemFormatException">It is none, or it is damaged.</exception>
    public static Capture Parse(ReadOnlyMemory<byte> bytes)
    {
        Dictionary<string, ReadOnlyMemory<byte>> files = TarArchive.Read(bytes);
        CaptureManifest manifest = ReadManifest(files);
        ReadOnlyMemory<byte> nfit = files.GetValueOrDefault(TableFolder + "NFIT");
        if (nfit.Length is 0 or > MaximumTable)
            throw new PmemFormatException("capture", -1, $"a table {TableFolder}NFIT of at most {MaximumTable} bytes", $"{nfit.Length}");
        byte[][] ssdts = [.. files.Where(file => file.Key.StartsWith(TableFolder + "SSDT", StringComparison.Ordinal)).OrderBy(file => file.Key, StringComparer.Ordinal).Select(file => file.Value.ToArray())];
        if (ssdts.Sum(table => (long)table.Length) > MaximumTable)
            throw new PmemFormatException("capture", -1, $"SSDTs of at most {MaximumTable} bytes", $"{ssdts.Sum(table => (long)table.Length)}");
        ModuleEvidence[] modules = [.. manifest.Modules.Select((module, i) => Read(module, i, files))];
        Dictionary<string, string> texts = files.Where(file => file.Key.StartsWith(TextFolder, StringComparison.Ordinal))
            .ToDictionary(file => file.Key[TextFolder.Length..], file => Encoding.UTF8.GetString(file.Value.Span), StringComparer.Ordinal);
        Capture? capture = null;
        var evidence = new PlatformEvidence(manifest.Source ?? string.Empty, nfit.Span, modules, ssdts)
        {
            Kernel = CapturedSysfs.Has(texts) ? () => capture!.Platform : null,
            Scrub = manifest.Scrub is { } scrub ? new ScrubStatus(scrub.Active ? ScrubState.Active : ScrubState.Idle, scrub.Finished) : null,
            Activation = manifest.Activation,
            Disabled = [.. (manifest.Disabled ?? []).Where(key => key is not null)],
        };
        return capture = new Capture(evidence, texts, manifest.Omitted ?? []);
    }

    /// <inheritdoc/>
    public void Dispose() => Evidence.Dispose();

    private static CaptureManifest ReadManifest(Dictionary<string, ReadOnlyMemory<byte>> files)
    {
        if (!files.TryGetValue(Manifest, out ReadOnlyMemory<byte> text))
            throw new PmemFormatException("capture", -1, $"an entry {Manifest}", "none");
        CaptureManifest? manifest;
        try
        {
            manifest = JsonSerializer.Deserialize(text.Span, CaptureJson.Default.CaptureManifest);
        }
        catch (Exception wrong) when (wrong is JsonException or NotSupportedException or InvalidOperationException)
        {
            throw new PmemFormatException("capture manifest", -1, "JSON as docs/formats/capture.md has it", wrong.Message);
        }

        if (manifest is not { Format: CaptureManifest.FormatName })
            throw new PmemFormatException("capture manifest", -1, $"format {CaptureManifest.FormatName}", $"{manifest?.Format}");
        if (manifest.Version != CaptureManifest.CurrentVersion)
            throw new PmemFormatException("capture manifest", -1, $"version {CaptureManifest.CurrentVersion}", $"{manifest.Version}: a newer pmem may read it");
        if (manifest.Modules is null || manifest.Modules.Count > MaximumModules || manifest.Modules.Any(module => module is null) || manifest.Modules.DistinctBy(module => module.Handle).Count() != manifest.Modules.Count)
            throw new PmemFormatException("capture manifest", -1, $"at most {MaximumModules} modules with handles of their own", $"{manifest.Modules?.Count}");
        return manifest;
    }

    private static ModuleEvidence Read(CaptureModule module, int number, Dictionary<string, ReadOnlyMemory<byte>> files)
    {
        bool hasLabels = files.TryGetValue(LabelsOf(number), out ReadOnlyMemory<byte> labels);
        if (labels.Length > LabelAreaGeometry.MaximumAreaSize)
            throw new PmemFormatException("capture", -1, $"a label storage area of at most {LabelAreaGeometry.MaximumAreaSize} bytes", $"{labels.Length}");
        return new ModuleEvidence(new NfitDeviceHandle(module.Handle), module.Capacity)
        {
            File = module.File,
            LabelOffset = module.LabelOffset,
            Labels = hasLabels ? LabelArea.Parse(labels.Span) : null,
            Media = new CaptureMedia(module.Extents ?? [], files.GetValueOrDefault(MediaOf(number)), module.Capacity),
            IsPresent = module.Present,
            IsLocked = module.Locked,
            Poison = RangesOf(module.Poison) ?? [],
            Reported = RangesOf(module.Reported),
            Injected = RangesOf(module.Injected),
            Health = module.Health,
            Details = new Model.DimmDetails { CommandFamily = module.CommandFamily, Security = module.Security, Firmware = module.Firmware, DirtyShutdowns = module.DirtyShutdowns, Control = module.Identity?.ToControl() },
            PhysicalId = module.Identity?.PhysicalId ?? 0,
        };
    }

    private static List<(ulong Address, ulong Length)>? RangesOf(IReadOnlyList<CaptureRange>? ranges) => ranges is null ? null : [.. ranges.Where(range => range is not null).Select(range => (range.Address, range.Length))];

    private static List<CaptureRange>? Describe(IReadOnlyList<(ulong Address, ulong Length)>? ranges) => ranges is null ? null : [.. ranges.Select(range => new CaptureRange(range.Address, range.Length))];

    private static CaptureModule Describe(ModuleEvidence module, List<CaptureRange> extents, bool isInTable) => new()
    {
        Handle = module.Handle.Value,
        Capacity = module.Capacity,
        File = module.File is null ? null : Path.GetFileName(module.File),
        LabelOffset = module.LabelOffset,
        Present = module.IsPresent,
        Locked = module.IsLocked,
        Poison = Describe(module.Poison) ?? [],
        Reported = Describe(module.Reported),
        Injected = Describe(module.Injected),
        Extents = extents,
        Health = module.Health,
        CommandFamily = module.Details.CommandFamily,
        Security = module.Details.Security,
        Firmware = module.Details.Firmware,
        DirtyShutdowns = module.Details.DirtyShutdowns,
        Identity = isInTable ? null : CaptureIdentity.Of(module),
    };

    private static string LabelsOf(int module) => $"modules/{module:d4}/labels.bin";

    private static string MediaOf(int module) => $"modules/{module:d4}/media.bin";
}
