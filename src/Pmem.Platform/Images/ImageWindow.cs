namespace Pmem.Platform.Images;

/// <summary>A namespace or a disk in a file: a file by itself, or a part of one, such as of a DIMM's image.</summary>
/// <param name="Path">The file.</param>
/// <param name="Offset">Its first byte there.</param>
/// <param name="Length">Its bytes; null means up to the end of the file.</param>
public sealed record ImageWindow(string Path, long Offset = 0, long? Length = null)
{
    /// <summary>The bytes it has.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="PmemException">The file ends before the window does.</exception>
    public long Measure()
    {
        if (!File.Exists(Path))
            throw new FileNotFoundException($"there is no file {Path}");
        long whole = LinkedFile.LengthOf(Path);
        long length = Length ?? whole - Offset;
        return Offset >= 0 && length > 0 && Offset <= whole && length <= whole - Offset
            ? length
            : throw new PmemException($"{Path} has {whole} bytes, and no {(Length is null ? "window" : $"window of {Length} bytes")} at {Offset}");
    }
}
