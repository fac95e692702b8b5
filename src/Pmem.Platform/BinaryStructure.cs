using Pmem.Platform.Fields;

namespace Pmem.Platform;

/// <summary>
/// A structure of a firmware table or of a method's payload: public fields, and one list of them in the order of its bytes, from which it is
/// read, written, printed and turned into JSON and back. Not thread-safe.
/// </summary>
public abstract class BinaryStructure
{
    private protected BinaryStructure()
    {
    }

    /// <summary>Length in bytes of what <see cref="ToBytes"/> gives.</summary>
    public int ByteLength
    {
        get
        {
            var measure = new FieldMeasurer();
            Visit(ref measure);
            return measure.Length;
        }
    }

    /// <summary>The structure as bytes, little-endian.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[ByteLength];
        WriteTo(bytes);
        return bytes;
    }

    /// <summary>Writes the structure.</summary>
    /// <param name="target">At least <see cref="ByteLength"/> bytes.</param>
    /// <exception cref="ArgumentException">The target is too short.</exception>
    public void WriteTo(Span<byte> target)
    {
        if (target.Length < ByteLength)
            throw new ArgumentException($"{ByteLength} bytes are needed, {target.Length} are there", nameof(target));
        var writer = new FieldWriter(target);
        Visit(ref writer);
    }

    /// <summary>Reads the fields.</summary>
    /// <param name="bytes">The structure and nothing behind it, or more where <paramref name="exact"/> is false.</param>
    /// <param name="what">Name of the structure for messages.</param>
    /// <param name="baseOffset">Offset of the first byte in what the user knows, for messages.</param>
    /// <param name="exact">Whether bytes left over are a fault.</param>
    internal void ReadFrom(ReadOnlySpan<byte> bytes, string what, long baseOffset = 0, bool exact = true)
    {
        var reader = new FieldReader(bytes, what, baseOffset);
        Visit(ref reader);
        if (exact)
            reader.DemandEnd();
    }

    internal abstract void Visit<T>(ref T fields)
        where T : IFieldVisitor, allows ref struct;
}
