using System.CommandLine;
using Pmem.Platform.Captures;
using Pmem.Platform.Evidence;
using Pmem.Platform.Labels;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Labels;

/// <summary>
/// A file that is a label storage area, or ends in one: QEMU keeps the area of an nvdimm device in the last bytes of its image.
/// </summary>
internal sealed class LabelFile
{
    private readonly LabelArea? _captured;

    private LabelFile(string path, long offset, int size, LabelArea? captured = null)
    {
        _captured = captured;
        Path = path;
        Offset = offset;
        Size = size;
    }

    public string Path { get; }

    /// <summary>Where the area is; in an image, the size of the memory before it.</summary>
    public long Offset { get; }

    /// <summary>Bytes of the area.</summary>
    public int Size { get; }

    /// <summary>Whether the file holds memory before the area, which then is the DIMM's capacity.</summary>
    public bool IsImage => Offset > 0;

    /// <summary>Whether the area is one of a capture, in which nothing is repaired.</summary>
    public bool IsCaptured => _captured is not null;

    public static Argument<string> FileArgument() => new("FILE") { Description = "A label storage area, or with --label-size an image whose last bytes are one." };

    public static Option<string?> LabelSizeOption() => new("--label-size") { Description = "The file is an image of QEMU's nvdimm device with this label-size, such as 128KiB." };

    public static Option<string?> DimmOption() => new("--dimm", "-d") { Description = "The file is a capture, and this the module whose area is meant, such as nmem0." };

    /// <summary>An area to be looked at: in a file, or of a module in a capture.</summary>
    public static LabelFile ToRead(string path, string? labelSize, string? dimm)
    {
        if (!File.Exists(path) || !Capture.LooksLike(path))
            return dimm is null ? Of(path, labelSize) : throw new PmemException($"{path} is no capture, of which --dimm would name a module");
        using var capture = Capture.Open(path);
        IReadOnlyList<ModuleEvidence> modules = capture.Evidence.Modules;
        int number = dimm is null && modules.Count == 1 ? 0 : Enumerable.Range(0, modules.Count).FirstOrDefault(i => PlatformEvidence.NameOf(i) == dimm || modules[i].Handle.ToString() == dimm, -1);
        if (number < 0)
            throw new PmemException($"{path} is a capture: say which module, --dimm {string.Join(", ", Enumerable.Range(0, modules.Count).Select(PlatformEvidence.NameOf).DefaultIfEmpty("(there is none)"))}");
        return modules[number].Labels is { } labels
            ? new LabelFile(path, (long)(modules[number].LabelOffset ?? 0), labels.Size, labels)
            : throw new PmemException($"{PlatformEvidence.NameOf(number)} has no label storage area in {path}");
    }

    public static LabelFile Of(string path, string? labelSize)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException($"there is no file {path}; 'truncate -s 128K {path}' makes an area without labels, to be initialised with 'pmem labels init'");
        if (Capture.LooksLike(path))
            throw new PmemException($"{path} is a capture, which nobody may change: do it on the platform itself");
        long length = LinkedFile.LengthOf(path);
        long size = length;
        if (labelSize is not null && !ByteSize.TryParse(labelSize, out size))
            throw new PmemException($"'{labelSize}' is not a size; write a number with a unit, such as 128KiB");
        if (size > length)
            throw new PmemException($"{path} has {length} bytes, less than the label size of {size}");
        return size > LabelAreaGeometry.MaximumAreaSize || size < LabelAreaGeometry.MinimumAreaSize
            ? throw new PmemException($"{path}: a label storage area has {LabelAreaGeometry.MinimumAreaSize} to {LabelAreaGeometry.MaximumAreaSize} bytes, not {size}; of a larger image name the area with --label-size")
            : new LabelFile(path, length - size, (int)size);
    }

    public LabelArea Read()
    {
        if (_captured is not null)
            return _captured;
        byte[] bytes = new byte[Size];
        using FileStream file = File.Open(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        file.Position = Offset;
        file.ReadExactly(bytes);
        return LabelArea.Parse(bytes);
    }

    /// <summary>Makes the writes of an update, each durable before the next.</summary>
    public void Apply(LabelUpdate update)
    {
        using PersistentMap map = PersistentMap.Open(Path, new PersistentMapOptions { Lock = true });
        update.Apply([new MappedLabelStorage(map, Offset, Size)]);
    }

    /// <summary>The slot of QEMU whose device would have this cookie in a region of its own, or -1.</summary>
    public static int FindQemuSlot(ulong cookie)
    {
        const uint FirstSerial = 0x123456;
        const ushort Vendor = 0x8086;
        const int Slots = 256;
        for (int slot = 0; slot < Slots; slot++)
        {
            InterleaveSetCookie candidate = InterleaveSetCookie.Compute([new InterleaveSetMember(0, FirstSerial + (uint)slot, Vendor, 0, 0)]);
            if (cookie == candidate.Version12 || cookie == candidate.Version11)
                return slot;
        }

        return -1;
    }
}
