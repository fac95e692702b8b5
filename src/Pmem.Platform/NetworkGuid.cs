namespace Pmem.Platform;

/// <summary>
/// UUIDs in RFC 4122 byte order: the bytes as they are printed. Label, BTT, PFN and DAX uuids are stored so; NFIT range types, <c>_DSM</c> arguments and a
/// label's type and abstraction are stored as GUIDs, whose first three fields are little-endian (<see cref="Guid.TryWriteBytes(Span{byte})"/>).
/// </summary>
public static class NetworkGuid
{
    /// <summary>Reads 16 bytes in RFC 4122 order.</summary>
    public static Guid Read(ReadOnlySpan<byte> bytes) => new(bytes[..16], bigEndian: true);

    /// <summary>Writes 16 bytes in RFC 4122 order.</summary>
    public static void Write(Span<byte> bytes, Guid value) => value.TryWriteBytes(bytes[..16], bigEndian: true, out _);
}
