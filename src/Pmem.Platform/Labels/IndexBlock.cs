using System.Numerics;
using Pmem.Pools;
using Layout = Pmem.Platform.Labels.IndexBlockLayout;

namespace Pmem.Platform.Labels;

/// <summary>
/// One of the two index blocks of a label storage area: which slots are free, and which of the two blocks is the current one.
/// </summary>
/// <remarks>
/// An index block is never changed in place: the other one is written with the next sequence number and so becomes current. Its checksum
/// makes that one step: a torn block is not valid, and the old one stays current. Values are immutable.
/// </remarks>
public sealed class IndexBlock
{
    /// <summary>Bytes before the free bitmap.</summary>
    public const int HeaderSize = 72;

    private readonly byte[] _free;

    private IndexBlock(byte[] free) => _free = free;

    /// <summary>The 16 bytes every index block starts with.</summary>
    public static ReadOnlySpan<byte> Signature => "NAMESPACE_INDEX\0"u8;

    /// <summary>Which of the two: 0 or 1.</summary>
    public int Position { get; private init; }

    /// <summary>Form of the labels.</summary>
    public LabelFormat Format { get; private init; }

    /// <summary>Sequence number: 1, 2, 3, 1, …; 0 is not valid.</summary>
    public int Sequence { get; private init; }

    /// <summary>Slots, at most those of the geometry.</summary>
    public int SlotCount { get; private init; }

    /// <summary>Free slots.</summary>
    public int FreeSlots
    {
        get
        {
            int free = 0;
            for (int slot = 0; slot < SlotCount; slot++)
                free += IsFree(slot) ? 1 : 0;
            return free;
        }
    }

    /// <summary>Whether a bit behind the last slot is set; Linux does not mind, the specification wants zero.</summary>
    public bool HasStrayFreeBits
    {
        get
        {
            for (int slot = SlotCount; slot < _free.Length * 8; slot++)
            {
                if ((_free[slot / 8] & (1 << (slot % 8))) != 0)
                    return true;
            }

            return false;
        }
    }

    /// <summary>Whether a slot is free.</summary>
    public bool IsFree(int slot) => (_free[slot / 8] & (1 << (slot % 8))) != 0;

    /// <summary>The lowest free slot, or -1.</summary>
    public int LowestFreeSlot()
    {
        for (int i = 0; i < _free.Length; i++)
        {
            if (_free[i] == 0)
                continue;
            int slot = (i * 8) + BitOperations.TrailingZeroCount(_free[i]);
            return slot < SlotCount ? slot : -1;
        }

        return -1;
    }

    /// <summary>The sequence number after another one.</summary>
    public static int Next(int sequence) => sequence switch
    {
        1 => 2,
        2 => 3,
        3 => 1,
        _ => 0,
    };

    /// <summary>An index block with all slots free.</summary>
    public static IndexBlock CreateEmpty(LabelAreaGeometry geometry, LabelFormat format, int position, int sequence)
    {
        byte[] free = new byte[geometry.IndexSize - HeaderSize];
        for (int slot = 0; slot < geometry.SlotCount; slot++)
            free[slot / 8] |= (byte)(1 << (slot % 8));
        return new IndexBlock(free) { Position = position, Format = format, Sequence = sequence, SlotCount = geometry.SlotCount };
    }

    /// <summary>The block that replaces this one: at the other position, with the next sequence number and some slots changed.</summary>
    public IndexBlock Successor(IEnumerable<int> used, IEnumerable<int> freed)
    {
        byte[] free = [.. _free];

        // Bits behind the last slot name nothing, and some program may take them for slots.
        for (int slot = SlotCount; slot < free.Length * 8; slot++)
            free[slot / 8] &= (byte)~(1 << (slot % 8));
        foreach (int slot in used)
            free[slot / 8] &= (byte)~(1 << (slot % 8));
        foreach (int slot in freed)
            free[slot / 8] |= (byte)(1 << (slot % 8));
        return new IndexBlock(free) { Position = 1 - Position, Format = Format, Sequence = Next(Sequence), SlotCount = SlotCount };
    }

    /// <summary>Writes the block, with its checksum, over <see cref="LabelAreaGeometry.IndexSize"/> bytes.</summary>
    public void Write(Span<byte> block, LabelAreaGeometry geometry)
    {
        block.Clear();
        Signature.CopyTo(Layout.Signature.Of(block));
        Layout.LabelSizeCode.Write(block, (ulong)(Format.LabelSize() == 128 ? 0 : 1));
        Layout.Sequence.Write(block, (ulong)Sequence);
        Layout.MyOffset.Write(block, (ulong)geometry.IndexOffset(Position));
        Layout.MySize.Write(block, (ulong)geometry.IndexSize);
        Layout.OtherOffset.Write(block, (ulong)geometry.IndexOffset(1 - Position));
        Layout.LabelOffset.Write(block, (ulong)geometry.LabelOffset);
        Layout.SlotCount.Write(block, (ulong)SlotCount);
        Layout.Major.Write(block, Format.Major());
        Layout.Minor.Write(block, Format.Minor());
        _free.AsSpan(0, Math.Min(_free.Length, geometry.IndexSize - HeaderSize)).CopyTo(block[HeaderSize..]);
        Layout.Checksum.Write(block, Fletcher64.ComputeWithHole(block[..geometry.IndexSize], Layout.Checksum.Offset));
    }

    /// <summary>
    /// Reads the block at a position as Linux does (<c>__nd_label_validate</c>, with the label offset that 6.1.192 demands), in its order; null and the first problem when it
    /// is not valid. Any bytes are fine.
    /// </summary>
    /// <param name="area">The whole label storage area.</param>
    /// <param name="position">0 or 1.</param>
    /// <param name="geometry">The geometry to try.</param>
    /// <param name="problem">Why the block is not valid.</param>
    public static IndexBlock? TryParse(ReadOnlySpan<byte> area, int position, LabelAreaGeometry geometry, out FormatProblem? problem)
    {
        int offset = geometry.IndexOffset(position);
        ReadOnlySpan<byte> block = area.Slice(offset, geometry.IndexSize);
        problem = FindProblem(block, position, geometry, offset);
        if (problem is not null)
            return null;
        int major = (int)Layout.Major.Read(block);
        LabelFormat format = geometry.LabelSize == 128 ? LabelFormat.Efi11 : major == 2 ? LabelFormat.Cxl21 : LabelFormat.Efi12;
        return new IndexBlock(block[HeaderSize..].ToArray())
        {
            Position = position,
            Format = format,
            Sequence = (int)(Layout.Sequence.Read(block) & 3),
            SlotCount = (int)Layout.SlotCount.Read(block),
        };
    }

    private static FormatProblem? FindProblem(ReadOnlySpan<byte> block, int position, LabelAreaGeometry geometry, int offset)
    {
        FormatProblem Wrong(string what, LayoutField field, string expected, string found) =>
            new($"index block {position} {what}", offset + field.Offset, expected, found);

        if (!Layout.Signature.Of(block).SequenceEqual(Signature))
            return Wrong("signature", Layout.Signature, "NAMESPACE_INDEX", Convert.ToHexStringLower(Layout.Signature.Of(block)));
        ulong major = Layout.Major.Read(block);
        ulong minor = Layout.Minor.Read(block);
        ulong code = Layout.LabelSizeCode.Read(block);
        // Before version 1.2 the byte was reserved: labels have 128 bytes whatever it holds.
        bool hasCode = (major * 100) + minor >= 102;
        if (hasCode && code > 1)
            return Wrong("label size code", Layout.LabelSizeCode, "0 or 1", $"{code}");
        int labelSize = hasCode ? 128 << (int)code : 128;
        if (labelSize != geometry.LabelSize)
            return Wrong("label size", Layout.LabelSizeCode, $"{geometry.LabelSize}", $"{labelSize}");
        ulong checksum = Fletcher64.ComputeWithHole(block, Layout.Checksum.Offset);
        if (Layout.Checksum.Read(block) != checksum)
            return Wrong("checksum", Layout.Checksum, $"0x{checksum:x16}", $"0x{Layout.Checksum.Read(block):x16}");
        if ((Layout.Sequence.Read(block) & 3) == 0)
            return Wrong("sequence", Layout.Sequence, "1, 2 or 3 in its two low bits", $"{Layout.Sequence.Read(block)}");
        if (Layout.MyOffset.Read(block) != (ulong)geometry.IndexOffset(position))
            return Wrong("own offset", Layout.MyOffset, $"{geometry.IndexOffset(position)}", $"{Layout.MyOffset.Read(block)}");
        if (Layout.OtherOffset.Read(block) != (ulong)geometry.IndexOffset(1 - position))
            return Wrong("offset of the other", Layout.OtherOffset, $"{geometry.IndexOffset(1 - position)}", $"{Layout.OtherOffset.Read(block)}");
        if (Layout.LabelOffset.Read(block) != (ulong)geometry.LabelOffset)
            return Wrong("label offset", Layout.LabelOffset, $"{geometry.LabelOffset}", $"{Layout.LabelOffset.Read(block)}");
        ulong size = Layout.MySize.Read(block);
        if (size > (ulong)geometry.IndexSize || size < HeaderSize)
            return Wrong("own size", Layout.MySize, $"{HeaderSize} to {geometry.IndexSize}", $"{size}");
        ulong slots = Layout.SlotCount.Read(block);
        return slots * (ulong)labelSize > (ulong)(geometry.AreaSize - geometry.LabelOffset) || slots > (ulong)geometry.SlotCount
            ? Wrong("slot count", Layout.SlotCount, $"at most {geometry.SlotCount}", $"{slots}")
            : null;
    }
}
