using System.Buffers;
using Pmem.Blocks;

namespace Pmem.Platform.Model;

/// <summary>The sectors of a namespace: its block translation table, together with the map below, which ends with it.</summary>
internal sealed class NamespaceDevice(BlockTranslationTable table, PersistentMap map) : IBlockDevice
{
    public int BlockSize => table.BlockSize;

    public long BlockCount => table.BlockCount;

    public bool IsReadOnly => table.IsReadOnly;

    public void Read(long block, Span<byte> destination) => table.Read(block, destination);

    public bool TryRead(long block, Span<byte> destination) => table.TryRead(block, destination);

    public void Read(long block, IReadOnlyList<Memory<byte>> destinations) => table.Read(block, destinations);

    public void Write(long block, ReadOnlySpan<byte> source) => table.Write(block, source);

    public void Write(long block, ReadOnlySequence<byte> source) => table.Write(block, source);

    public void Zero(long block, long count = 1) => table.Zero(block, count);

    public void SetError(long block) => table.SetError(block);

    public bool IsZero(long block) => table.IsZero(block);

    public void Flush() => table.Flush();

    public ValueTask ReadAsync(long block, Memory<byte> destination, CancellationToken cancellation = default) => table.ReadAsync(block, destination, cancellation);

    public ValueTask WriteAsync(long block, ReadOnlyMemory<byte> source, CancellationToken cancellation = default) => table.WriteAsync(block, source, cancellation);

    public ValueTask FlushAsync(CancellationToken cancellation = default) => table.FlushAsync(cancellation);

    public void Dispose()
    {
        // Of a platform whose power was cut the map is gone, and nothing is left to be flushed.
        if (map.Length > 0)
            table.Dispose();
        map.Dispose();
    }
}
