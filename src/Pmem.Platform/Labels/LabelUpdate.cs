namespace Pmem.Platform.Labels;

/// <summary>
/// A change of the label storage areas of a set of DIMMs, worked out as a list of writes before the first is made.
/// </summary>
/// <remarks>
/// <para>Per area, a crash after any write, or in the middle of one, leaves what it held before or after the step (see <see cref="LabelArea"/>).
/// Over the set, labels are written with UPDATING first and without it in a second pass, as Linux and UEFI do.</para>
/// <para>The order of DIMMs is ours: Linux looks for namespaces in the labels of mapping 0 only, and refuses the whole region when it finds one that the
/// other DIMMs lack. So mapping 0 gets a label last and loses it first: whatever a crash leaves, Linux sees the old namespaces or the new ones.
/// A part on the other DIMMs may be left over; <see cref="LabelRepair"/> takes it away or completes it.</para>
/// </remarks>
public sealed class LabelUpdate
{
    private LabelUpdate(IReadOnlyList<LabelWrite> writes) => Writes = writes;

    /// <summary>The writes, in the order in which they are made; each is durable before the next starts.</summary>
    public IReadOnlyList<LabelWrite> Writes { get; }

    /// <summary>Creates or changes a namespace: one label for each DIMM of the set.</summary>
    /// <param name="areas">The areas in mapping order; an unlabelled one is initialised as version 1.2, as Linux does.</param>
    /// <param name="labels">A label for each; slots are chosen here.</param>
    /// <exception cref="OutOfSpaceException">A DIMM has no free slot.</exception>
    public static LabelUpdate Put(IReadOnlyList<LabelArea> areas, IReadOnlyList<NamespaceLabel> labels)
    {
        if (areas.Count != labels.Count || areas.Count == 0)
            throw new ArgumentException($"{areas.Count} areas need as many labels, not {labels.Count}", nameof(labels));
        var writes = new List<LabelWrite>();
        LabelAreaEditor[] editors = [.. areas.Select((area, i) => new LabelAreaEditor(area, i, writes))];
        foreach (LabelAreaEditor editor in editors)
            editor.Ensure(LabelFormat.Efi12);
        for (int i = editors.Length - 1; i >= 0; i--)
            editors[i].Put(Unfinished(labels[i]));
        for (int i = editors.Length - 1; i >= 0; i--)
            editors[i].Put(labels[i] with { Flags = labels[i].Flags & ~NamespaceLabelFlags.Updating });
        return new LabelUpdate(writes);
    }

    /// <summary>
    /// Puts a namespace into the place of another one: on each DIMM the index block that names the new label is the one that no longer names the old. Of one DIMM a crash leaves
    /// the old namespace or the new one.
    /// </summary>
    /// <remarks>
    /// <para>Of a set, DIMMs change one after another. With the uuid of the old namespace and its place, and with a place that the old one does not touch, kernels see the old
    /// namespace or the new one after each write. With another uuid in a place that the old one has, they enable the region with neither until the last DIMM has changed, because
    /// two labels for one place would stop a DIMM: <see cref="LabelRepair"/> brings the old namespace back, which nobody has written to.</para>
    /// <para>A place that the old namespace does not touch takes a free slot more on each DIMM.</para>
    /// </remarks>
    /// <param name="areas">The areas in mapping order.</param>
    /// <param name="labels">A label for each; slots are chosen here.</param>
    /// <param name="replaced">The namespace whose labels go.</param>
    /// <exception cref="OutOfSpaceException">A DIMM has no free slot.</exception>
    public static LabelUpdate Replace(IReadOnlyList<LabelArea> areas, IReadOnlyList<NamespaceLabel> labels, Guid replaced)
    {
        if (areas.Count != labels.Count || areas.Count == 0)
            throw new ArgumentException($"{areas.Count} areas need as many labels, not {labels.Count}", nameof(labels));
        if (labels.All(label => label.Uuid == replaced))
            return Put(areas, labels);
        var writes = new List<LabelWrite>();
        LabelAreaEditor[] editors = [.. areas.Select((area, i) => new LabelAreaEditor(area, i, writes))];
        foreach (LabelAreaEditor editor in editors)
            editor.Ensure(LabelFormat.Efi12);
        if (areas.Where((area, i) => area.ActiveLabels.Any(old => old.Uuid == replaced && RegionLabelVerdict.Overlap(old, labels[i]))).Any())
        {
            for (int i = editors.Length - 1; i >= 0; i--)
                editors[i].Put(Unfinished(labels[i]), replaced: replaced);
        }
        else
        {
            // What is left of the old namespace once DIMM 0 has lost it must not be taken for a namespace that lost a DIMM.
            for (int i = editors.Length - 1; i > 0; i--)
            {
                foreach (NamespaceLabel old in areas[i].ActiveLabels.Where(label => label.Uuid == replaced))
                    editors[i].Put(Unfinished(old));
                editors[i].Put(Unfinished(labels[i]));
            }

            editors[0].Put(Unfinished(labels[0]), replaced: replaced);
            foreach (LabelAreaEditor editor in editors.Skip(1))
                editor.Free(replaced);
        }

        for (int i = editors.Length - 1; i >= 0; i--)
            editors[i].Put(labels[i] with { Flags = labels[i].Flags & ~NamespaceLabelFlags.Updating });
        return new LabelUpdate(writes);
    }

    private static NamespaceLabel Unfinished(NamespaceLabel label) => label with { Flags = label.Flags | NamespaceLabelFlags.Updating };

    /// <summary>Destroys a namespace: frees the slots of every active label of the uuid, mapping 0 first.</summary>
    public static LabelUpdate Remove(IReadOnlyList<LabelArea> areas, Guid uuid)
    {
        var writes = new List<LabelWrite>();
        for (int i = 0; i < areas.Count; i++)
        {
            int[] slots = [.. areas[i].Slots.Where(slot => slot.State == LabelSlotState.Active && slot.Label.Uuid == uuid).Select(slot => slot.Slot)];
            if (slots.Length > 0)
                new LabelAreaEditor(areas[i], i, writes).Commit([], slots);
        }

        return new LabelUpdate(writes);
    }

    /// <summary>Marks slots of one area as in use or free, in one step.</summary>
    /// <param name="area">The area.</param>
    /// <param name="used">Slots to bring back: stale labels that are good.</param>
    /// <param name="freed">Slots to give up.</param>
    public static LabelUpdate Mark(LabelArea area, IEnumerable<int> used, IEnumerable<int> freed)
    {
        if (area.Current is null)
            throw new PmemException("the area has no valid index block: initialise it, or repair it, first");
        var writes = new List<LabelWrite>();
        new LabelAreaEditor(area, 0, writes).Commit([.. used], [.. freed]);
        return new LabelUpdate(writes);
    }

    /// <summary>Makes an area an empty one of a form. Labels that were in use become stale where the form stays the same.</summary>
    /// <exception cref="PmemException">The area is too small.</exception>
    public static LabelUpdate Initialize(LabelArea area, LabelFormat format)
    {
        var writes = new List<LabelWrite>();
        new LabelAreaEditor(area, 0, writes).Initialize(format);
        return new LabelUpdate(writes);
    }

    /// <summary>Zeroes an area, index blocks first: it reads as before until it reads as unlabelled.</summary>
    public static LabelUpdate Zero(LabelArea area)
    {
        var writes = new List<LabelWrite>();
        new LabelAreaEditor(area, 0, writes).Zero();
        return new LabelUpdate(writes);
    }

    /// <summary>Joins updates that were worked out one after another.</summary>
    internal static LabelUpdate Of(List<LabelWrite> writes) => new(writes);

    /// <summary>What the areas will hold once the writes are made.</summary>
    internal LabelArea[] Preview(IReadOnlyList<LabelArea> areas)
    {
        byte[][] bytes = [.. areas.Select(area => area.Bytes.ToArray())];
        foreach (LabelWrite write in Writes)
            write.Bytes.Span.CopyTo(bytes[write.Dimm].AsSpan(write.Offset));
        return [.. bytes.Select(area => LabelArea.Parse(area))];
    }

    /// <summary>Makes the writes; durable at return.</summary>
    /// <param name="storages">Where the areas are, in the order the update was made from.</param>
    /// <exception cref="PmemException">A write was refused; the areas hold the old or the new content, and <see cref="LabelRepair"/> mends a set.</exception>
    public void Apply(IReadOnlyList<ILabelStorage> storages)
    {
        foreach (LabelWrite write in Writes)
            storages[write.Dimm].Write(write.Offset, write.Bytes.Span);
    }
}
