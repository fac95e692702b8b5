using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Platform.Evidence;

/// <summary>The memory of a region of which there is evidence: copies of what is asked for.</summary>
internal sealed class EvidenceMemory(RegionEvidence region) : IRegionMemory
{
    private const long MostBytes = 256 << 20;

    public PersistentMap Map(long offset, long length, bool readOnly = false)
    {
        if (!readOnly)
            throw new PmemException($"{region.Name} is evidence, which nobody may change: change the platform itself");
        if (length <= 0 || offset < 0)
            throw new PmemException($"{region.Name} has no {length} bytes at {offset}");
        if (length > MostBytes)
            throw new PmemException($"{length} bytes of evidence are more than {MostBytes}, which are looked at at once");
        byte[] bytes = new byte[length];
        if (!region.TryRead((ulong)offset, bytes))
            throw new PmemException($"{region.Name} cannot be read at 0x{offset:x}: its media are not there, or were not kept");
        var map = PersistentMap.CreateAnonymous(length);
        map.Copy(0, bytes);
        return map;
    }
}

/// <summary>A label storage area of which there is evidence: it can be read.</summary>
internal sealed class EvidenceLabels(LabelArea area, string name) : ILabelStorage
{
    public int Size => area.Size;

    public void Read(int offset, Span<byte> destination) => area.Bytes.Slice(offset, destination.Length).CopyTo(destination);

    public void Write(int offset, ReadOnlySpan<byte> source) => throw new PmemException($"the labels of {name} are evidence, which nobody may change: change the platform itself");
}
