namespace Pmem.Platform.Acpi.Aml;

/// <summary>How the bits of a field are reached.</summary>
public enum AmlFieldAccess : byte
{
    /// <summary>Any width.</summary>
    Any = 0,

    /// <summary>Bytes.</summary>
    Byte = 1,

    /// <summary>16 bits.</summary>
    Word = 2,

    /// <summary>32 bits.</summary>
    DWord = 3,

    /// <summary>64 bits.</summary>
    QWord = 4,
}

/// <summary>Definitions: scopes, devices, names, methods, memory.</summary>
public static partial class AmlCode
{
    private const byte SystemMemory = 0;

    /// <summary>Definitions in an existing scope.</summary>
    public static AmlTerm Scope(string name, params ReadOnlySpan<AmlTerm> terms) => Package([0x10], [.. NameString(name), .. Join(terms)]);

    /// <summary>A device.</summary>
    public static AmlTerm Device(string name, params ReadOnlySpan<AmlTerm> terms) => Package([ExtensionPrefix, 0x82], [.. NameString(name), .. Join(terms)]);

    /// <summary>A named value.</summary>
    public static AmlTerm Name(string name, AmlTerm value) => new([0x08, .. NameString(name), .. value.Bytes]);

    /// <summary>A method.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="arguments">Number of arguments, at most 7.</param>
    /// <param name="serialized">Whether one thread at a time runs it: needed where it creates named objects.</param>
    /// <param name="terms">What it does.</param>
    public static AmlTerm Method(string name, int arguments, bool serialized, params ReadOnlySpan<AmlTerm> terms)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)arguments, 7u, nameof(arguments));
        return Package([0x14], [.. NameString(name), (byte)(arguments | (serialized ? 8 : 0)), .. Join(terms)]);
    }

    /// <summary>An object that another table defines: without it, disassemblers cannot know how many arguments a method has.</summary>
    /// <param name="name">Its full name.</param>
    /// <param name="objectType">Kind of object: 6 device, 8 method.</param>
    /// <param name="arguments">Arguments, where it is a method.</param>
    public static AmlTerm External(string name, byte objectType, byte arguments = 0) => new([0x15, .. NameString(name), objectType, arguments]);

    /// <summary>A range of system memory.</summary>
    public static AmlTerm MemoryRegion(string name, AmlTerm address, AmlTerm lengthBytes) =>
        new([ExtensionPrefix, 0x80, .. NameString(name), SystemMemory, .. address.Bytes, .. lengthBytes.Bytes]);

    /// <summary>Fields in a range of memory, back to back; writes keep the other bits of a unit.</summary>
    /// <param name="region">The range.</param>
    /// <param name="access">Width of accesses.</param>
    /// <param name="fields">Name and number of bits of each; a name of null skips bits.</param>
    public static AmlTerm Field(string region, AmlFieldAccess access, params ReadOnlySpan<(string? Name, int Bits)> fields)
    {
        var content = new List<byte>([.. NameString(region), (byte)access]);
        foreach ((string? name, int bits) in fields)
        {
            content.AddRange(name is null ? [0] : Segment(name));
            content.AddRange(FieldLength(bits));
        }

        return Package([ExtensionPrefix, 0x81], [.. content]);
    }

    /// <summary>Names 8, 16, 32 or 64 bits of a buffer.</summary>
    public static AmlTerm CreateField(AmlTerm buffer, AmlTerm byteIndex, int bits, string name)
    {
        byte opcode = bits switch
        {
            8 => 0x8c,
            16 => 0x8b,
            32 => 0x8a,
            64 => 0x8f,
            _ => throw new ArgumentOutOfRangeException(nameof(bits), bits, "8, 16, 32 or 64"),
        };
        return new AmlTerm([opcode, .. buffer.Bytes, .. byteIndex.Bytes, .. NameString(name)]);
    }

    /// <summary>Names some bytes of a buffer.</summary>
    public static AmlTerm CreateBytes(AmlTerm buffer, AmlTerm bitIndex, AmlTerm bits, string name) =>
        new([ExtensionPrefix, 0x13, .. buffer.Bytes, .. bitIndex.Bytes, .. bits.Bytes, .. NameString(name)]);

    // As a package length, but of a number that does not count its own bytes.
    internal static byte[] FieldLength(int bits)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bits);
        for (int own = 1; own <= MaximumLengthBytes; own++)
        {
            if (bits < LengthLimit(own))
                return Length(bits, own);
        }

        throw new ArgumentOutOfRangeException(nameof(bits), bits, "at most 2²⁸ − 1");
    }
}
