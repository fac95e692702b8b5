namespace Pmem.Platform.Acpi.Aml;

/// <summary>A piece of AML, the byte code of ACPI: a value, an expression, a statement or a definition. Immutable.</summary>
public readonly struct AmlTerm
{
    private readonly byte[]? _bytes;

    internal AmlTerm(byte[] bytes) => _bytes = bytes;

    /// <summary>The byte code.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>An integer constant.</summary>
    public static implicit operator AmlTerm(int value) => AmlCode.Integer((ulong)value);

    /// <summary>An integer constant.</summary>
    public static implicit operator AmlTerm(uint value) => AmlCode.Integer(value);

    /// <summary>An integer constant.</summary>
    public static implicit operator AmlTerm(ulong value) => AmlCode.Integer(value);

    /// <summary>A reference to a named object.</summary>
    public static implicit operator AmlTerm(string name) => AmlCode.Reference(name);
}
