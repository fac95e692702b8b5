using System.Buffers.Binary;
using Pmem.Platform;
using Pmem.Platform.Labels;
using Pmem.Pools;

namespace Pmem.Tool.Tests.Lint;

/// <summary>A label storage area in memory that is spoiled in one place, checksums being right again afterwards.</summary>
internal sealed class SpoiledArea(byte[] bytes)
{
    public const int Size = 128 << 10;
    public const long Media = 16 << 20;
    public const ulong Part = 4 << 20;
    private const ulong QemuCookie = 0xba90120012b4dc;
    private const int LabelSize = 256;
    private const int IndexSequence = 20;
    private const int IndexSlots = 56;
    private const int IndexChecksum = 64;
    private const int LabelSlot = 120;
    private const int LabelChecksum = 248;

    public byte[] Bytes { get; private set; } = bytes;

    /// <summary>Three namespaces of 4 MiB, one behind the other, in QEMU's first slot.</summary>
    public static SpoiledArea Sound()
    {
        var area = new SpoiledArea(Empty(LabelFormat.Efi12));
        for (int i = 0; i < 3; i++)
            area.Add(Label(i));
        return area;
    }

    public static byte[] Empty(LabelFormat format)
    {
        var blank = LabelArea.Parse(new byte[Size]);
        return Apply(blank, LabelUpdate.Initialize(blank, format), int.MaxValue);
    }

    public static NamespaceLabel Label(int number) => new()
    {
        Uuid = new Guid(number + 1, 0x4444, 0x5555, 0x88, 1, 2, 3, 4, 5, 6, 7),
        Name = $"space{number}",
        LabelCount = 1,
        SetCookie = QemuCookie,
        LbaSize = 512,
        Dpa = (ulong)number * Part,
        RawSize = Part,
        Type = NvdimmGuids.PersistentMemory,
    };

    public LabelArea Parsed => LabelArea.Parse(Bytes);

    private LabelSlot[] Active => [.. Parsed.Slots.Where(slot => slot.State == LabelSlotState.Active)];

    /// <summary>Puts a label as an update does, or the first writes of it.</summary>
    public void Add(NamespaceLabel label, int writes = int.MaxValue) => Bytes = Apply(Parsed, LabelUpdate.Put([Parsed], [label]), writes);

    /// <summary>Changes a label in use where it is.</summary>
    public void Change(int number, Func<NamespaceLabel, NamespaceLabel> change)
    {
        LabelSlot slot = Active[number];
        change(slot.Label).Write(Bytes.AsSpan(slot.Offset), Parsed.Format!.Value);
    }

    /// <summary>Changes bytes of a label in use.</summary>
    public void Patch(int number, int at, ReadOnlySpan<byte> change, bool seal = true)
    {
        Span<byte> label = Bytes.AsSpan(Active[number].Offset, LabelSize);
        change.CopyTo(label[at..]);
        if (seal)
            BinaryPrimitives.WriteUInt64LittleEndian(label[LabelChecksum..], Fletcher64.ComputeWithHole(label, LabelChecksum));
    }

    public void RenumberSlot(int number) => Patch(number, LabelSlot, [77]);

    /// <summary>Frees the slot of a label as destroying a namespace does.</summary>
    public void Free(int number) => Replace(Parsed.Current!.Successor([], [Active[number].Slot]));

    /// <summary>Takes slots that nobody wrote.</summary>
    public void Take(IEnumerable<int> slots) => Replace(Parsed.Current!.Successor(slots, []));

    /// <summary>Writes a new label into a free slot, as an update does before its index block, with another name.</summary>
    public void Interrupt(int number)
    {
        LabelArea area = Parsed;
        int slot = area.Current!.LowestFreeSlot();
        (Active[number].Label with { Name = "renamed", Flags = NamespaceLabelFlags.Updating, Slot = (uint)slot }).Write(Bytes.AsSpan(area.Geometry!.Value.SlotOffset(slot)), area.Format!.Value);
    }

    public void EqualSequences()
    {
        byte[] free = Bytes.AsSpan(Parsed.Geometry!.Value.IndexOffset(Parsed.Current!.Position), Parsed.Geometry.Value.IndexSize)[IndexBlock.HeaderSize..].ToArray();
        PatchIndexes(block =>
        {
            free.CopyTo(block[IndexBlock.HeaderSize..]);
            block[IndexSequence] = 1;
        });
    }

    public void ZeroSequence() => PatchIndex(1 - Parsed.Current!.Position, block => block[IndexSequence] = 0);

    public void BreakIndexes()
    {
        Bytes[0] = 0;
        Bytes[Parsed.Geometry!.Value.IndexSize] = 0;
    }

    public void FewerSlots() => PatchIndex(1 - Parsed.Current!.Position, block => BinaryPrimitives.WriteInt32LittleEndian(block[IndexSlots..], 100));

    public void StrayBits() => PatchIndexes(block => block[^1] = 0x80);

    public void CxlVersion() => PatchIndexes(block => (block[60], block[62]) = (2, 1));

    private delegate void BlockChange(Span<byte> block);

    private void PatchIndexes(BlockChange change)
    {
        PatchIndex(0, change);
        PatchIndex(1, change);
    }

    private void PatchIndex(int position, BlockChange change)
    {
        int size = Parsed.Geometry!.Value.IndexSize;
        Span<byte> block = Bytes.AsSpan(position * size, size);
        change(block);
        BinaryPrimitives.WriteUInt64LittleEndian(block[IndexChecksum..], Fletcher64.ComputeWithHole(block, IndexChecksum));
    }

    private void Replace(IndexBlock block)
    {
        LabelAreaGeometry geometry = Parsed.Geometry!.Value;
        block.Write(Bytes.AsSpan(geometry.IndexOffset(block.Position), geometry.IndexSize), geometry);
    }

    private static byte[] Apply(LabelArea area, LabelUpdate update, int writes)
    {
        byte[] bytes = area.Bytes.ToArray();
        foreach (LabelWrite write in update.Writes.Take(writes))
            write.Bytes.Span.CopyTo(bytes.AsSpan(write.Offset));
        return bytes;
    }
}
