using System.Numerics;
using Pmem.Pools;
using Layout = Pmem.Platform.InfoBlocks.PfnInfoBlockLayout;

namespace Pmem.Platform.InfoBlocks;

/// <summary>The two personalities that share a layout.</summary>
public enum PfnKind
{
    /// <summary>fsdax: a block device whose file systems map persistent memory.</summary>
    Pfn,

    /// <summary>devdax: a character device that is persistent memory.</summary>
    Dax,
}

/// <summary>Where the page structures of a namespace are kept.</summary>
public enum PageMapMode
{
    /// <summary>Nowhere.</summary>
    None = 0,

    /// <summary>In ordinary memory (<c>--map=mem</c>).</summary>
    Memory = 1,

    /// <summary>In the namespace itself (<c>--map=dev</c>); not persistent, made anew whenever it is enabled.</summary>
    Device = 2,
}

/// <summary>
/// The info block of an fsdax or devdax namespace: 4096 bytes at offset 4096 of it. What it says depends on the physical address of the namespace: moved
/// elsewhere, it may be refused.
/// </summary>
public sealed record PfnInfoBlock
{
    /// <summary>Bytes of the block.</summary>
    public const int Size = 4096;

    /// <summary>Where in the namespace it is; the page before is left for partition tables and BTT 1.1.</summary>
    public const int Position = 4096;

    /// <summary>The newest minor version, which is written.</summary>
    public const ushort CurrentMinor = 4;

    private const uint DefaultPageSize = 4096;
    private const ushort DefaultPageStructSize = 64;
    private const ulong CompatibleAlignment = 2 << 20;
    private const ulong Reserve = 8192;

    /// <summary>fsdax or devdax.</summary>
    public PfnKind Kind { get; init; }

    /// <summary>Of the personality.</summary>
    public Guid Uuid { get; init; }

    /// <summary>Of the namespace; empty without labels.</summary>
    public Guid ParentUuid { get; init; }

    /// <summary>Flags; 0.</summary>
    public uint Flags { get; init; }

    /// <summary>Major version; 1, not checked by Linux.</summary>
    public ushort Major { get; init; } = 1;

    /// <summary>Minor version: 0 to 4. Fields that came later have their defaults in older ones.</summary>
    public ushort Minor { get; init; } = CurrentMinor;

    /// <summary>First byte of data, from the start of the namespace.</summary>
    public ulong DataOffset { get; init; }

    /// <summary>Pages of data; for information.</summary>
    public ulong PageFrames { get; init; }

    /// <summary>Where page structures are kept; other values than those of the enumeration are possible on media.</summary>
    public PageMapMode Mode { get; init; }

    /// <summary>Bytes left out at the start (since 1.1; deprecated).</summary>
    public uint StartPad { get; init; }

    /// <summary>Bytes left out at the end (since 1.1).</summary>
    public uint EndTruncate { get; init; }

    /// <summary>Alignment of data in bytes (since 1.2); before, the largest power of two that is not more than the data offset.</summary>
    public ulong Alignment { get; init; }

    /// <summary>Bytes of a page (since 1.4).</summary>
    public uint PageSize { get; init; } = DefaultPageSize;

    /// <summary>Bytes of a page structure (since 1.4).</summary>
    public ushort PageStructSize { get; init; } = DefaultPageStructSize;

    /// <summary>The 16 bytes a block of a kind starts with.</summary>
    public static ReadOnlySpan<byte> SignatureOf(PfnKind kind) => kind == PfnKind.Pfn ? "NVDIMM_PFN_INFO\0"u8 : "NVDIMM_DAX_INFO\0"u8;

    /// <summary>Reads a block; null with the reason when signature or checksum say that it is none. Any bytes are fine.</summary>
    /// <param name="bytes">4096 bytes.</param>
    /// <param name="problem">Why there is no block.</param>
    public static PfnInfoBlock? TryParse(ReadOnlySpan<byte> bytes, out FormatProblem? problem)
    {
        bytes = bytes[..Size];
        ReadOnlySpan<byte> signature = Layout.Signature.Of(bytes);
        bool isPfn = signature.SequenceEqual(SignatureOf(PfnKind.Pfn));
        if (!isPfn && !signature.SequenceEqual(SignatureOf(PfnKind.Dax)))
        {
            problem = new FormatProblem("info block signature", Position, "NVDIMM_PFN_INFO or NVDIMM_DAX_INFO", signature.ContainsAnyExcept((byte)0) ? Convert.ToHexStringLower(signature) : "zeros");
            return null;
        }

        ulong checksum = Fletcher64.ComputeWithHole(bytes, Layout.Checksum.Offset);
        ulong found = Layout.Checksum.Read(bytes);
        problem = found == checksum ? null : new FormatProblem("info block checksum", Position + Layout.Checksum.Offset, $"0x{checksum:x16}", $"0x{found:x16}");
        return problem is null ? Read(bytes, isPfn ? PfnKind.Pfn : PfnKind.Dax) : null;
    }

    /// <summary>Writes the block over 4096 bytes, with its checksum.</summary>
    public void Write(Span<byte> bytes)
    {
        bytes = bytes[..Size];
        bytes.Clear();
        SignatureOf(Kind).CopyTo(Layout.Signature.Of(bytes));
        NetworkGuid.Write(Layout.Uuid.Of(bytes), Uuid);
        NetworkGuid.Write(Layout.ParentUuid.Of(bytes), ParentUuid);
        Layout.Flags.Write(bytes, Flags);
        Layout.Major.Write(bytes, Major);
        Layout.Minor.Write(bytes, Minor);
        Layout.DataOffset.Write(bytes, DataOffset);
        Layout.PageFrames.Write(bytes, PageFrames);
        Layout.Mode.Write(bytes, (uint)Mode);
        if (Minor >= 1)
        {
            Layout.StartPad.Write(bytes, StartPad);
            Layout.EndTruncate.Write(bytes, EndTruncate);
        }

        if (Minor >= 2)
            Layout.Alignment.Write(bytes, Alignment);
        if (Minor >= 4)
        {
            Layout.PageSize.Write(bytes, PageSize);
            Layout.PageStructSize.Write(bytes, PageStructSize);
        }

        Layout.Checksum.Write(bytes, Fletcher64.ComputeWithHole(bytes, Layout.Checksum.Offset));
    }

    /// <summary>The block that Linux 6.1 and ndctl write for a namespace, byte for byte.</summary>
    /// <param name="kind">fsdax or devdax.</param>
    /// <param name="mode">Where page structures are kept.</param>
    /// <param name="start">System physical address of the namespace; a multiple of 2 MiB.</param>
    /// <param name="size">Bytes of the namespace.</param>
    /// <param name="alignment">4096, 2 MiB or 1 GiB.</param>
    /// <param name="uuid">Of the personality.</param>
    /// <param name="parentUuid">Of the namespace; empty without labels.</param>
    /// <exception cref="PmemException">The namespace cannot have such a block; says why and what would do.</exception>
    public static PfnInfoBlock Compute(PfnKind kind, PageMapMode mode, ulong start, ulong size, ulong alignment, Guid uuid, Guid parentUuid)
    {
        if (mode is not (PageMapMode.Memory or PageMapMode.Device))
            throw new ArgumentOutOfRangeException(nameof(mode), "page structures are kept in memory or on the device");
        if (alignment is not (4096 or CompatibleAlignment or 1 << 30))
            throw new PmemException($"alignment {alignment} is not possible: 4096, 2097152 or 1073741824");
        ulong unit = Math.Max(alignment, CompatibleAlignment);
        if (start % CompatibleAlignment != 0)
            throw new PmemException($"a namespace at 0x{start:x} cannot be fsdax or devdax: its address must be a multiple of 2 MiB");
        if (size > ulong.MaxValue / 2 || start > (ulong.MaxValue / 2) - size)
            throw new PmemException($"{size} bytes at 0x{start:x} are beyond every address space");
        ulong end = start + size;
        ulong truncate = end % unit;
        ulong pages = size < Reserve ? 0 : (size - Reserve) / DefaultPageSize;
        ulong offset = RoundUp(start + Reserve + (mode == PageMapMode.Device ? DefaultPageStructSize * pages : 0), unit) - start;
        if (offset + truncate >= size)
            throw new PmemException($"a namespace of {size} bytes at 0x{start:x} is too small for alignment {alignment}: {offset + truncate} bytes go to page structures and alignment");
        return new PfnInfoBlock
        {
            Kind = kind,
            Uuid = uuid,
            ParentUuid = parentUuid,
            DataOffset = offset,
            PageFrames = (size - offset - truncate) / DefaultPageSize,
            Mode = mode,
            EndTruncate = checked((uint)truncate),
            Alignment = alignment,
        };
    }

    /// <summary>
    /// What a kernel would refuse, or null: such a namespace cannot be enabled at all, not even as a raw one (Linux <c>nd_pfn_validate</c>,
    /// EOPNOTSUPP).
    /// </summary>
    /// <param name="start">System physical address of the namespace.</param>
    /// <param name="size">Bytes of the namespace.</param>
    public FormatProblem? FindRefusal(ulong start, ulong size)
    {
        static FormatProblem Wrong(string what, LayoutField field, string expected, string found) => new(what, Position + field.Offset, expected, found);
        if (Alignment > size)
            return Wrong("alignment", Layout.Alignment, $"at most the namespace's {size} bytes", $"{Alignment}");
        if (DataOffset >= size)
            return Wrong("data offset", Layout.DataOffset, $"less than the namespace's {size} bytes", $"{DataOffset}");
        if (Mode == PageMapMode.Device && PageSize > DefaultPageSize)
            return Wrong("page size", Layout.PageSize, $"at most {DefaultPageSize}", $"{PageSize}");
        if (Mode == PageMapMode.Device && PageStructSize < DefaultPageStructSize)
            return Wrong("size of page structures", Layout.PageStructSize, $"at least {DefaultPageStructSize}", $"{PageStructSize}");
        if (DataOffset % DefaultPageSize != 0 || DataOffset == 0)
            return Wrong("data offset", Layout.DataOffset, "a multiple of 4096", $"{DataOffset}");
        if (Alignment != 0 && unchecked(start + DataOffset + StartPad) % Alignment != 0)
            return Wrong("data offset", Layout.DataOffset, $"an address (0x{start:x} plus it) that is a multiple of the alignment {Alignment}", $"0x{unchecked(start + DataOffset + StartPad):x}; the namespace was moved, or made for another address");
        if (Kind == PfnKind.Dax && Alignment is not (4096 or CompatibleAlignment or 1 << 30))
            return Wrong("alignment", Layout.Alignment, "4096, 2097152 or 1073741824", $"{Alignment}");
        if (unchecked(start + StartPad) % CompatibleAlignment != 0)
            return Wrong("start", Layout.StartPad, "an address that is a multiple of 2 MiB", $"0x{unchecked(start + StartPad):x}");
        return unchecked(start + size - EndTruncate) % CompatibleAlignment != 0
            ? Wrong("end", Layout.EndTruncate, "an address that is a multiple of 2 MiB", $"0x{unchecked(start + size - EndTruncate):x}")
            : null;
    }

    private static PfnInfoBlock Read(ReadOnlySpan<byte> bytes, PfnKind kind)
    {
        ushort minor = (ushort)Layout.Minor.Read(bytes);
        ulong offset = Layout.DataOffset.Read(bytes);
        ulong alignment = minor >= 2 ? Layout.Alignment.Read(bytes) : 0;
        return new PfnInfoBlock
        {
            Kind = kind,
            Uuid = NetworkGuid.Read(Layout.Uuid.Of(bytes)),
            ParentUuid = NetworkGuid.Read(Layout.ParentUuid.Of(bytes)),
            Flags = (uint)Layout.Flags.Read(bytes),
            Major = (ushort)Layout.Major.Read(bytes),
            Minor = minor,
            DataOffset = offset,
            PageFrames = Layout.PageFrames.Read(bytes),
            Mode = (PageMapMode)Layout.Mode.Read(bytes),
            StartPad = minor >= 1 ? (uint)Layout.StartPad.Read(bytes) : 0,
            EndTruncate = minor >= 1 ? (uint)Layout.EndTruncate.Read(bytes) : 0,
            Alignment = alignment != 0 || offset == 0 ? alignment : 1UL << BitOperations.Log2(offset),
            PageSize = minor >= 4 ? (uint)Layout.PageSize.Read(bytes) : DefaultPageSize,
            PageStructSize = minor >= 4 ? (ushort)Layout.PageStructSize.Read(bytes) : DefaultPageStructSize,
        };
    }

    private static ulong RoundUp(ulong value, ulong unit) => (value + unit - 1) / unit * unit;
}
