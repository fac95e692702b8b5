namespace Pmem.Platform.Acpi;

/// <summary>Types of range in the firmware's memory map.</summary>
public enum E820Type : uint
{
    /// <summary>Memory for the operating system.</summary>
    Ram = 1,

    /// <summary>Not to be used.</summary>
    Reserved = 2,

    /// <summary>ACPI tables, which may be reclaimed.</summary>
    Acpi = 3,

    /// <summary>ACPI non-volatile storage.</summary>
    Nvs = 4,

    /// <summary>Memory with errors.</summary>
    Unusable = 5,

    /// <summary>Persistent memory (EFI type 14); an NFIT has to describe it.</summary>
    PersistentMemory = 7,

    /// <summary>Persistent memory of the time before ACPI 6: Linux's <c>nd_e820</c> takes it as it is, without an NFIT.</summary>
    Pram = 12,

    /// <summary>Memory with a special purpose (EFI_MEMORY_SP): Linux gives it to device DAX.</summary>
    SoftReserved = 0xefffffff,
}

/// <summary>One range of the firmware's memory map.</summary>
/// <param name="Base">First system physical address.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Type">What is there.</param>
public readonly record struct E820Range(ulong Base, ulong Length, E820Type Type)
{
    /// <summary>First address behind the range, at most 2⁶⁴ − 1.</summary>
    public ulong End => Base + Math.Min(Length, ulong.MaxValue - Base);

    /// <summary>Whether two ranges have a byte in common.</summary>
    public bool Overlaps(ulong start, ulong length) => length != 0 && start < End && Base < start + Math.Min(length, ulong.MaxValue - start);

    /// <summary>The name that Linux shows in <c>/proc/iomem</c>.</summary>
    public static string NameOf(E820Type type) => type switch
    {
        E820Type.Ram => "System RAM",
        E820Type.Acpi => "ACPI Tables",
        E820Type.Nvs => "ACPI Non-volatile Storage",
        E820Type.Unusable => "Unusable memory",
        E820Type.PersistentMemory => "Persistent Memory",
        E820Type.Pram => "Persistent Memory (legacy)",
        E820Type.SoftReserved => "Soft Reserved",
        _ => "Reserved",
    };
}
