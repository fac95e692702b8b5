using System.Buffers.Binary;
using System.Globalization;

namespace Pmem.Native;

/// <summary>The region below a device-DAX node, as sysfs shows it to root.</summary>
/// <param name="Folder">Its folder in sysfs.</param>
/// <param name="Start">System physical address of the region.</param>
/// <param name="DeviceStart">System physical address of the node's first byte.</param>
internal sealed record DaxRegion(string Folder, long Start, long DeviceStart)
{
    /// <summary>ND_IOCTL_CLEAR_ERROR.</summary>
    internal const nuint ClearErrorRequest = 0xC0204E04;

    private const int ClearErrorSize = 32;

    /// <summary>The region of a node; null when sysfs does not show it, or not where it starts.</summary>
    public static DaxRegion? Find(string path, string sysfs)
    {
        string target = LinkedFile.RealPath(path);
        string device = Path.Combine(sysfs, "bus/dax/devices", Path.GetFileName(target));
        string folder = new DirectoryInfo(device).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? device;
        long? start = ReadAddress(Path.Combine(folder, "resource"));
        for (string? region = folder; region is not null; region = Path.GetDirectoryName(region))
        {
            if (Path.GetFileName(region).StartsWith("region", StringComparison.Ordinal) && File.Exists(Path.Combine(region, "resource")))
                return ReadAddress(Path.Combine(region, "resource")) is { } at && start is { } first && first >= at ? new DaxRegion(region, at, first) : null;
        }

        return null;
    }

    /// <summary>Bad blocks from the region's start.</summary>
    public IEnumerable<BadBlock> BadBlocks()
    {
        string list = Path.Combine(Folder, "badblocks");
        return File.Exists(list) ? LinuxBadBlocks.Parse(File.ReadLines(list)) : [];
    }

    /// <summary>Asks the bus to clear a range of the node (function 4 of the NFIT root device's <c>_DSM</c>).</summary>
    /// <exception cref="PmemException">The bus cannot be opened, or cleared less.</exception>
    public unsafe void ClearError(BadBlock range)
    {
        string bus = $"/dev/ndctl{Path.GetFileName(Path.GetDirectoryName(Folder))!.AsSpan("ndbus".Length)}";
        int fd = Libc.Open(bus, Libc.OpenReadWrite | Libc.OpenCloseOnExec, 0);
        if (fd < 0)
            throw Failure($"open {bus}");
        try
        {
            byte[] request = EncodeClearError(DeviceStart + range.Offset, range.Length);
            fixed (byte* argument = request)
            {
                // SAFETY: the buffer is the structure of the request, which the kernel reads and writes.
                if (Libc.Control(fd, ClearErrorRequest, argument) < 0)
                    throw Failure("clear bad blocks");
            }

            long cleared = BinaryPrimitives.ReadInt64LittleEndian(request.AsSpan(24));
            if (cleared < range.Length)
                throw new PmemException($"only {cleared} of {range.Length} bad bytes could be cleared");
        }
        finally
        {
            _ = Libc.Close(fd);
        }
    }

    /// <summary>The bytes of <c>struct nd_cmd_clear_error</c>.</summary>
    internal static byte[] EncodeClearError(long address, long length)
    {
        byte[] request = new byte[ClearErrorSize];
        BinaryPrimitives.WriteInt64LittleEndian(request, address);
        BinaryPrimitives.WriteInt64LittleEndian(request.AsSpan(8), length);
        return request;
    }

    private static long? ReadAddress(string file)
    {
        try
        {
            string text = File.Exists(file) ? File.ReadAllText(file).Trim() : string.Empty;
            return text.StartsWith("0x", StringComparison.Ordinal) && long.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out long address) && address > 0
                ? address
                : null;
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static PmemException Failure(string what)
    {
        (int number, string text) = Libc.LastError();
        return new PmemException($"cannot {what}: {text} (errno {number}); only root may clear bad blocks of a device");
    }
}
