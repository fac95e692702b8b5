using Pmem.Blocks;

namespace Pmem.Platform.Images;

/// <summary>Writes a disk, in order and possibly with gaps of zeros, as sectors.</summary>
internal sealed class NamespaceWriter(BlockTranslationTable table)
{
    private readonly int _payload = SectorImage.PayloadOf(table.BlockSize);
    private readonly byte[] _sector = new byte[table.BlockSize];
    private long _block = -1;

    public void Write(long at, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            long block = at / _payload;
            int start = (int)(at % _payload);
            int count = Math.Min(bytes.Length, _payload - start);
            if (block != _block)
                Finish();
            _block = block;
            bytes[..count].CopyTo(_sector.AsSpan(start));
            bytes = bytes[count..];
            at += count;
        }
    }

    /// <summary>Writes the sector that is being filled; zeros stay blocks that were never written.</summary>
    public void Finish()
    {
        if (_block >= 0 && _sector.AsSpan().ContainsAnyExcept((byte)0))
            table.Write(_block, _sector);
        _sector.AsSpan().Clear();
        _block = -1;
    }
}
