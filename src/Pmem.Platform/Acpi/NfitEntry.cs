namespace Pmem.Platform.Acpi;

/// <summary>A structure with its place in the bytes it was read from.</summary>
/// <param name="Offset">Offset of its first byte, from the start of the table or of the <c>_FIT</c> buffer.</param>
/// <param name="Length">The length it states, with type and length.</param>
/// <param name="Structure">The structure; <see cref="NfitUnknown"/> when its bytes do not fit its type.</param>
public sealed record NfitEntry(int Offset, int Length, NfitStructure Structure);

/// <summary>A fault in the frame of a table: what the scan could not read as the specification has it.</summary>
internal readonly record struct NfitFault(string Rule, LintSeverity Severity, long Offset, string What, string Expected, string Found, string Effect)
{
    public PmemFormatException ToException() => new(What, Offset, Expected, Found);

    public LintFinding ToFinding() => new(Rule, Severity, Offset, $"{What}: expected {Expected}, found {Found}", Effect);
}
