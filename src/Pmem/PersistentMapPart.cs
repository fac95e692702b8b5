namespace Pmem;

/// <summary>One file or device of a map of several parts (see <see cref="PersistentMap.OpenParts"/>).</summary>
/// <param name="Path">The file or device-DAX node.</param>
public sealed record PersistentMapPart(string Path)
{
    /// <summary>First byte of the file that is mapped; a multiple of 4096, of a device a multiple of its alignment.</summary>
    public long Offset { get; init; }

    /// <summary>Bytes that are mapped; a multiple of 4096, of a device a multiple of its alignment.</summary>
    public required long Length { get; init; }

    /// <summary>Bytes that the file has; it must have exactly so many, or gets them.</summary>
    public required long FileLength { get; init; }

    /// <summary>Create the file, which must not exist; its name is durable when the map is made.</summary>
    public bool Create { get; init; }
}
