using System.Text;
using Pmem.Pools;
using Layout = Pmem.Platform.Labels.NamespaceLabelLayout;

namespace Pmem.Platform.Labels;

/// <summary>Flags of a namespace label.</summary>
[Flags]
public enum NamespaceLabelFlags : uint
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Read-only label; Linux does not mind.</summary>
    ReadOnly = 0x1,

    /// <summary>The set is this DIMM alone. Kernels before 5.18 marked block-window labels so.</summary>
    Local = 0x2,

    /// <summary>Reserved; once said that a BTT is inside.</summary>
    Btt = 0x4,

    /// <summary>An update of the set was under way when this label was written.</summary>
    Updating = 0x8,

    /// <summary>The label is bound to the location cookie of the range (UEFI 2.9).</summary>
    LocationCookieBound = 0x10,
}

/// <summary>A namespace label: one DIMM's part of a namespace.</summary>
public sealed record NamespaceLabel
{
    /// <summary>Bytes of the name field; a name has at most one byte less, in UTF-8.</summary>
    public const int NameFieldSize = 64;

    /// <summary>The namespace this label belongs to.</summary>
    public Guid Uuid { get; init; }

    /// <summary>Friendly name; empty for none.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>Flags.</summary>
    public NamespaceLabelFlags Flags { get; init; }

    /// <summary>Labels in the set: the ways of the interleave set.</summary>
    public ushort LabelCount { get; init; }

    /// <summary>Rank of the DIMM in the set.</summary>
    public ushort Position { get; init; }

    /// <summary>Interleave set cookie.</summary>
    public ulong SetCookie { get; init; }

    /// <summary>Logical block size, a hint: 0, 512 or 4096 for persistent memory.</summary>
    public ulong LbaSize { get; init; }

    /// <summary>DIMM physical address of this part.</summary>
    public ulong Dpa { get; init; }

    /// <summary>Bytes of this part.</summary>
    public ulong RawSize { get; init; }

    /// <summary>Slot the label is written for.</summary>
    public uint Slot { get; init; }

    /// <summary>Alignment as a power of two, a hint (1.2).</summary>
    public byte Alignment { get; init; }

    /// <summary>Type of the range (1.2).</summary>
    public Guid Type { get; init; }

    /// <summary>What is inside, empty for nothing known (1.2).</summary>
    public Guid Abstraction { get; init; }

    /// <summary>Location cookie of the range (UEFI 2.9, 1.2).</summary>
    public ulong LocationCookie { get; init; }

    /// <summary>Whether the name field ends in a zero byte; without one, Linux shows what lies behind it.</summary>
    public bool IsNameTerminated { get; private init; } = true;

    /// <summary>Reads a label. Any bytes give one; <see cref="FindProblem"/> judges them.</summary>
    public static NamespaceLabel Parse(ReadOnlySpan<byte> bytes, LabelFormat format)
    {
        ReadOnlySpan<byte> name = Layout.Name.Of(bytes);
        int end = name.IndexOf((byte)0);
        var label = new NamespaceLabel
        {
            Uuid = NetworkGuid.Read(Layout.Uuid.Of(bytes)),
            Name = Encoding.UTF8.GetString(end < 0 ? name : name[..end]),
            IsNameTerminated = end >= 0,
            Flags = (NamespaceLabelFlags)Layout.Flags.Read(bytes),
            LabelCount = (ushort)Layout.LabelCount.Read(bytes),
            Position = (ushort)Layout.Position.Read(bytes),
            SetCookie = Layout.SetCookie.Read(bytes),
            LbaSize = Layout.LbaSize.Read(bytes),
            Dpa = Layout.Dpa.Read(bytes),
            RawSize = Layout.RawSize.Read(bytes),
            Slot = (uint)Layout.Slot.Read(bytes),
        };
        return format == LabelFormat.Efi11 ? label : label with
        {
            Alignment = (byte)Layout.Alignment.Read(bytes),
            Type = new Guid(Layout.Type.Of(bytes)),
            Abstraction = new Guid(Layout.Abstraction.Of(bytes)),
            LocationCookie = Layout.LocationCookie.Read(bytes),
        };
    }

    /// <summary>Writes the label over <see cref="LabelFormats.LabelSize"/> bytes, with its checksum where there is one. A name that is too long is cut at a character.</summary>
    public void Write(Span<byte> bytes, LabelFormat format)
    {
        bytes[..format.LabelSize()].Clear();
        NetworkGuid.Write(Layout.Uuid.Of(bytes), Uuid);
        // The encoder stops before a character that does not fit, so the field always ends in zero.
        Encoding.UTF8.GetEncoder().Convert(Name, Layout.Name.Of(bytes)[..(NameFieldSize - 1)], flush: true, out _, out _, out _);
        Layout.Flags.Write(bytes, (uint)Flags);
        Layout.LabelCount.Write(bytes, LabelCount);
        Layout.Position.Write(bytes, Position);
        Layout.SetCookie.Write(bytes, SetCookie);
        Layout.LbaSize.Write(bytes, LbaSize);
        Layout.Dpa.Write(bytes, Dpa);
        Layout.RawSize.Write(bytes, RawSize);
        Layout.Slot.Write(bytes, Slot);
        if (format == LabelFormat.Efi11)
            return;
        Layout.Alignment.Write(bytes, Alignment);
        Type.TryWriteBytes(Layout.Type.Of(bytes));
        Abstraction.TryWriteBytes(Layout.Abstraction.Of(bytes));
        Layout.LocationCookie.Write(bytes, LocationCookie);
        Layout.Checksum.Write(bytes, Fletcher64.ComputeWithHole(bytes[..format.LabelSize()], Layout.Checksum.Offset));
    }

    /// <summary>Why a kernel does not look at a label, or null: its slot number (<c>slot_valid</c>) and, from 1.2 on, its checksum.</summary>
    /// <param name="bytes">The label.</param>
    /// <param name="format">Form of the area.</param>
    /// <param name="slot">Where it is.</param>
    /// <param name="offset">Offset in the area, for the message.</param>
    public static FormatProblem? FindProblem(ReadOnlySpan<byte> bytes, LabelFormat format, int slot, long offset)
    {
        ulong named = Layout.Slot.Read(bytes);
        if (named != (ulong)slot)
            return new FormatProblem("label slot number", offset + Layout.Slot.Offset, $"{slot}", $"{named}");
        if (format == LabelFormat.Efi11)
            return null;
        ulong checksum = Fletcher64.ComputeWithHole(bytes[..format.LabelSize()], Layout.Checksum.Offset);
        ulong found = Layout.Checksum.Read(bytes);
        return found == checksum ? null : new FormatProblem("label checksum", offset + Layout.Checksum.Offset, $"0x{checksum:x16}", $"0x{found:x16}");
    }
}
