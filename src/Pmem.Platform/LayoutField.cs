using System.Buffers.Binary;

namespace Pmem.Platform;

/// <summary>Where a field of an on-media structure is. The byte tables in docs/formats are compared with these.</summary>
/// <param name="Offset">First byte, from the start of the structure.</param>
/// <param name="Length">Bytes.</param>
internal readonly record struct LayoutField(int Offset, int Length)
{
    public ReadOnlySpan<byte> Of(ReadOnlySpan<byte> structure) => structure.Slice(Offset, Length);

    public Span<byte> Of(Span<byte> structure) => structure.Slice(Offset, Length);

    /// <summary>Reads an unsigned little-endian number of 1, 2, 4 or 8 bytes.</summary>
    public ulong Read(ReadOnlySpan<byte> structure) => Length switch
    {
        1 => structure[Offset],
        2 => BinaryPrimitives.ReadUInt16LittleEndian(Of(structure)),
        4 => BinaryPrimitives.ReadUInt32LittleEndian(Of(structure)),
        8 => BinaryPrimitives.ReadUInt64LittleEndian(Of(structure)),
        _ => throw new InvalidOperationException($"a field of {Length} bytes is no number"),
    };

    /// <summary>Writes an unsigned little-endian number of 1, 2, 4 or 8 bytes.</summary>
    public void Write(Span<byte> structure, ulong value)
    {
        switch (Length)
        {
            case 1: structure[Offset] = checked((byte)value); break;
            case 2: BinaryPrimitives.WriteUInt16LittleEndian(Of(structure), checked((ushort)value)); break;
            case 4: BinaryPrimitives.WriteUInt32LittleEndian(Of(structure), checked((uint)value)); break;
            case 8: BinaryPrimitives.WriteUInt64LittleEndian(Of(structure), value); break;
            default: throw new InvalidOperationException($"a field of {Length} bytes is no number");
        }
    }
}
