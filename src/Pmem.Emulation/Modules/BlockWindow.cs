namespace Pmem.Emulation.Modules;

/// <summary>Status of a block window after a command (NVDIMM block window driver writer's guide; Linux's mask for failures is 0x37).</summary>
[Flags]
public enum BlockWindowStatus : uint
{
    /// <summary>Done.</summary>
    None = 0,

    /// <summary>The command's range is not on the module, or larger than the aperture.</summary>
    InvalidAddress = 1 << 0,

    /// <summary>A part of the range cannot be read.</summary>
    UncorrectableError = 1 << 1,

    /// <summary>The aperture was read after a write command, or written after a read command.</summary>
    Mismatch = 1 << 2,

    /// <summary>Under way.</summary>
    Pending = 1u << 31,
}

/// <summary>
/// One block window of a module: a command register that moves the aperture to a range of media, a status register, and the aperture. What is written through the aperture
/// is durable at return. One thread uses a window at a time; different windows work in parallel.
/// </summary>
public sealed class BlockWindow
{
    private const int LineSize = 64;
    private const int LengthShift = 48;
    private const int WriteShift = 56;
    private const ulong AddressMask = (1UL << LengthShift) - 1;

    private readonly BlockWindows _windows;
    private ulong _command;
    private long _dpa;
    private int _length;
    private bool _writes;

    internal BlockWindow(BlockWindows windows) => _windows = windows;

    /// <summary>The command register: DIMM address in lines of 64 bytes (bits 0–47), lines (48–55; 0 for 256), bit 56 for a write.</summary>
    public ulong Command => _command;

    /// <summary>The status register.</summary>
    public BlockWindowStatus Status { get; private set; }

    /// <summary>Composes a command.</summary>
    /// <param name="dpa">DIMM physical address, a multiple of 64.</param>
    /// <param name="length">Bytes, a multiple of 64 up to 16384.</param>
    /// <param name="write">Whether the aperture is to be written.</param>
    public static ulong Compose(long dpa, int length, bool write)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(dpa);
        ArgumentOutOfRangeException.ThrowIfNotEqual(dpa % LineSize, 0, nameof(dpa));
        ArgumentOutOfRangeException.ThrowIfNotEqual(length % LineSize, 0, nameof(length));
        ArgumentOutOfRangeException.ThrowIfLessThan(length, LineSize);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, 256 * LineSize);
        return ((ulong)(dpa / LineSize) & AddressMask) | ((ulong)(byte)(length / LineSize) << LengthShift) | (write ? 1UL << WriteShift : 0);
    }

    /// <summary>Writes the command register: the aperture moves, and the status says how that went. Any number is taken.</summary>
    public void WriteCommand(ulong command)
    {
        _command = command;
        long lines = (long)(command >> LengthShift & 0xff);
        ulong address = command & AddressMask;
        _writes = (command >> WriteShift & 1) != 0;
        _length = (int)(lines == 0 ? 256 : lines) * LineSize;
        _dpa = (long)(address * LineSize);
        if (_length > _windows.ApertureSize || _dpa > _windows.Capacity - _length)
            (_length, Status) = (0, BlockWindowStatus.InvalidAddress);
        else
            Status = !_writes && _windows.IsPoisoned(_dpa, _length) ? BlockWindowStatus.UncorrectableError : BlockWindowStatus.None;
    }

    /// <summary>Reads through the aperture, after a read command. What cannot be read is zeros, and the status says so.</summary>
    /// <param name="offset">Offset in the aperture.</param>
    /// <param name="destination">Bytes of the command's range.</param>
    public void Read(int offset, Span<byte> destination)
    {
        destination.Clear();
        if (!Covers(offset, destination.Length))
            Status |= BlockWindowStatus.InvalidAddress;
        else if (_writes)
            Status |= BlockWindowStatus.Mismatch;
        else if (Status == BlockWindowStatus.None)
            _windows.Read(_dpa + offset, destination);
    }

    /// <summary>Writes through the aperture, after a write command; durable at return. Whole units of 256 bytes that could not be read can be read then.</summary>
    /// <param name="offset">Offset in the aperture.</param>
    /// <param name="source">Bytes for the command's range.</param>
    public void Write(int offset, ReadOnlySpan<byte> source)
    {
        if (!Covers(offset, source.Length))
            Status |= BlockWindowStatus.InvalidAddress;
        else if (!_writes)
            Status |= BlockWindowStatus.Mismatch;
        else
            _windows.Write(_dpa + offset, source);
    }

    private bool Covers(int offset, int length) => offset >= 0 && offset <= _length && length <= _length - offset;
}
