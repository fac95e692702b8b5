namespace Pmem.Platform.Labels;

/// <summary>
/// A DIMM's label storage area as firmware gives access to it (<c>_LSI</c>, <c>_LSR</c>, <c>_LSW</c>, or Intel functions 4 to 6): not mapped,
/// read and written in pieces. A write is durable at return; one that a power failure interrupts may be torn anywhere.
/// </summary>
public interface ILabelStorage
{
    /// <summary>Bytes of the area.</summary>
    int Size { get; }

    /// <summary>Reads a range.</summary>
    /// <exception cref="PmemException">The firmware or the file refuses.</exception>
    void Read(int offset, Span<byte> destination);

    /// <summary>Writes a range; durable at return.</summary>
    /// <exception cref="PmemException">The firmware or the file refuses.</exception>
    void Write(int offset, ReadOnlySpan<byte> source);
}

/// <summary>A label storage area in mapped persistent memory or a mapped file.</summary>
public sealed class MappedLabelStorage : ILabelStorage
{
    private readonly PersistentMap _map;
    private readonly long _offset;

    /// <summary>An area of a map, which stays the caller's.</summary>
    /// <param name="map">The map.</param>
    /// <param name="offset">First byte of the area in it.</param>
    /// <param name="size">Bytes of the area.</param>
    public MappedLabelStorage(PersistentMap map, long offset, int size)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, map.Length - size);
        _map = map;
        _offset = offset;
        Size = size;
    }

    /// <inheritdoc/>
    public int Size { get; }

    /// <inheritdoc/>
    public void Read(int offset, Span<byte> destination)
    {
        Demand(offset, destination.Length);
        _map.CheckedRead(_offset + offset, destination);
    }

    /// <inheritdoc/>
    public void Write(int offset, ReadOnlySpan<byte> source)
    {
        Demand(offset, source.Length);
        _map.Copy(_offset + offset, source);
    }

    private void Demand(int offset, int length)
    {
        if (offset < 0 || length > Size - offset)
            throw new ArgumentOutOfRangeException(nameof(offset), $"range {offset}+{length} is outside the label storage area of {Size} bytes");
    }
}
