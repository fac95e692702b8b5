using System.CommandLine;
using System.Globalization;
using Pmem.Blocks.Layout;
using Pmem.Platform;
using Pmem.Platform.Captures;
using Pmem.Platform.Evidence;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;
using Pmem.Tool.Pool;

namespace Pmem.Tool.InfoBlocks;

/// <summary>A namespace in a file, from an offset to the end or for a size.</summary>
internal sealed class InfoBlockFile
{
    private InfoBlockFile(string path, long offset, long size, byte[] head)
    {
        Path = path;
        Offset = offset;
        Size = size;
        Head = head;
    }

    public string Path { get; }

    public long Offset { get; }

    public long Size { get; }

    /// <summary>System physical address, where it is known; else 0.</summary>
    public ulong Start { get; private init; }

    /// <summary>The first 8192 bytes, fewer if the namespace has fewer.</summary>
    public byte[] Head { get; }

    public static Argument<string> FileArgument() => new("FILE") { Description = "A namespace, or a file that holds one." };

    public static Option<string?> OffsetOption() => new("--offset", "-O") { Description = "Where the namespace begins in the file." };

    public static Option<string?> SizeOption() => new("--size", "-s") { Description = "Bytes of the namespace; to the end of the file if not given." };

    /// <summary>A number, decimal with a unit or hexadecimal.</summary>
    public static long ParseNumber(string? text, long absent)
    {
        if (text is null)
            return absent;
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) && long.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out long value) && value >= 0)
            return value;
        return ByteSize.TryParse(text, out value) ? value : throw new PmemException($"'{text}' is not a number; write bytes with a unit, such as 2MiB, or 0x200000");
    }

    /// <summary>The start of a namespace that was read before.</summary>
    public static InfoBlockFile Of(string name, byte[] head) => new(name, 0, head.Length, head);

    public static Option<string?> NamespaceOption() => new("--namespace", "-n") { Description = "The file is a capture, and this the namespace that is meant, such as namespace0.0." };

    /// <summary>A namespace in a file, or one of a capture, of which the head alone is known.</summary>
    public static InfoBlockFile Read(string path, string? offset, string? size, string? name)
    {
        if (!File.Exists(path) || !Capture.LooksLike(path))
            return name is null ? Read(path, offset, size) : throw new PmemException($"{path} is no capture, of which --namespace would name a namespace");
        using var capture = Capture.Open(path);
        (RegionEvidence Region, NamespaceView Space)[] spaces = [.. capture.Evidence.Regions.SelectMany(region => region.View.Namespaces.Select(space => (region, space)))];
        (RegionEvidence region, NamespaceView space) = spaces.FirstOrDefault(known => known.Space.Name == name || (name is null && spaces.Length == 1));
        if (space is null)
            throw new PmemException($"{path} is a capture: say which namespace, --namespace {string.Join(", ", spaces.Select(known => known.Space.Name).DefaultIfEmpty("(there is none)"))}");
        byte[] head = new byte[Math.Min(NamespacePersonality.HeadSize, space.RawSize)];
        return region.TryRead(space.Start - region.Range.Base, head) ? new InfoBlockFile(path, 0, (long)space.RawSize, head) { Start = space.Start } : throw new PmemException($"the start of {space.Name} is not in {path}");
    }

    public static InfoBlockFile Read(string path, string? offset, string? size)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException($"there is no file {path}");
        using FileStream file = File.Open(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        long start = ParseNumber(offset, 0);
        if (start > file.Length)
            throw new PmemException($"{path} has {file.Length} bytes, and no namespace at {start}");
        long length = ParseNumber(size, file.Length - start);
        byte[] head = new byte[Math.Min(NamespacePersonality.HeadSize, Math.Min(length, file.Length - start))];
        file.Position = start;
        file.ReadExactly(head);
        return new InfoBlockFile(path, start, length, head);
    }

    /// <summary>The BTT block at an offset of the namespace, if there is an intact one.</summary>
    public BttInfo? FindBtt(int position)
    {
        if (Head.Length < position + BttInfo.Size)
            return null;
        BttInfo info = BttInfo.Read(Head.AsSpan(position));
        return info.IsIntact ? info : null;
    }

    /// <summary>The PFN or DAX block, if there is an intact one.</summary>
    public PfnInfoBlock? FindPfn(out FormatProblem? problem)
    {
        problem = null;
        return Head.Length < PfnInfoBlock.Position + PfnInfoBlock.Size ? null : PfnInfoBlock.TryParse(Head.AsSpan(PfnInfoBlock.Position), out problem);
    }
}
