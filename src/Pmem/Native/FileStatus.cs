using System.Buffers.Binary;

namespace Pmem.Native;

/// <summary>What Linux says of a path (<c>statx</c>, whose layout is the same on every machine).</summary>
/// <param name="Mode">Type and permissions.</param>
/// <param name="BlockSize">Bytes of a block of the file system.</param>
/// <param name="DeviceNumber">The disk that holds the file, as <c>major:minor</c>.</param>
/// <param name="Length">Bytes; 0 for devices.</param>
/// <param name="Inode">The file's number on that disk.</param>
internal readonly record struct FileStatus(int Mode, int BlockSize, string DeviceNumber, long Length, ulong Inode)
{
    private const int TypeMask = 0xF000;
    private const int RegularType = 0x8000;
    private const int BlockType = 0x6000;
    private const int FolderType = 0x4000;

    public bool IsRegular => (Mode & TypeMask) == RegularType;

    public bool IsBlockDevice => (Mode & TypeMask) == BlockType;

    public bool IsFolder => (Mode & TypeMask) == FolderType;

    /// <summary>Equal for the names of one file, hard links too.</summary>
    public (string Device, ulong Inode) Identity => (DeviceNumber, Inode);

    /// <summary>Asks for it, through symbolic links.</summary>
    /// <exception cref="PmemException">The system does not tell.</exception>
    public static FileStatus Of(string path) => TryOf(path, out FileStatus status) ? status : throw Failure(path, Libc.LastError());

    /// <summary>Asks for it, through symbolic links; false when there is nothing.</summary>
    /// <exception cref="PmemException">The system does not tell.</exception>
    public static unsafe bool TryOf(string path, out FileStatus found)
    {
        const int StructureSize = 256;
        const int CurrentFolder = -100;
        const uint BasicStatistics = 0x7FF;
        byte* status = stackalloc byte[StructureSize];
        if (Libc.Status(CurrentFolder, path, 0, BasicStatistics, status) != 0)
        {
            (int Number, string Text) error = Libc.LastError();
            found = default;
            return error.Number is Libc.ErrorNoEntry or Libc.ErrorNoFolder ? false : throw Failure(path, error);
        }

        var bytes = new ReadOnlySpan<byte>(status, StructureSize);
        uint major = BinaryPrimitives.ReadUInt32LittleEndian(bytes[0x88..]);
        uint minor = BinaryPrimitives.ReadUInt32LittleEndian(bytes[0x8C..]);
        found = new FileStatus(
            BinaryPrimitives.ReadUInt16LittleEndian(bytes[0x1C..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]),
            $"{major}:{minor}",
            BinaryPrimitives.ReadInt64LittleEndian(bytes[0x28..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[0x20..]));
        return true;
    }

    private static PmemException Failure(string path, (int Number, string Text) error) => new($"cannot look at {path}: {error.Text} (errno {error.Number})");
}
