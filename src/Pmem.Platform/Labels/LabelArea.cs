namespace Pmem.Platform.Labels;

/// <summary>An index block as it was found.</summary>
/// <param name="Block">The block, or null when it is not valid.</param>
/// <param name="Problem">Why it is not valid, or null.</param>
public sealed record IndexVerdict(IndexBlock? Block, FormatProblem? Problem);

/// <summary>
/// What a label storage area holds, read as Linux reads it: which geometry, which index block is current, which labels are in use, which are
/// left over. Immutable; <see cref="LabelAreaEditor"/> changes areas.
/// </summary>
/// <remarks>
/// <para>The area is two index blocks and slots. An update writes labels only to free slots and then the other index block with the next sequence
/// number, whose checksum makes that the one step at which the old content becomes the new. So a crash at any write leaves an area that reads
/// as old or as new, and the slots that became free keep the old labels until they are used again.</para>
/// <para>Reading is total: any bytes give a value. Nothing here depends on the region; <see cref="RegionLabelVerdict"/> does.</para>
/// </remarks>
public sealed class LabelArea
{
    private readonly byte[] _bytes;

    private LabelArea(byte[] bytes) => _bytes = bytes;

    /// <summary>Bytes of the area.</summary>
    public int Size => _bytes.Length;

    /// <summary>The geometry of the current index block, or for an area without one that of 1.2; null when the area is too small.</summary>
    public LabelAreaGeometry? Geometry { get; private init; }

    /// <summary>The two index blocks, judged with <see cref="Geometry"/>; empty when the area is too small.</summary>
    public IReadOnlyList<IndexVerdict> Indexes { get; private init; } = [];

    /// <summary>The current index block; null when none is valid and the DIMM counts as unlabelled.</summary>
    public IndexBlock? Current { get; private init; }

    /// <summary>Form of the labels; null when the DIMM is unlabelled.</summary>
    public LabelFormat? Format => Current?.Format;

    /// <summary>Slots that hold a label in use, valid or not, and slots with a readable old one, in order.</summary>
    public IReadOnlyList<LabelSlot> Slots { get; private init; } = [];

    /// <summary>Labels that a kernel looks at, in slot order.</summary>
    public IEnumerable<NamespaceLabel> ActiveLabels => Slots.Where(slot => slot.State == LabelSlotState.Active).Select(slot => slot.Label);

    /// <summary>The bytes the area was read from.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>Reads an area from where firmware keeps it.</summary>
    /// <exception cref="PmemException">It cannot be read.</exception>
    public static LabelArea Read(ILabelStorage storage)
    {
        if (storage.Size > LabelAreaGeometry.MaximumAreaSize)
            throw new PmemException($"a label storage area of {storage.Size} bytes is larger than any is: name the size of the area alone");
        byte[] bytes = new byte[storage.Size];
        storage.Read(0, bytes);
        return Parse(bytes);
    }

    /// <summary>Reads an area from a copy of its bytes. Any bytes are fine.</summary>
    public static LabelArea Parse(ReadOnlySpan<byte> bytes) => Parse(bytes.ToArray());

    /// <summary>Labels that lie in the slots of a geometry, whatever index blocks say: what is left when both are lost.</summary>
    public IReadOnlyList<LabelSlot> FindOrphanLabels(LabelFormat format) =>
        LabelAreaGeometry.TryCompute(Size, format.LabelSize(), out LabelAreaGeometry geometry) ? ReadSlots(_bytes, geometry, format, current: null) : [];

    private static LabelArea Parse(byte[] bytes)
    {
        // Labels of 128 bytes are tried first; a form with any valid index block wins.
        foreach (int labelSize in (ReadOnlySpan<int>)[128, 256])
        {
            if (!LabelAreaGeometry.TryCompute(bytes.Length, labelSize, out LabelAreaGeometry geometry))
                continue;
            IndexVerdict[] indexes = ReadIndexes(bytes, geometry);
            if (ChooseCurrent(indexes[0].Block, indexes[1].Block) is not { } current)
                continue;
            return new LabelArea(bytes) { Geometry = geometry, Indexes = indexes, Current = current, Slots = ReadSlots(bytes, geometry, current.Format, current) };
        }

        return LabelAreaGeometry.TryCompute(bytes.Length, LabelFormat.Efi12.LabelSize(), out LabelAreaGeometry empty)
            ? new LabelArea(bytes) { Geometry = empty, Indexes = ReadIndexes(bytes, empty) }
            : new LabelArea(bytes);
    }

    private static IndexVerdict[] ReadIndexes(byte[] bytes, LabelAreaGeometry geometry)
    {
        var verdicts = new IndexVerdict[2];
        for (int i = 0; i < verdicts.Length; i++)
        {
            IndexBlock? block = IndexBlock.TryParse(bytes, i, geometry, out FormatProblem? problem);
            verdicts[i] = new IndexVerdict(block, problem);
        }

        return verdicts;
    }

    /// <summary>The valid one; of two, the successor of the other; of two with equal numbers, index 1 (<c>nd_label_validate</c>).</summary>
    internal static IndexBlock? ChooseCurrent(IndexBlock? first, IndexBlock? second)
    {
        if (first is null || second is null)
            return first ?? second;
        return first.Sequence != second.Sequence && IndexBlock.Next(second.Sequence) == first.Sequence ? first : second;
    }

    private static List<LabelSlot> ReadSlots(byte[] bytes, LabelAreaGeometry geometry, LabelFormat format, IndexBlock? current)
    {
        var slots = new List<LabelSlot>();
        int count = current?.SlotCount ?? geometry.SlotCount;
        for (int slot = 0; slot < count; slot++)
        {
            int offset = geometry.SlotOffset(slot);
            ReadOnlySpan<byte> label = bytes.AsSpan(offset, geometry.LabelSize);
            bool free = current is null || current.IsFree(slot);
            if (free && !label.ContainsAnyExcept((byte)0))
                continue;
            FormatProblem? problem;
            CxlRegionLabel? region = null;
            if (format == LabelFormat.Cxl21)
            {
                region = CxlRegionLabel.TryParse(label);
                problem = region is null ? NamespaceLabel.FindProblem(label, format, slot, offset) : CxlRegionLabel.FindProblem(label, slot, offset);
            }
            else
            {
                problem = NamespaceLabel.FindProblem(label, format, slot, offset);
            }

            NamespaceLabel parsed = NamespaceLabel.Parse(label, format);
            if (free && (problem is not null || (parsed.Uuid == Guid.Empty && format != LabelFormat.Cxl21)))
                continue;
            slots.Add(new LabelSlot(slot, offset, free ? LabelSlotState.Stale : problem is null ? LabelSlotState.Active : LabelSlotState.Invalid, parsed, problem)
            {
                CxlRegion = region,
                CxlNamespace = format == LabelFormat.Cxl21 && region is null ? CxlNamespaceLabel.TryParse(label) : null,
            });
        }

        return slots;
    }
}
