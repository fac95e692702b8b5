namespace Pmem.Platform.Fields;

/// <summary>How a number is shown to people and in JSON.</summary>
internal enum FieldFormat
{
    /// <summary>A number.</summary>
    Decimal,

    /// <summary>Hexadecimal with as many digits as the field has; a string in JSON.</summary>
    Hex,

    /// <summary>As <see cref="Hex"/>, the bytes in memory order: identities of modules, which JEDEC defines byte by byte.</summary>
    MemoryOrder,
}

/// <summary>
/// One pass over the fields of a structure, in the order of its bytes. Reading, writing, measuring, printing and JSON are visitors, so that
/// each layout is written down once: in the <c>Visit</c> method of its type.
/// </summary>
internal interface IFieldVisitor
{
    /// <summary>Whether meanings are wanted: composing them costs strings.</summary>
    bool Explains { get; }

    void UInt8(string name, ref byte value, FieldFormat format = FieldFormat.Decimal, string? meaning = null);

    void UInt16(string name, ref ushort value, FieldFormat format = FieldFormat.Decimal, string? meaning = null);

    void UInt32(string name, ref uint value, FieldFormat format = FieldFormat.Decimal, string? meaning = null);

    void UInt64(string name, ref ulong value, FieldFormat format = FieldFormat.Decimal, string? meaning = null);

    void Guid(string name, ref Guid value, string? meaning = null);

    /// <summary>Up to 8 reserved bytes: kept, so that what was read is written again.</summary>
    void Reserved(int length, ref ulong value);

    /// <summary>ASCII text of a fixed length, padded with NULs or spaces, which are kept.</summary>
    void Text(string name, ref string value, int length);

    /// <summary>Bytes of a fixed length.</summary>
    void Block(string name, ref byte[] value, int length);

    /// <summary>As many numbers as an earlier field counts.</summary>
    void Array16(string name, ref ushort[] values, long count);

    /// <summary>As many numbers as an earlier field counts.</summary>
    void Array32(string name, ref uint[] values, long count, FieldFormat format = FieldFormat.Decimal);

    /// <summary>As many numbers as an earlier field counts.</summary>
    void Array64(string name, ref ulong[] values, long count, FieldFormat format = FieldFormat.Decimal);

    /// <summary>As many records as an earlier field counts.</summary>
    void Records<T>(string name, ref T[] values, long count)
        where T : BinaryStructure, new();

    /// <summary>As many bytes as an earlier field counts.</summary>
    void Bytes(string name, ref byte[] value, long count);

    /// <summary>Every byte that is left.</summary>
    void Rest(string name, ref byte[] value);

    /// <summary>Whether the fields that follow, the first of them <paramref name="firstField"/>, are there.</summary>
    bool Optional(string firstField, ref bool present);
}
