using Pmem.Blocks;
using Pmem.Blocks.Layout;

namespace Pmem.Platform.Images;

/// <summary>Reads a namespace as a disk.</summary>
internal sealed class NamespaceReader : IDisposable
{
    private const int Chunk = 1 << 20;
    private const int NamedSectors = 1000;

    private readonly PersistentMap _map;
    private readonly BlockTranslationTable _table;
    private readonly bool _skipBad;
    private readonly List<long> _bad = [];
    private long _badCount;

    public NamespaceReader(ImageWindow source, bool skipBad)
    {
        _skipBad = skipBad;
        long length = source.Measure();
        if (length < BttLayout.MinimumArena || (source.Offset & 63) != 0)
            throw new PmemException($"{source.Path}: {length} bytes at {source.Offset} are no sector-mode namespace, which has at least 16MiB and starts at a multiple of 64");
        _map = PersistentMap.Open(source.Path, new PersistentMapOptions { Access = MapAccess.ReadOnly });
        try
        {
            _table = BlockTranslationTable.Open(_map, source.Offset, length, options: new BlockDeviceOptions { ReadOnly = true });
        }
        catch
        {
            _map.Dispose();
            throw;
        }
    }

    public BttFormat Format => _table.Format;

    public int SectorSize => _table.BlockSize;

    public long DiskSize => _table.BlockCount * SectorImage.PayloadOf(SectorSize);

    /// <summary>Bytes up to the end of the last sector that is not known to be zeros: as much as another namespace must hold.</summary>
    public long UsedSize
    {
        get
        {
            long last = _table.BlockCount;
            Span<byte> sector = new byte[SectorSize];
            while (last > 0 && (_table.IsZero(last - 1) || (_table.TryRead(last - 1, sector) && !sector.ContainsAnyExcept((byte)0))))
                last--;
            return last * SectorImage.PayloadOf(SectorSize);
        }
    }

    public void CopyTo(Action<long, ReadOnlySpan<byte>> write, ImageOptions options)
    {
        int payload = SectorImage.PayloadOf(SectorSize);
        byte[] sector = new byte[SectorSize];
        int stride = Math.Max(1, Chunk / SectorSize);
        for (long block = 0; block < _table.BlockCount; block++)
        {
            if (block % stride == 0)
                options.Step("reading sectors", block, _table.BlockCount);
            if (_table.IsZero(block))
                continue;
            if (!_skipBad)
                _table.Read(block, sector);
            else if (!_table.TryRead(block, sector))
            {
                if (_badCount++ < NamedSectors)
                    _bad.Add(block);
                continue;
            }

            if (sector.AsSpan(0, payload).ContainsAnyExcept((byte)0))
                write(block * payload, sector.AsSpan(0, payload));
        }
    }

    public SectorImageResult ToResult(BttFormat? to, int sectorSize, long size) => new(_table.Format, to, sectorSize, DiskSize, size, _bad, _badCount);

    public void Dispose()
    {
        _table.Dispose();
        _map.Dispose();
    }
}
