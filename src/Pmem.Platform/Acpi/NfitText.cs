using System.Text;
using Pmem.Platform.Fields;

namespace Pmem.Platform.Acpi;

/// <summary>An NFIT as text: one field a line, with offset, length, value and meaning, as ACPI disassemblers print tables.</summary>
public static class NfitText
{
    /// <summary>Prints what a scan read.</summary>
    public static string Print(NfitScan scan)
    {
        ArgumentNullException.ThrowIfNull(scan);
        var output = new StringBuilder();
        if (scan.Header is { } header)
        {
            var printer = new FieldPrinter(output, 0);
            header.Visit(ref printer);
            ulong reserved = scan.Reserved;
            printer.Reserved(sizeof(uint), ref reserved);
        }

        foreach (NfitEntry entry in scan.Entries)
        {
            output.Append('\n');
            var printer = new FieldPrinter(output, entry.Offset);
            ushort type = (ushort)entry.Structure.Type;
            ushort length = (ushort)entry.Length;
            printer.UInt16("subtableType", ref type, FieldFormat.Decimal, NfitStructure.NameOf(entry.Structure.Type) ?? "unknown");
            printer.UInt16("length", ref length);
            entry.Structure.Visit(ref printer);
        }

        return output.ToString();
    }
}
