using System.Buffers.Binary;
using System.Text;

namespace Pmem.Platform.Acpi.Aml;

/// <summary>
/// Reads which devices a DSDT or SSDT defines, and what is constant about them. Methods are not run, and code outside of methods is passed over:
/// a table that makes its devices in an If is not seen through.
/// </summary>
/// <remarks>
/// The reader is total: it goes through definitions by their lengths, which it checks, keeps its own stack instead of recursing, and ends the
/// innermost scope at the first term it does not know.
/// </remarks>
public static class AmlReader
{
    /// <summary>Scopes in scopes; tables have fewer than ten.</summary>
    private const int MaximumDepth = 64;

    private const int MaximumDevices = 1 << 16;

    /// <summary>Reads the devices of a table.</summary>
    /// <param name="table">The table with its header.</param>
    /// <exception cref="PmemFormatException">It is no DSDT or SSDT, its length or checksum is wrong, or a definition reaches beyond what holds it.</exception>
    public static IReadOnlyList<AmlDevice> Devices(ReadOnlySpan<byte> table)
    {
        string signature = table.Length >= 4 ? Encoding.Latin1.GetString(table[..4]) : string.Empty;
        AcpiTableHeader.Demand(table, signature is "DSDT" or "SSDT" ? signature : "SSDT", AcpiTableHeader.Size);
        var devices = new List<Found>();
        var scopes = new Stack<Scope>();
        scopes.Push(new Scope("\\", table.Length, Device: null));
        int at = AcpiTableHeader.Size;
        while (scopes.Count != 0)
        {
            Scope scope = scopes.Peek();
            if (at >= scope.End)
            {
                at = scope.End;
                scopes.Pop();
                continue;
            }

            var reader = new Cursor(table[..scope.End], at);
            at = ReadTerm(ref reader, scope, scopes, devices) ? reader.At : scope.End;
        }

        return [.. devices.Select(device => new AmlDevice(device.Path, device.HardwareId, device.Address, device.Methods))];
    }

    // One definition; false if it is not known, so that nothing behind it can be found.
    private static bool ReadTerm(ref Cursor reader, Scope scope, Stack<Scope> scopes, List<Found> devices)
    {
        switch (reader.Opcode())
        {
            case 0x10:
                Enter(ref reader, scope, scopes, device: null);
                return true;
            case 0x5b82:
                if (devices.Count == MaximumDevices)
                    throw new PmemFormatException("AML", reader.At, $"at most {MaximumDevices} devices", "more");
                var device = new Found();
                devices.Add(device);
                Enter(ref reader, scope, scopes, device);
                return true;
            case 0x14:
                int end = reader.PackageEnd();
                string method = Last(reader.Name());
                scope.Device?.Methods.Add(method);
                reader.At = end;
                return true;
            case 0x08:
                return ReadName(ref reader, scope.Device);
            case 0x15:
                reader.Name();
                reader.Skip(2);
                return true;
            case 0x5b80:
                // OperationRegion: name, space, then address and length, which may be computed.
                reader.Name();
                reader.Skip(1);
                return reader.TryConstant(out _, out _) && reader.TryConstant(out _, out _);
            case 0x5b01:
                // Mutex: name and flags.
                reader.Name();
                reader.Skip(1);
                return true;
            // Field, bank field, index field, power resource, processor, thermal zone, If, Else: passed over whole.
            case 0x5b81 or 0x5b87 or 0x5b86 or 0x5b84 or 0x5b83 or 0x5b85 or 0xa0 or 0xa1:
                reader.At = reader.PackageEnd();
                return true;
            default:
                return false;
        }
    }

    private static void Enter(ref Cursor reader, Scope scope, Stack<Scope> scopes, Found? device)
    {
        int end = reader.PackageEnd();
        string path = Resolve(scope.Path, reader.Name());
        if (scopes.Count == MaximumDepth)
            throw new PmemFormatException("AML", reader.At, $"at most {MaximumDepth} scopes in each other", "more");
        device?.Path = path;
        scopes.Push(new Scope(path, end, device));
    }

    private static bool ReadName(ref Cursor reader, Found? device)
    {
        string name = Last(reader.Name());
        if (!reader.TryConstant(out ulong? number, out string? text))
            return false;
        if (device is not null && name == "_ADR")
            device.Address = number;
        if (device is not null && name == "_HID")
            device.HardwareId = text;
        return true;
    }

    private static string Resolve(string scope, string name)
    {
        if (name.StartsWith('\\'))
            return name;
        string path = scope;
        foreach (char caret in name)
        {
            if (caret != '^')
                break;
            int dot = path.LastIndexOf('.');
            path = dot < 0 ? "\\" : path[..dot];
        }

        string rest = name.TrimStart('^');
        return rest.Length == 0 ? path : path == "\\" ? path + rest : $"{path}.{rest}";
    }

    private static string Last(string name) => name[(name.LastIndexOf('.') + 1)..].TrimStart('\\', '^');

    private sealed record Scope(string Path, int End, Found? Device);

    private sealed class Found
    {
        public string Path { get; set; } = string.Empty;

        public string? HardwareId { get; set; }

        public ulong? Address { get; set; }

        public List<string> Methods { get; } = [];
    }

    /// <summary>A place in the byte code; what it takes is within the scope.</summary>
    private ref struct Cursor(ReadOnlySpan<byte> bytes, int at)
    {
        private readonly ReadOnlySpan<byte> _bytes = bytes;

        public int At { get; set; } = at;

        /// <summary>One byte, or 0x5b and a second one.</summary>
        public int Opcode()
        {
            byte first = Take();
            return first == 0x5b ? 0x5b00 | Take() : first;
        }

        /// <summary>End of the package whose length is here.</summary>
        public int PackageEnd()
        {
            int start = At;
            byte lead = Take();
            int more = lead >> 6;
            int length = more == 0 ? lead & 0x3f : lead & 0xf;
            for (int i = 0; i < more; i++)
                length |= Take() << (4 + (8 * i));
            if (length < 1 + more || length > _bytes.Length - start)
                throw new PmemFormatException("AML package length", start, $"{1 + more} to {_bytes.Length - start}", $"{length}");
            return start + length;
        }

        public string Name()
        {
            var name = new StringBuilder();
            while (At < _bytes.Length && _bytes[At] is (byte)'\\' or (byte)'^')
                name.Append((char)Take());
            byte lead = Take();
            int segments = lead switch
            {
                0x00 => 0,
                0x2e => 2,
                0x2f => Take(),
                _ => 1,
            };
            if (segments == 1 && lead != 0x2f)
                At--;
            for (int i = 0; i < segments; i++)
            {
                ReadOnlySpan<byte> segment = Take(4);
                foreach (byte c in segment)
                {
                    if (c is not ((>= (byte)'A' and <= (byte)'Z') or (>= (byte)'0' and <= (byte)'9') or (byte)'_'))
                        throw new PmemFormatException("AML name", At - 4, "A–Z, 0–9 and _", Convert.ToHexStringLower(segment));
                }

                name.Append(i == 0 ? "" : ".").Append(Encoding.ASCII.GetString(segment).TrimEnd('_') is { Length: > 0 } text ? text : "_");
            }

            return name.ToString();
        }

        /// <summary>An integer, string, buffer or package; false for an expression.</summary>
        public bool TryConstant(out ulong? number, out string? text)
        {
            number = null;
            text = null;
            byte lead = Take();
            switch (lead)
            {
                case 0x00: number = 0; return true;
                case 0x01: number = 1; return true;
                case 0xff: number = ulong.MaxValue; return true;
                case 0x0a: number = Take(); return true;
                case 0x0b: number = BinaryPrimitives.ReadUInt16LittleEndian(Take(2)); return true;
                case 0x0c: number = BinaryPrimitives.ReadUInt32LittleEndian(Take(4)); return true;
                case 0x0e: number = BinaryPrimitives.ReadUInt64LittleEndian(Take(8)); return true;
                case 0x0d:
                    int length = _bytes[At..].IndexOf((byte)0);
                    if (length < 0)
                        throw new PmemFormatException("AML string", At, "a NUL at its end", "none");
                    text = Encoding.Latin1.GetString(Take(length));
                    Skip(1);
                    return true;
                case 0x11 or 0x12 or 0x13:
                    At = PackageEnd();
                    return true;
                default:
                    return false;
            }
        }

        public void Skip(int count) => Take(count);

        private byte Take() => Take(1)[0];

        private ReadOnlySpan<byte> Take(int count)
        {
            if (count > _bytes.Length - At)
                throw new PmemFormatException("AML", At, $"{count} bytes", $"{_bytes.Length - At} left");
            ReadOnlySpan<byte> taken = _bytes.Slice(At, count);
            At += count;
            return taken;
        }
    }
}
