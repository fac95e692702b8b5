using Pmem.Platform.Labels;

namespace Pmem.Emulation;

/// <summary>The label storage area of a virtual DIMM: the end of its file. Can be told to tear a write, as a power failure in the middle of a transfer does.</summary>
/// <param name="path">The file.</param>
/// <param name="dimm">The DIMM.</param>
/// <param name="demand">Throws when nothing may be written: the platform is off, and another process may have it, or a guest has it.</param>
internal sealed class VirtualLabelStorage(string path, VirtualDimm dimm, Action demand) : ILabelStorage
{
    private int _writesLeft = dimm.TornLabels?.Writes ?? -1;
    private int _bytesOfLast = dimm.TornLabels?.Bytes ?? 0;
    private bool _wasTorn;

    public string Path => path;

    /// <summary>What is still to come of a tear; null for none.</summary>
    public TornLabels? Torn => _wasTorn || _writesLeft < 0 ? null : new TornLabels(_writesLeft, _bytesOfLast);

    public int Size => dimm.LabelSize;

    /// <summary>Lets some writes through, the next one only in part, and fails from then on.</summary>
    public void TearAfter(int writes, int bytes) => (_writesLeft, _bytesOfLast, _wasTorn) = (writes, bytes, false);

    public void Read(int offset, Span<byte> destination)
    {
        using PersistentMap map = Open(MapAccess.ReadOnly);
        new MappedLabelStorage(map, dimm.Capacity, dimm.LabelSize).Read(offset, destination);
    }

    public void Write(int offset, ReadOnlySpan<byte> source)
    {
        demand();
        bool torn = _writesLeft == 0;
        if (_writesLeft > 0)
            _writesLeft--;
        ReadOnlySpan<byte> written = torn ? source[..Math.Min(_bytesOfLast, source.Length)] : source;
        SparseSpace.Demand(path, dimm.Capacity + offset, source.Length);
        using (PersistentMap map = Open(MapAccess.ReadWrite))
            new MappedLabelStorage(map, dimm.Capacity, dimm.LabelSize).Write(offset, written);
        if (!torn)
            return;
        _bytesOfLast = 0;
        _wasTorn = true;
        throw new PmemException($"power failed while labels were written to {System.IO.Path.GetFileName(path)}");
    }

    // Areas begin and end at pages in every image that this library makes, but not in every image there is: the whole file is mapped.
    private PersistentMap Open(MapAccess access) => PersistentMap.Open(path, new PersistentMapOptions { Access = access });
}
