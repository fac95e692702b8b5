using System.Globalization;

namespace Pmem.Native;

/// <summary>
/// Bad blocks as Linux keeps them: lists of 512-byte sectors in sysfs, of a disk for files, of a region for device DAX. What lies in a file is
/// found by the file's extents, and widened to whole blocks, since only those can be replaced.
/// </summary>
/// <param name="sysfs">Where sysfs is mounted.</param>
/// <param name="extents">The extents of a file.</param>
internal sealed class LinuxBadBlocks(string sysfs, Func<string, IReadOnlyList<FileExtent>> extents) : BadBlockSource
{
    private const int SectorSize = 512;
    private const long DeviceBlock = 4096;

    public LinuxBadBlocks()
        : this("/sys", FileExtent.Of)
    {
    }

    public override IReadOnlyList<BadBlock> Find(string path)
    {
        if (!OperatingSystem.IsLinux())
            return [];
        if (!File.Exists(path))
            throw new FileNotFoundException($"there is no file {path}", path);
        return DaxDevice.TryFind(path, sysfs) is { } device ? OfDevice(path, device) : OfFile(path);
    }

    public override unsafe void Clear(string path, BadBlock range)
    {
        if (DaxDevice.TryFind(path, sysfs) is not null)
        {
            if (DaxRegion.Find(path, sysfs) is not { } region)
                throw new PmemException($"cannot clear bad blocks of {path}: its region does not show where it starts; run as root");
            region.ClearError(range);
            return;
        }

        const int KeepSize = 1;
        const int PunchHole = 2;
        int fd = Libc.Open(path, Libc.OpenReadWrite | Libc.OpenCloseOnExec, 0);
        if (fd < 0)
            throw Failure("open", path);
        try
        {
            // The bad block goes back to the file system, which clears or avoids it; the file gets a good one.
            if (Libc.ChangeSpace(fd, PunchHole | KeepSize, range.Offset, range.Length) != 0 || Libc.ChangeSpace(fd, KeepSize, range.Offset, range.Length) != 0)
                throw Failure("replace the bad blocks of", path);
            if (Libc.SyncFile(fd) != 0)
                throw Failure("make durable", path);
        }
        finally
        {
            _ = Libc.Close(fd);
        }
    }

    /// <summary>Reads a list of sysfs, "sector count" a line; a line that is none ends it.</summary>
    internal static IEnumerable<BadBlock> Parse(IEnumerable<string> lines)
    {
        foreach (string line in lines)
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 2 || !long.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out long sector)
                || !long.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out long count)
                || sector > long.MaxValue / SectorSize / 2 || count > long.MaxValue / SectorSize / 2)
                yield break;
            yield return new BadBlock(sector * SectorSize, count * SectorSize);
        }
    }

    private List<BadBlock> OfDevice(string path, DaxDevice device)
    {
        if (DaxRegion.Find(path, sysfs) is not { } region)
            return [];
        var whole = new FileExtent(0, region.DeviceStart - region.Start, device.Length);
        return Intersect(region.BadBlocks(), [whole], DeviceBlock);
    }

    private List<BadBlock> OfFile(string path)
    {
        FileStatus status = FileStatus.Of(path);
        string disk = Path.Combine(sysfs, "dev/block", status.DeviceNumber);
        long partition = 0;
        if (File.Exists(Path.Combine(disk, "partition")))
        {
            partition = long.Parse(File.ReadAllText(Path.Combine(disk, "start")).Trim(), CultureInfo.InvariantCulture) * SectorSize;
            disk = Path.GetDirectoryName(new DirectoryInfo(disk).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? disk)!;
        }

        string list = Path.Combine(disk, "badblocks");
        if (!status.IsRegular || !File.Exists(list))
            return [];
        BadBlock[] bad = [.. Parse(File.ReadLines(list)).Select(block => block with { Offset = block.Offset - partition })];
        return bad.Length == 0 ? [] : Intersect(bad, extents(path), Math.Max(status.BlockSize, SectorSize));
    }

    private static List<BadBlock> Intersect(IEnumerable<BadBlock> bad, IReadOnlyList<FileExtent> pieces, long blockSize)
    {
        var found = new List<BadBlock>();
        foreach (BadBlock block in bad)
        {
            foreach (FileExtent piece in pieces)
            {
                long from = Math.Max(block.Offset, piece.Physical);
                long to = Math.Min(block.End, piece.Physical + piece.Length);
                if (from >= to)
                    continue;
                long start = piece.Logical + from - piece.Physical;
                long end = piece.Logical + to - piece.Physical;
                start -= start % blockSize;
                end += (blockSize - (end % blockSize)) % blockSize;
                found.Add(new BadBlock(start, end - start));
            }
        }

        return Merge(found);
    }

    /// <summary>Sorts, and joins what touches.</summary>
    private static List<BadBlock> Merge(List<BadBlock> blocks)
    {
        var merged = new List<BadBlock>();
        foreach (BadBlock block in blocks.OrderBy(block => block.Offset))
        {
            if (merged.Count > 0 && block.Offset <= merged[^1].End)
                merged[^1] = merged[^1] with { Length = Math.Max(merged[^1].End, block.End) - merged[^1].Offset };
            else
                merged.Add(block);
        }

        return merged;
    }

    private static PmemException Failure(string what, string path)
    {
        (int number, string text) = Libc.LastError();
        return new PmemException($"cannot {what} {path}: {text} (errno {number})");
    }
}
