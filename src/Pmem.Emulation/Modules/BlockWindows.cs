namespace Pmem.Emulation.Modules;

/// <summary>
/// The block windows of a module: several ways to its media at the same time. <see cref="VirtualPlatform.OpenBlockWindows"/> gives them. A power cut closes them: commands are
/// refused then.
/// </summary>
public sealed class BlockWindows : IDisposable
{
    /// <summary>Bytes of an aperture unless told otherwise.</summary>
    public const int DefaultAperture = 8192;

    private readonly VirtualPlatform _platform;
    private readonly PersistentMap _media;
    private readonly ModuleWear _wear;
    private readonly int _dimm;
    private readonly BlockWindow[] _windows;

    // Of the blocks that were written here, how often the one that was written most was.
    private ulong _most;

    internal BlockWindows(VirtualPlatform platform, int dimm, PersistentMap media, ModuleWear wear, int count, int apertureSize)
    {
        (_platform, _dimm, _media, _wear, ApertureSize) = (platform, dimm, media, wear, apertureSize);
        _windows = new BlockWindow[count];
        for (int i = 0; i < count; i++)
            _windows[i] = new BlockWindow(this);
    }

    /// <summary>How many there are.</summary>
    public int Count => _windows.Length;

    /// <summary>Bytes of each aperture.</summary>
    public int ApertureSize { get; }

    /// <summary>Bytes of media.</summary>
    public long Capacity => _media.Length;

    /// <summary>Number of the DIMM.</summary>
    internal int Dimm => _dimm;

    /// <summary>Whether they were not closed, nor the power cut.</summary>
    internal bool IsOpen => _media.Length > 0;

    /// <summary>A window.</summary>
    public BlockWindow this[int window] => _windows[window];

    /// <summary>Closes the windows. Life used follows from the block that was written most.</summary>
    public void Dispose()
    {
        if (_media.Length == 0)
            return;
        _media.Dispose();
        _wear.Dispose();
        _platform.Age(_dimm, Interlocked.Read(ref _most));
    }

    internal bool IsPoisoned(long dpa, int length) => _platform.IsPoisoned(_dimm, dpa, length);

    internal void Read(long dpa, Span<byte> destination) => _media.CheckedRead(dpa, destination);

    internal void Write(long dpa, ReadOnlySpan<byte> source)
    {
        _media.Copy(dpa, source);
        ulong most = _wear.Add(dpa, source.Length);
        ulong seen = Interlocked.Read(ref _most);
        while (most > seen && Interlocked.CompareExchange(ref _most, most, seen) is var before && before != seen)
            seen = before;
        if (_platform.IsPoisoned(_dimm, dpa, source.Length))
            _platform.Overwritten(_dimm, dpa, source.Length);
    }
}
