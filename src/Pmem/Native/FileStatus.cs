using System.Buffers.Binary;

namespace Pmem.Native;

/// <summary>What Linux says of a path (<c>statx</c>, whose layout is the same on every machine).</summary>
/// <param name="Mode">Type and permissions.</param>
/// <param name="BlockSize">Bytes of a block of the file system.</param>
/// <param name="DeviceNumber">The disk that holds the file, as <c>major:minor</c>.</param>
internal readonly record struct FileStatus(int Mode, int BlockSize, string DeviceNumber)
{
    private const int TypeMask = 0xF000;
    private const int RegularType = 0x8000;
    private const int BlockType = 0x6000;

    public bool IsRegular => (Mode & TypeMask) == RegularType;

    public bool IsBlockDevice => (Mode & TypeMask) == BlockType;

    /// <summary>Asks for it, through symbolic links.</summary>
    /// <exception cref="PmemException">The system does not tell.</exception>
    public static unsafe FileStatus Of(string path)
    {
        const int StructureSize = 256;
        const int CurrentFolder = -100;
        const uint BasicStatistics = 0x7FF;
        byte* status = stackalloc byte[StructureSize];
        if (Libc.Status(CurrentFolder, path, 0, BasicStatistics, status) != 0)
        {
            (int number, string text) = Libc.LastError();
            throw new PmemException($"cannot look at {path}: {text} (errno {number})");
        }

        var bytes = new ReadOnlySpan<byte>(status, StructureSize);
        uint major = BinaryPrimitives.ReadUInt32LittleEndian(bytes[0x88..]);
        uint minor = BinaryPrimitives.ReadUInt32LittleEndian(bytes[0x8C..]);
        return new FileStatus(BinaryPrimitives.ReadUInt16LittleEndian(bytes[0x1C..]), BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]), $"{major}:{minor}");
    }
}
