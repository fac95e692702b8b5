using System.Buffers;

namespace Pmem;

/// <summary>A window into a map that knows when the map is gone.</summary>
internal sealed unsafe class MapMemory(PersistentMap map, long offset, int length) : MemoryManager<byte>
{
    /// <inheritdoc/>
    public override Span<byte> GetSpan()
    {
        ObjectDisposedException.ThrowIf(map.IsDisposed, map);
        return map.GetSpan(offset, length);
    }

    /// <inheritdoc/>
    public override MemoryHandle Pin(int elementIndex = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)elementIndex, (uint)length, nameof(elementIndex));
        ObjectDisposedException.ThrowIf(!map.TryPin(), map);
        return new MemoryHandle(map.Pointer + offset + elementIndex, pinnable: this);
    }

    /// <inheritdoc/>
    public override void Unpin() => map.Unpin();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        // The window owns nothing.
    }
}
