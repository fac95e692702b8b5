using Pmem.CrashTesting.Exploration;

namespace Pmem.CrashTesting;

/// <summary>What a crash left, for recovery to work on. Valid during the check that gets it.</summary>
public sealed class CrashState
{
    private readonly ImageBuffer _buffer;

    internal CrashState(ImageBuffer buffer, CrashImage crash)
    {
        _buffer = buffer;
        Crash = crash;
    }

    /// <summary>Which crash it was.</summary>
    public CrashImage Crash { get; }

    /// <summary>The image as the crash left it, whatever recovery does to <see cref="Map"/>.</summary>
    public ReadOnlySpan<byte> Image => _buffer.Image;

    /// <summary>The image as a map that recovery may change. Each check gets the image as the crash left it. Not to be disposed.</summary>
    public PersistentMap Map => _buffer.Map;

    /// <summary>Writes the image to a file, for recovery that opens one.</summary>
    public void Save(string path)
    {
        using FileStream file = File.Create(path);
        file.Write(Image);
    }

    internal ImageBuffer Buffer => _buffer;

    /// <summary>Makes <see cref="Map"/> show the image again as the crash left it.</summary>
    public void Reset() => _buffer.Reset();
}
