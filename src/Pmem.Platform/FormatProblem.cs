namespace Pmem.Platform;

/// <summary>What is wrong with bytes on media, as a value: where, what was expected, what was found.</summary>
/// <param name="What">The structure or field, in the field's own terms.</param>
/// <param name="Offset">Offset in bytes from the start of the area or namespace.</param>
/// <param name="Expected">What the format requires.</param>
/// <param name="Found">What is there.</param>
public sealed record FormatProblem(string What, long Offset, string Expected, string Found)
{
    /// <summary>The same as an exception.</summary>
    public PmemFormatException ToException() => new(What, Offset, Expected, Found);

    /// <summary>One sentence.</summary>
    public override string ToString() => $"{What} at offset 0x{Offset:x}: expected {Expected}, found {Found}";
}
