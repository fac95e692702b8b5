using Pmem.Platform.Acpi;

namespace Pmem.Emulation.Guest;

/// <summary>How a virtual machine is made and started.</summary>
public sealed record VirtualMachineOptions
{
    /// <summary>Where the memory above that of <see cref="LowMemorySize"/> begins in a guest whose memory is a file.</summary>
    public const ulong HighMemoryStart = 0x1_0000_0000;

    /// <summary>Path of the kernel image.</summary>
    public required string Kernel { get; init; }

    /// <summary>Initial RAM disks, one behind the other: those of <see cref="GuestInitrd"/>, or any.</summary>
    public required IReadOnlyList<byte[]> Initrd { get; init; }

    /// <summary>A shell script that the guest runs in place of a shell (<c>/run.sh</c>); null for none.</summary>
    public string? Script { get; init; }

    /// <summary>More parameters for the kernel.</summary>
    public string Append { get; init; } = string.Empty;

    /// <summary>Bytes of ordinary memory; with <see cref="MemoryFile"/> of the part below 4 GiB, platform and registers included.</summary>
    public long LowMemorySize { get; init; } = 1L << 30;

    /// <summary>
    /// A file that is the guest's whole memory: its first <see cref="LowMemorySize"/> bytes lie at address 0, the rest from <see cref="HighMemoryStart"/> on. What
    /// <see cref="Reserved"/> names in it is persistent memory and registers, announced by <see cref="Tables"/>. Null for memory without a file.
    /// </summary>
    public string? MemoryFile { get; init; }

    /// <summary>Ranges of the memory that the kernel leaves alone: <c>memmap=</c> parameters.</summary>
    public IReadOnlyList<E820Range> Reserved { get; init; } = [];

    /// <summary>ACPI tables, complete with their headers, added to those of the firmware.</summary>
    public IReadOnlyList<byte[]> Tables { get; init; } = [];

    /// <summary>Persistent memory devices of QEMU.</summary>
    public IReadOnlyList<GuestMemoryDevice> Devices { get; init; } = [];

    /// <summary>
    /// What QEMU's own firmware says of the persistence domain of its nvdimm devices; for tables of ours, they say it. Null is that of the platform, or else
    /// <see cref="PersistenceDomain.MemoryController"/>.
    /// </summary>
    public PersistenceDomain? Domain { get; init; }

    /// <summary>Processors.</summary>
    public int Processors { get; init; } = 1;

    /// <summary><c>tcg</c>, which works everywhere, or <c>kvm</c>, which is many times faster where the host has it.</summary>
    public string Accelerator { get; init; } = "tcg";

    /// <summary>Name or path of QEMU.</summary>
    public string Qemu { get; init; } = "qemu-system-x86_64";

    /// <summary>More arguments for QEMU.</summary>
    public IReadOnlyList<string> ExtraArguments { get; init; } = [];

    /// <summary>Whether the guest's console is that of this process, to type at; its output is then not captured. Ctrl-A X ends QEMU.</summary>
    public bool IsInteractive { get; init; }

    /// <summary>After how long the machine is stopped.</summary>
    public TimeSpan Timeout { get; init; } = System.Threading.Timeout.InfiniteTimeSpan;
}
