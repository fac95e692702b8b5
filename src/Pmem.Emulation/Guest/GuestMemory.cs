using System.Globalization;
using Pmem.Platform.Acpi;

namespace Pmem.Emulation.Guest;

/// <summary>
/// The memory of a platform as a guest has it: a sparse file with the interleave sets in the order of system addresses, one with the registers of the firmware, which lie
/// below 4 GiB, and the tables that describe them. <see cref="VirtualPlatform.ExportGuest"/> makes it.
/// </summary>
/// <remarks>
/// A guest has 2 GiB of ordinary memory, the registers in the middle of it, where neither QEMU nor a BIOS puts anything of its own, and the sets from 4 GiB on. Each is a
/// memory backend, and QEMU's machine <c>pc</c> lays them out one behind the other.
/// </remarks>
public sealed record GuestMemory
{
    /// <summary>System physical address of the registers.</summary>
    public const ulong RegistersStart = 0x4000_0000;

    /// <summary>Where ordinary memory below 4 GiB ends.</summary>
    public const ulong LowMemoryEnd = 0x8000_0000;

    /// <summary>File with the sets. A guest maps it shared, so that what it stores is there when it ends.</summary>
    public required string Path { get; init; }

    /// <summary>System physical address of its first byte.</summary>
    public required ulong Start { get; init; }

    /// <summary>Bytes of it.</summary>
    public required ulong Length { get; init; }

    /// <summary>File with the registers: label storage areas, health. A guest maps it shared.</summary>
    public required string RegistersPath { get; init; }

    /// <summary>Bytes of it.</summary>
    public required ulong RegistersLength { get; init; }

    /// <summary>File with the NFIT, for <c>-acpitable</c> or an initial RAM disk.</summary>
    public required string NfitPath { get; init; }

    /// <summary>File with the SSDT.</summary>
    public required string SsdtPath { get; init; }

    /// <summary>What a Linux kernel is to be told, so that it does not take registers and sets for ordinary memory.</summary>
    public string KernelParameters => string.Join(' ', Reserved.Select(range => $"memmap={new MemmapEntry(MemmapForm.Reserved, range.Length, range.Base)}"));

    /// <summary>Ranges that a kernel is to leave alone.</summary>
    public IReadOnlyList<E820Range> Reserved => [new(RegistersStart, RegistersLength, E820Type.Reserved), new(Start, Length, E820Type.Reserved)];

    /// <summary>Arguments of <c>qemu-system-x86_64</c>, machine <c>pc</c>, for memory and tables.</summary>
    public IReadOnlyList<string> QemuArguments => [.. MemoryArguments(1), "-acpitable", $"file={Escape(NfitPath)}", "-acpitable", $"file={Escape(SsdtPath)}"];

    /// <summary>A machine that has the platform: its ordinary memory, the sets, registers and tables.</summary>
    /// <param name="options">The machine; it must have neither a memory file nor memory devices of its own.</param>
    /// <exception cref="ArgumentException">It has.</exception>
    public VirtualMachineOptions AddTo(VirtualMachineOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.MemoryFile is not null || options.Devices.Count > 0)
            throw new ArgumentException("the machine has memory of its own; a platform's takes its place", nameof(options));
        return options with
        {
            LowMemorySize = (long)LowMemoryEnd,
            Reserved = [.. options.Reserved, .. Reserved],
            Tables = [.. options.Tables, File.ReadAllBytes(NfitPath), File.ReadAllBytes(SsdtPath)],
            ExtraArguments = [.. options.ExtraArguments, .. MemoryArguments(options.Processors)],
        };
    }

    private IEnumerable<string> MemoryArguments(int processors) =>
    [
        "-machine", string.Create(CultureInfo.InvariantCulture, $"max-ram-below-4g={LowMemoryEnd}"),
        "-m", string.Create(CultureInfo.InvariantCulture, $"{(LowMemoryEnd + Length) >> 20}M"),
        "-object", string.Create(CultureInfo.InvariantCulture, $"memory-backend-ram,id=low,size={RegistersStart}"),
        "-object", string.Create(CultureInfo.InvariantCulture, $"memory-backend-file,id=registers,share=on,mem-path={Escape(RegistersPath)},size={RegistersLength}"),
        "-object", string.Create(CultureInfo.InvariantCulture, $"memory-backend-ram,id=high,size={LowMemoryEnd - RegistersStart - RegistersLength}"),
        "-object", string.Create(CultureInfo.InvariantCulture, $"memory-backend-file,id=sets,share=on,mem-path={Escape(Path)},size={Length}"),
        "-numa", $"node,nodeid=0,cpus=0-{processors - 1},memdev=low",
        "-numa", "node,nodeid=1,memdev=registers",
        "-numa", "node,nodeid=2,memdev=high",
        "-numa", "node,nodeid=3,memdev=sets",
    ];

    // QEMU ends a value at a comma that is alone.
    private static string Escape(string path) => path.Replace(",", ",,", StringComparison.Ordinal);
}
