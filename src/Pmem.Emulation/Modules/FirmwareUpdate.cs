using Pmem.Platform.Dsm;

namespace Pmem.Emulation.Modules;

/// <summary>An update of a module's firmware under way: started, pieces sent, finished. In the module's memory alone: it is forgotten when power goes. Not thread-safe.</summary>
internal sealed class FirmwareUpdate
{
    public const uint MaximumSend = 4096;
    private const ushort Busy = 1;
    private const ushort Done = 2;
    private const ushort Bad = 3;
    private const ushort Aborted = 4;

    private byte[]? _image;
    private uint _context;
    private int _length;
    private ulong? _finished;
    private bool _isBad;

    public DsmOutput Start()
    {
        if (_image is not null)
            return new DsmNumberOutput { Status = (ushort)IntelStatus.FunctionSpecific, ExtendedStatus = Busy, Value = _context };
        _image = new byte[FirmwareImage.MaximumSize];
        (_length, _finished, _isBad) = (0, null, false);
        return new DsmNumberOutput { Value = ++_context };
    }

    public DsmOutput Send(FirmwareDataInput input)
    {
        // Pieces come one behind the other, or again.
        if (_image is null || input.Context != _context || input.Data.Length > MaximumSend || input.Offset > _length || input.Data.Length > _image.Length - input.Offset)
            return Status(IntelStatus.InvalidInput);
        input.Data.CopyTo(_image, input.Offset);
        _length = Math.Max(_length, (int)input.Offset + input.Data.Length);
        return Status(IntelStatus.Success);
    }

    /// <summary>Ends the update; its version if the image is good.</summary>
    public DsmOutput Finish(FirmwareFinishInput input, out ulong? version)
    {
        version = null;
        if (input.Context != _context || _context == 0)
            return Status(IntelStatus.InvalidInput);
        if (_image is null)
            return Status(IntelStatus.FunctionSpecific, Done);
        byte[] image = _image;
        _image = null;
        if ((input.Flags & 1) != 0)
            return Status(IntelStatus.FunctionSpecific, Aborted);
        _finished = version = FirmwareImage.ReadVersion(image.AsSpan(0, _length));
        _isBad = version is null;
        return _isBad ? Status(IntelStatus.FunctionSpecific, Bad) : Status(IntelStatus.Success);
    }

    public DsmOutput Query(FirmwareQueryInput input)
    {
        if (input.Context != _context || _context == 0)
            return new FirmwareQueryOutput { Status = (ushort)IntelStatus.InvalidInput };
        if (_finished is { } version)
            return new FirmwareQueryOutput { Revision = version };
        return new FirmwareQueryOutput { Status = (ushort)IntelStatus.FunctionSpecific, ExtendedStatus = _isBad ? Bad : Aborted };
    }

    private static DsmStatus Status(IntelStatus status, ushort extended = 0) => new() { Status = (ushort)status, ExtendedStatus = extended };
}
