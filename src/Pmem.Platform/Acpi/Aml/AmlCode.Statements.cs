namespace Pmem.Platform.Acpi.Aml;

/// <summary>Statements and expressions. A target that is not given drops the result, which is then the value of the expression.</summary>
public static partial class AmlCode
{
    /// <summary>Runs terms if a condition is not zero.</summary>
    public static AmlTerm If(AmlTerm condition, params ReadOnlySpan<AmlTerm> terms) => Package([0xa0], [.. condition.Bytes, .. Join(terms)]);

    /// <summary>Runs terms if the condition of the <see cref="If"/> before was zero.</summary>
    public static AmlTerm Else(params ReadOnlySpan<AmlTerm> terms) => Package([0xa1], Join(terms));

    /// <summary>Runs terms while a condition is not zero.</summary>
    public static AmlTerm While(AmlTerm condition, params ReadOnlySpan<AmlTerm> terms) => Package([0xa2], [.. condition.Bytes, .. Join(terms)]);

    /// <summary>Ends a method with a value.</summary>
    public static AmlTerm Return(AmlTerm value) => new([0xa4, .. value.Bytes]);

    /// <summary>Stores a value.</summary>
    public static AmlTerm Store(AmlTerm value, AmlTerm target) => new([0x70, .. value.Bytes, .. target.Bytes]);

    /// <summary>Tells the operating system of an event of a device.</summary>
    public static AmlTerm Notify(AmlTerm device, AmlTerm value) => new([0x86, .. device.Bytes, .. value.Bytes]);

    /// <summary>The object that a reference, such as an element of a package, stands for.</summary>
    public static AmlTerm DerefOf(AmlTerm reference) => new([0x83, .. reference.Bytes]);

    /// <summary>A reference to an element of a package or a byte of a buffer.</summary>
    public static AmlTerm Index(AmlTerm source, AmlTerm index) => Binary(0x88, source, index, null);

    /// <summary>Bytes of a buffer, characters of a string, or elements of a package.</summary>
    public static AmlTerm SizeOf(AmlTerm source) => new([0x87, .. source.Bytes]);

    /// <summary>Adds one in place.</summary>
    public static AmlTerm Increment(AmlTerm target) => new([0x75, .. target.Bytes]);

    /// <summary>The sum.</summary>
    public static AmlTerm Add(AmlTerm left, AmlTerm right, AmlTerm? target = null) => Binary(0x72, left, right, target);

    /// <summary>The difference.</summary>
    public static AmlTerm Subtract(AmlTerm left, AmlTerm right, AmlTerm? target = null) => Binary(0x74, left, right, target);

    /// <summary>The product.</summary>
    public static AmlTerm Multiply(AmlTerm left, AmlTerm right, AmlTerm? target = null) => Binary(0x77, left, right, target);

    /// <summary>Bits of both.</summary>
    public static AmlTerm And(AmlTerm left, AmlTerm right, AmlTerm? target = null) => Binary(0x7b, left, right, target);

    /// <summary>Bits of either.</summary>
    public static AmlTerm Or(AmlTerm left, AmlTerm right, AmlTerm? target = null) => Binary(0x7d, left, right, target);

    /// <summary>Bits moved up.</summary>
    public static AmlTerm ShiftLeft(AmlTerm value, AmlTerm count, AmlTerm? target = null) => Binary(0x79, value, count, target);

    /// <summary>Bits moved down.</summary>
    public static AmlTerm ShiftRight(AmlTerm value, AmlTerm count, AmlTerm? target = null) => Binary(0x7a, value, count, target);

    /// <summary>The quotient; the remainder goes to its own target.</summary>
    public static AmlTerm Divide(AmlTerm left, AmlTerm right, AmlTerm? remainder = null, AmlTerm? quotient = null) =>
        new([0x78, .. left.Bytes, .. right.Bytes, .. Target(remainder), .. Target(quotient)]);

    /// <summary>Two buffers or strings in a row.</summary>
    public static AmlTerm Concatenate(AmlTerm left, AmlTerm right, AmlTerm? target = null) => Binary(0x73, left, right, target);

    /// <summary>Part of a buffer or string.</summary>
    public static AmlTerm Mid(AmlTerm source, AmlTerm index, AmlTerm length, AmlTerm? target = null) =>
        new([0x9e, .. source.Bytes, .. index.Bytes, .. length.Bytes, .. Target(target)]);

    /// <summary>A value as a buffer.</summary>
    public static AmlTerm ToBuffer(AmlTerm value, AmlTerm? target = null) => new([0x96, .. value.Bytes, .. Target(target)]);

    /// <summary>A value as an integer.</summary>
    public static AmlTerm ToInteger(AmlTerm value, AmlTerm? target = null) => new([0x99, .. value.Bytes, .. Target(target)]);

    /// <summary>Whether both are equal; buffers are compared byte by byte.</summary>
    public static AmlTerm Equal(AmlTerm left, AmlTerm right) => new([0x93, .. left.Bytes, .. right.Bytes]);

    /// <summary>Whether the first is less.</summary>
    public static AmlTerm Less(AmlTerm left, AmlTerm right) => new([0x95, .. left.Bytes, .. right.Bytes]);

    /// <summary>Whether the first is greater.</summary>
    public static AmlTerm Greater(AmlTerm left, AmlTerm right) => new([0x94, .. left.Bytes, .. right.Bytes]);

    /// <summary>Whether a value is zero.</summary>
    public static AmlTerm Not(AmlTerm value) => new([0x92, .. value.Bytes]);

    /// <summary>Whether both are not zero.</summary>
    public static AmlTerm Both(AmlTerm left, AmlTerm right) => new([0x90, .. left.Bytes, .. right.Bytes]);

    /// <summary>Whether one of them is not zero.</summary>
    public static AmlTerm Either(AmlTerm left, AmlTerm right) => new([0x91, .. left.Bytes, .. right.Bytes]);

    private static AmlTerm Binary(byte opcode, AmlTerm left, AmlTerm right, AmlTerm? target) => new([opcode, .. left.Bytes, .. right.Bytes, .. Target(target)]);

    // The null name stands for no target.
    private static ReadOnlySpan<byte> Target(AmlTerm? target) => target is { } known ? known.Bytes : [0];
}
