using System.Buffers.Binary;

namespace Pmem.Platform.Images;

/// <summary>The file system in an image, by its superblock.</summary>
/// <param name="Name"><c>ext4</c> (for all of ext2, ext3 and ext4) or <c>xfs</c>.</param>
/// <param name="BlockSize">Bytes of a block.</param>
/// <param name="Size">Bytes that it takes; 0 when the superblock makes no sense.</param>
public sealed record FileSystemSummary(string Name, int BlockSize, long Size)
{
    private const int HeadSize = 2048;

    /// <summary>Looks for a superblock; null when none is known.</summary>
    /// <param name="head">The first 2048 bytes of the image, fewer if it has fewer.</param>
    public static FileSystemSummary? Probe(ReadOnlySpan<byte> head)
    {
        if (head.Length < HeadSize)
            return null;
        if (head.StartsWith("XFSB"u8))
        {
            uint size = BinaryPrimitives.ReadUInt32BigEndian(head[4..]);
            return size is >= 512 and <= 65536 ? new FileSystemSummary("xfs", (int)size, SizeOf(size, BinaryPrimitives.ReadUInt64BigEndian(head[8..]))) : null;
        }

        ReadOnlySpan<byte> super = head[1024..];
        uint shift = BinaryPrimitives.ReadUInt32LittleEndian(super[24..]);
        if (BinaryPrimitives.ReadUInt16LittleEndian(super[56..]) != 0xef53 || shift > 6)
            return null;
        bool has64 = (BinaryPrimitives.ReadUInt32LittleEndian(super[96..]) & 0x80) != 0;
        ulong blocks = BinaryPrimitives.ReadUInt32LittleEndian(super[4..]) | (has64 ? (ulong)BinaryPrimitives.ReadUInt32LittleEndian(super[0x150..]) << 32 : 0);
        return new FileSystemSummary("ext4", 1024 << (int)shift, SizeOf(1024u << (int)shift, blocks));
    }

    /// <summary>Looks for a superblock in a file.</summary>
    internal static FileSystemSummary? Probe(FileStream file, long offset, long length)
    {
        byte[] head = new byte[(int)Math.Min(HeadSize, length)];
        file.Position = offset;
        file.ReadExactly(head);
        return Probe(head);
    }

    private static long SizeOf(uint blockSize, ulong blocks) => blocks <= (ulong)(long.MaxValue / blockSize) ? (long)(blocks * blockSize) : 0;
}
