using System.Buffers.Binary;
using System.Text;

namespace Pmem.Platform.Acpi.Aml;

/// <summary>
/// Encodes ACPI's byte code (ACPI, "ACPI Machine Language (AML) Specification"): as much of it as the methods of NVDIMM devices need. Each
/// function gives the bytes that its ASL namesake compiles to.
/// </summary>
/// <remarks>
/// Names are written as in ASL: <c>\_SB.NVDR</c>, <c>^LSA0</c>, <c>STAT</c>; segments of fewer than four characters are padded with underscores.
/// </remarks>
public static partial class AmlCode
{
    private const byte ZeroOp = 0x00;
    private const byte OneOp = 0x01;
    private const byte OnesOp = 0xff;
    private const byte BytePrefix = 0x0a;
    private const byte WordPrefix = 0x0b;
    private const byte DWordPrefix = 0x0c;
    private const byte QWordPrefix = 0x0e;
    private const byte StringPrefix = 0x0d;
    private const byte ExtensionPrefix = 0x5b;
    private const byte DualNamePrefix = 0x2e;
    private const byte MultiNamePrefix = 0x2f;
    private const int SegmentLength = 4;
    private const int MaximumLengthBytes = 4;

    /// <summary>The integer whose bits are all ones.</summary>
    public static AmlTerm Ones => new([OnesOp]);

    /// <summary>An integer in its shortest form. Values above 32 bits need a DSDT of revision 2: below it, all tables compute with 32 bits.</summary>
    public static AmlTerm Integer(ulong value)
    {
        switch (value)
        {
            case 0: return new AmlTerm([ZeroOp]);
            case 1: return new AmlTerm([OneOp]);
            case <= byte.MaxValue: return new AmlTerm([BytePrefix, (byte)value]);
            case <= ushort.MaxValue: return new AmlTerm([WordPrefix, (byte)value, (byte)(value >> 8)]);
        }

        byte[] bytes = new byte[value <= uint.MaxValue ? 5 : 9];
        bytes[0] = value <= uint.MaxValue ? DWordPrefix : QWordPrefix;
        if (value <= uint.MaxValue)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(1), (uint)value);
        else
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(1), value);
        return new AmlTerm(bytes);
    }

    /// <summary>A string of ASCII characters.</summary>
    /// <exception cref="ArgumentException">A character is NUL or above 127.</exception>
    public static AmlTerm Text(string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (value.AsSpan().ContainsAnyExceptInRange('\u0001', '\u007f'))
            throw new ArgumentException("AML strings hold ASCII characters other than NUL", nameof(value));
        return new AmlTerm([StringPrefix, .. Encoding.ASCII.GetBytes(value), 0]);
    }

    /// <summary>A buffer with content.</summary>
    public static AmlTerm Buffer(ReadOnlySpan<byte> content) => Buffer((uint)content.Length, content);

    /// <summary>A buffer of a size that may be computed, beginning with content.</summary>
    public static AmlTerm Buffer(AmlTerm size, ReadOnlySpan<byte> content = default) => Package([0x11], [.. size.Bytes, .. content]);

    /// <summary>A GUID as methods receive it: 16 bytes, mixed-endian (ASL <c>ToUUID</c>).</summary>
    public static AmlTerm Uuid(Guid guid) => Buffer(guid.ToByteArray());

    /// <summary>A package of values.</summary>
    /// <exception cref="ArgumentException">There are more than 255.</exception>
    public static AmlTerm Package(params ReadOnlySpan<AmlTerm> elements)
    {
        if (elements.Length > byte.MaxValue)
            throw new ArgumentException($"a package has at most 255 elements, not {elements.Length}", nameof(elements));
        return Package([0x12], [(byte)elements.Length, .. Join(elements)]);
    }

    /// <summary>An EISA id, <c>PNP0A03</c>, as an integer (ASL <c>EISAID</c>).</summary>
    /// <exception cref="ArgumentException">It is not three capitals and four hexadecimal digits.</exception>
    public static AmlTerm EisaId(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        if (id.Length != 7 || id.AsSpan(0, 3).ContainsAnyExceptInRange('A', 'Z') || !ushort.TryParse(id.AsSpan(3), System.Globalization.NumberStyles.AllowHexSpecifier, null, out ushort product))
            throw new ArgumentException($"'{id}' is no EISA id: three capitals and four hexadecimal digits", nameof(id));
        uint vendor = ((uint)(id[0] - '@') << 10) | ((uint)(id[1] - '@') << 5) | (uint)(id[2] - '@');
        return Integer(BinaryPrimitives.ReverseEndianness((vendor << 16) | product));
    }

    /// <summary>A reference to a named object.</summary>
    public static AmlTerm Reference(string name) => new(NameString(name));

    /// <summary>A call of a method.</summary>
    public static AmlTerm Call(string method, params ReadOnlySpan<AmlTerm> arguments) => new([.. NameString(method), .. Join(arguments)]);

    /// <summary>Local variable 0 to 7 of a method.</summary>
    public static AmlTerm Local(int number)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)number, 7u, nameof(number));
        return new AmlTerm([(byte)(0x60 + number)]);
    }

    /// <summary>Argument 0 to 6 of a method.</summary>
    public static AmlTerm Argument(int number)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)number, 6u, nameof(number));
        return new AmlTerm([(byte)(0x68 + number)]);
    }

    /// <summary>Terms one after the other.</summary>
    public static AmlTerm Block(params ReadOnlySpan<AmlTerm> terms) => new(Join(terms));

    /// <summary>A whole table.</summary>
    /// <param name="header">Signature (<c>SSDT</c> or <c>DSDT</c>) and ids; revision 2 for integers of 64 bits in a DSDT.</param>
    /// <param name="terms">The definitions.</param>
    public static byte[] Table(AcpiTableHeader header, params ReadOnlySpan<AmlTerm> terms)
    {
        ArgumentNullException.ThrowIfNull(header);
        byte[] table = [.. header.ToBytes(), .. Join(terms)];
        AcpiTableHeader.Seal(table);
        return table;
    }

    internal static byte[] NameString(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        int prefix = name[0] == '\\' ? 1 : name.Length - name.AsSpan().TrimStart('^').Length;
        string[] segments = name.Length == prefix ? [] : name[prefix..].Split('.');
        var bytes = new List<byte>(name.Length + 8);
        bytes.AddRange(Encoding.ASCII.GetBytes(name[..prefix]));
        switch (segments.Length)
        {
            case 0: bytes.Add(0); break;
            case 1: break;
            case 2: bytes.Add(DualNamePrefix); break;
            case <= byte.MaxValue: bytes.AddRange([MultiNamePrefix, (byte)segments.Length]); break;
            default: throw new ArgumentException("a name has at most 255 segments", nameof(name));
        }

        foreach (string segment in segments)
            bytes.AddRange(Segment(segment));
        return [.. bytes];
    }

    internal static byte[] Segment(string segment)
    {
        bool valid = segment.Length is > 0 and <= SegmentLength && !char.IsAsciiDigit(segment[0]);
        foreach (char c in segment)
            valid &= char.IsAsciiLetterUpper(c) || char.IsAsciiDigit(c) || c == '_';
        return valid
            ? Encoding.ASCII.GetBytes(segment.PadRight(SegmentLength, '_'))
            : throw new ArgumentException($"'{segment}' is no ACPI name: one to four of A–Z, 0–9 and _, no digit first", nameof(segment));
    }

    /// <summary>Opcode, length of what follows with the length itself, content.</summary>
    private static AmlTerm Package(ReadOnlySpan<byte> opcode, ReadOnlySpan<byte> content) => new([.. opcode, .. PackageLength(content.Length), .. content]);

    internal static byte[] PackageLength(int content)
    {
        // The length counts its own bytes.
        for (int own = 1; own <= MaximumLengthBytes; own++)
        {
            if (content + (long)own < LengthLimit(own))
                return Length(content + own, own);
        }

        throw new ArgumentException($"{content} bytes are more than an AML package can hold", nameof(content));
    }

    // One byte holds 6 bits; of several the first holds 4 and each other 8.
    private static long LengthLimit(int bytes) => bytes == 1 ? 1 << 6 : 1L << (4 + (8 * (bytes - 1)));

    private static byte[] Length(int value, int count)
    {
        if (count == 1)
            return [(byte)value];
        byte[] bytes = new byte[count];
        bytes[0] = (byte)(((count - 1) << 6) | (value & 0xf));
        for (int i = 1; i < count; i++)
            bytes[i] = (byte)(value >> (4 + (8 * (i - 1))));
        return bytes;
    }

    private static byte[] Join(ReadOnlySpan<AmlTerm> terms)
    {
        var bytes = new List<byte>();
        foreach (AmlTerm term in terms)
            bytes.AddRange(term.Bytes);
        return [.. bytes];
    }
}
