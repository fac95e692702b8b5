namespace Pmem.Platform.Labels;

/// <summary>
/// Works out the writes that change one area, on a copy of its bytes: labels go to free slots only, the index block that is not current is
/// replaced last. Nothing reaches media until <see cref="LabelUpdate.Apply"/>.
/// </summary>
internal sealed class LabelAreaEditor
{
    private const int InitialSequence = 3;

    private readonly byte[] _bytes;
    private readonly int _dimm;
    private readonly List<LabelWrite> _writes;
    private LabelArea _area;

    public LabelAreaEditor(LabelArea area, int dimm, List<LabelWrite> writes)
    {
        _area = area;
        _bytes = area.Bytes.ToArray();
        _dimm = dimm;
        _writes = writes;
    }

    /// <summary>What the area holds once the writes so far are done.</summary>
    public LabelArea Area => _area;

    /// <summary>Gives an unlabelled area its index blocks, as Linux does when it writes a first label.</summary>
    public void Ensure(LabelFormat format)
    {
        if (_area.Current is null)
            WriteEmptyIndexes(format, InitialSequence);
    }

    /// <summary>Gives an unlabelled area index blocks that name the labels which are in its slots already.</summary>
    public void Rebuild(LabelFormat format, int[] used)
    {
        LabelAreaGeometry geometry = LabelAreaGeometry.Compute(_area.Size, format);
        IndexBlock second = IndexBlock.CreateEmpty(geometry, format, 1, InitialSequence - 1);
        IndexBlock first = second.Successor(used, []);
        WriteIndex(first, geometry);
        WriteIndex(first.Successor([], []), geometry);
    }

    /// <summary>Writes a label and, in the same step, takes away the labels that had its uuid or that of a namespace it replaces, and those that no kernel accepts.</summary>
    public void Put(NamespaceLabel label, bool reapInvalid = true, Guid? replaced = null)
    {
        IndexBlock current = _area.Current!;
        LabelAreaGeometry geometry = _area.Geometry!.Value;
        int slot = current.LowestFreeSlot();
        if (slot < 0)
            throw new OutOfSpaceException($"all {current.SlotCount} label slots of DIMM {_dimm} are in use: destroy a namespace first");
        byte[] bytes = new byte[geometry.LabelSize];
        (label with { Slot = (uint)slot }).Write(bytes, current.Format);
        Write(geometry.SlotOffset(slot), bytes, LabelWriteKind.Label, slot);
        Commit([slot], [.. _area.Slots.Where(old => Replaces(old, label.Uuid, slot, reapInvalid) || (replaced is { } other && IsOf(old, other))).Select(old => old.Slot)]);
    }

    /// <summary>Frees slots and brings others back, in one step.</summary>
    public void Commit(int[] used, int[] freed)
    {
        LabelAreaGeometry geometry = _area.Geometry!.Value;
        WriteIndex(_area.Current!.Successor(used, freed), geometry);
    }

    /// <summary>Frees every slot; the old labels stay readable as stale ones.</summary>
    public void Clear() => Commit([], [.. Enumerable.Range(0, _area.Current!.SlotCount)]);

    /// <summary>
    /// Makes the area an empty one of a form, from whatever it is, so that it reads as it did, as empty, or as new after any write. The two
    /// forms may have index blocks of different size, and labels of 128 bytes win over those of 256: the order below keeps one valid block.
    /// </summary>
    public void Initialize(LabelFormat format)
    {
        LabelAreaGeometry target = LabelAreaGeometry.Compute(_area.Size, format);
        if (_area.Current is not { } old)
        {
            WriteEmptyIndexes(format, InitialSequence);
            return;
        }

        int oldSize = _area.Geometry!.Value.IndexSize;
        Clear();
        if (old.Format == format && old.SlotCount == target.SlotCount)
        {
            Clear();
            return;
        }

        // Growing blocks: the first new one is block 1, which must not touch the current old one; shrinking ones: block 0 likewise.
        if ((target.IndexSize > oldSize && _area.Current!.Position != 0) || (target.IndexSize < oldSize && _area.Current!.Position != 1))
            Clear();
        IndexBlock current = _area.Current!;
        int first = 1 - current.Position;
        int sequence = IndexBlock.Next(current.Sequence);
        WriteIndex(IndexBlock.CreateEmpty(target, format, first, sequence), target);
        WriteIndex(IndexBlock.CreateEmpty(target, format, 1 - first, IndexBlock.Next(sequence)), target);
        if (target.IndexSize < oldSize && _area.Format != format)
            Erase(oldSize, IndexBlock.Signature.Length);
    }

    /// <summary>Zeroes the area: first the block that is not current, then the current one, then the rest.</summary>
    public void Zero()
    {
        if (_area.Current is { } current)
        {
            LabelAreaGeometry geometry = _area.Geometry!.Value;
            Erase(geometry.IndexOffset(1 - current.Position), geometry.IndexSize);
            Erase(geometry.IndexOffset(current.Position), geometry.IndexSize);
        }

        Erase(0, _bytes.Length);
    }

    /// <summary>Frees the slots of a namespace.</summary>
    public void Free(Guid uuid) => Commit([], [.. _area.Slots.Where(slot => IsOf(slot, uuid)).Select(slot => slot.Slot)]);

    private static bool IsOf(LabelSlot slot, Guid uuid) => slot.State == LabelSlotState.Active && slot.Label.Uuid == uuid;

    private static bool Replaces(LabelSlot old, Guid uuid, int slot, bool reapInvalid) =>
        old.Slot != slot && (IsOf(old, uuid) || (reapInvalid && old.State == LabelSlotState.Invalid));

    private void WriteEmptyIndexes(LabelFormat format, int sequence)
    {
        LabelAreaGeometry geometry = LabelAreaGeometry.Compute(_area.Size, format);
        WriteIndex(IndexBlock.CreateEmpty(geometry, format, 0, sequence), geometry);
        WriteIndex(IndexBlock.CreateEmpty(geometry, format, 1, sequence - 1), geometry);
    }

    private void WriteIndex(IndexBlock block, LabelAreaGeometry geometry)
    {
        byte[] bytes = new byte[geometry.IndexSize];
        block.Write(bytes, geometry);
        Write(geometry.IndexOffset(block.Position), bytes, LabelWriteKind.Index, block.Position);
    }

    private void Erase(int offset, int length) => Write(offset, new byte[length], LabelWriteKind.Erase, -1);

    private void Write(int offset, byte[] bytes, LabelWriteKind kind, int slot)
    {
        _writes.Add(new LabelWrite(_dimm, offset, bytes, kind, slot));
        bytes.CopyTo(_bytes, offset);
        _area = LabelArea.Parse(_bytes);
    }
}
