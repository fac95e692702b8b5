using Microsoft.Win32.SafeHandles;

namespace Pmem.Emulation.Guest;

/// <summary>A run of a DIMM's file, and where it is in the guest's memory or registers; at most <see cref="Unit"/> bytes.</summary>
internal readonly record struct GuestPart(int Dimm, long FileOffset, bool IsRegister, long MemoryOffset, int Length)
{
    /// <summary>Bytes that are moved at once.</summary>
    public const int Unit = 1 << 20;
}

/// <summary>
/// Moves bytes between the DIMMs' files and a guest's memory. Both are read as files, not mapped, and only what differs is written: holes stay holes, also on tmpfs, where
/// looking at a mapped hole fills it.
/// </summary>
internal sealed class GuestTransfer : IDisposable
{
    private readonly SafeFileHandle _memory;
    private readonly SafeFileHandle _registers;
    private readonly string _folder;
    private readonly IReadOnlyList<VirtualDimm> _dimms;
    private readonly SafeFileHandle?[] _files;
    private readonly PersistentMap?[] _maps;
    private readonly byte[] _ours = new byte[GuestPart.Unit];
    private readonly byte[] _theirs = new byte[GuestPart.Unit];

    /// <summary>Opens the files of a guest; those that are created get their length.</summary>
    public GuestTransfer(GuestMemory memory, FileMode mode, string folder, IReadOnlyList<VirtualDimm> dimms)
    {
        (_folder, _dimms) = (folder, dimms);
        _files = new SafeFileHandle?[dimms.Count];
        _maps = new PersistentMap?[dimms.Count];
        _memory = File.OpenHandle(memory.Path, mode, FileAccess.ReadWrite);
        _registers = File.OpenHandle(memory.RegistersPath, mode, FileAccess.ReadWrite);
        if (mode != FileMode.CreateNew)
            return;
        RandomAccess.SetLength(_memory, (long)memory.Length);
        RandomAccess.SetLength(_registers, (long)memory.RegistersLength);
    }

    /// <summary>Makes the guest's files durable.</summary>
    public void Flush()
    {
        RandomAccess.FlushToDisk(_memory);
        RandomAccess.FlushToDisk(_registers);
    }

    /// <summary>Writes into the registers.</summary>
    public void WriteRegisters(long position, ReadOnlySpan<byte> bytes) => RandomAccess.Write(_registers, bytes, position);

    /// <summary>Reads registers.</summary>
    public byte[] ReadRegisters(long position, int length)
    {
        byte[] bytes = new byte[length];
        Read(_registers, bytes, position);
        return bytes;
    }

    /// <summary>Copies from a DIMM into memory that is all zeros.</summary>
    public void ToGuest(GuestPart part)
    {
        if (IsHole(FileOf(part.Dimm), part.FileOffset, part.Length))
            return;
        Span<byte> bytes = ReadDimm(part);
        if (bytes.ContainsAnyExcept((byte)0))
            RandomAccess.Write(Of(part), bytes, part.MemoryOffset);
    }

    /// <summary>Copies what the guest changed to a DIMM; durable at return.</summary>
    public void ToDimm(GuestPart part)
    {
        if (IsHole(Of(part), part.MemoryOffset, part.Length) && IsHole(FileOf(part.Dimm), part.FileOffset, part.Length))
            return;
        Span<byte> theirs = _theirs.AsSpan(0, part.Length);
        Read(Of(part), theirs, part.MemoryOffset);
        if (!ReadDimm(part).SequenceEqual(theirs))
            (_maps[part.Dimm] ??= PersistentMap.Open(PathOf(part.Dimm))).Copy(part.FileOffset, theirs);
    }

    public void Dispose()
    {
        _memory.Dispose();
        _registers.Dispose();
        foreach (SafeFileHandle? file in _files)
            file?.Dispose();
        foreach (PersistentMap? map in _maps)
            map?.Dispose();
    }

    private SafeFileHandle Of(GuestPart part) => part.IsRegister ? _registers : _memory;

    private Span<byte> ReadDimm(GuestPart part)
    {
        Span<byte> bytes = _ours.AsSpan(0, part.Length);
        Read(FileOf(part.Dimm), bytes, part.FileOffset);
        return bytes;
    }

    private SafeFileHandle FileOf(int dimm) => _files[dimm] ??= File.OpenHandle(PathOf(dimm), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);

    // Terabytes of holes are not read. A file that was cut is no hole: reading says so.
    private static bool IsHole(SafeFileHandle file, long offset, long length) => FileSpace.NextData(file, offset) >= offset + length && RandomAccess.GetLength(file) >= offset + length;

    private string PathOf(int dimm) => Path.Combine(_folder, _dimms[dimm].File);

    private static void Read(SafeFileHandle file, Span<byte> bytes, long offset)
    {
        while (!bytes.IsEmpty)
        {
            int read = RandomAccess.Read(file, bytes, offset);
            if (read == 0)
                throw new PmemException($"a file of the platform ends at 0x{offset:x}, before its time: it was cut");
            bytes = bytes[read..];
            offset += read;
        }
    }
}
