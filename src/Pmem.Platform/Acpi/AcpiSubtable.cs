namespace Pmem.Platform.Acpi;

/// <summary>A structure of an SRAT, HMAT or PCAT: type and length, then the fields.</summary>
public abstract class AcpiSubtable : BinaryStructure
{
    private protected AcpiSubtable()
    {
    }

    /// <summary>The number of its kind in its table.</summary>
    public abstract int Type { get; }
}

/// <summary>A structure of a kind that this library does not know, as bytes.</summary>
/// <param name="type">The number of its kind.</param>
public sealed class AcpiUnknownSubtable(int type) : AcpiSubtable
{
    /// <summary>The bytes after type and length.</summary>
    public byte[] Data = [];

    /// <inheritdoc/>
    public override int Type => type;

    internal override void Visit<T>(ref T fields) => fields.Rest("data", ref Data);
}
