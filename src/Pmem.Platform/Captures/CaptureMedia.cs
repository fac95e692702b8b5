using Pmem.Platform.Evidence;

namespace Pmem.Platform.Captures;

/// <summary>What a capture kept of a module's media.</summary>
internal sealed class CaptureMedia : IModuleMedia
{
    private const int Nowhere = -1;

    private readonly (ulong Address, ulong Length, int Position)[] _extents;
    private readonly ReadOnlyMemory<byte> _bytes;

    /// <summary>Makes them of extents in the order of their addresses, whose bytes lie behind one another.</summary>
    /// <exception cref="PmemFormatException">They overlap, leave the module, or are more than there are bytes.</exception>
    public CaptureMedia(IReadOnlyList<CaptureRange> extents, ReadOnlyMemory<byte> bytes, ulong capacity)
    {
        _bytes = bytes;
        _extents = new (ulong, ulong, int)[extents.Count];
        ulong end = 0;
        int position = 0;
        for (int i = 0; i < extents.Count; i++)
        {
            if (extents[i] is not { Length: > 0 } extent || extent.Address < end || extent.Address > capacity || extent.Length > capacity - extent.Address)
                throw new PmemFormatException("capture manifest", -1, $"extents of media in order, within {capacity} bytes", $"{extents[i]}");
            end = extent.Address + extent.Length;
            if (!extent.Zero && extent.Length > (ulong)(bytes.Length - position))
                throw new PmemFormatException("capture media", position, $"0x{extent.Length:x} bytes of the extent at 0x{extent.Address:x}", $"{bytes.Length - position}");
            _extents[i] = (extent.Address, extent.Length, extent.Zero ? Nowhere : position);
            position += extent.Zero ? 0 : (int)extent.Length;
        }
    }

    /// <inheritdoc/>
    public bool TryRead(ulong address, Span<byte> destination)
    {
        int at = Array.BinarySearch(_extents, (address, ulong.MaxValue, int.MaxValue));
        for (at = at >= 0 ? at : ~at - 1; destination.Length > 0; at++)
        {
            if (at < 0 || at >= _extents.Length || address < _extents[at].Address || address - _extents[at].Address >= _extents[at].Length)
                return false;
            ulong within = address - _extents[at].Address;
            int part = (int)Math.Min((ulong)destination.Length, _extents[at].Length - within);
            if (_extents[at].Position == Nowhere)
                destination[..part].Clear();
            else
                _bytes.Span.Slice(_extents[at].Position + (int)within, part).CopyTo(destination);
            destination = destination[part..];
            address += (ulong)part;
        }

        return true;
    }
}
