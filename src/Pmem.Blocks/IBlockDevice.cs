using System.Buffers;

namespace Pmem.Blocks;

/// <summary>
/// An array of blocks, each of which is written all or nothing: a block pool, a sector-mode namespace. Buffers hold one or more whole,
/// consecutive blocks; each block of them is atomic by itself, in order.
/// </summary>
/// <remarks>All members may be used from many threads. A read that meets a write of the same block gives the old or the new content, whole.</remarks>
public interface IBlockDevice : IDisposable
{
    /// <summary>Bytes of a block.</summary>
    int BlockSize { get; }

    /// <summary>Number of blocks.</summary>
    long BlockCount { get; }

    /// <summary>Whether nothing can be written.</summary>
    bool IsReadOnly { get; }

    /// <summary>Reads consecutive blocks.</summary>
    /// <param name="block">The first block.</param>
    /// <param name="destination">A whole number of blocks.</param>
    /// <exception cref="ArgumentOutOfRangeException">The blocks are not on the device, or the buffer is not a whole number of them.</exception>
    /// <exception cref="BlockErrorException">A block is marked as bad, or its media cannot be read.</exception>
    void Read(long block, Span<byte> destination);

    /// <summary>Reads consecutive blocks; false when one of them is marked as bad or its media cannot be read. Blocks before it were read.</summary>
    /// <param name="block">The first block.</param>
    /// <param name="destination">A whole number of blocks.</param>
    bool TryRead(long block, Span<byte> destination);

    /// <summary>Reads consecutive blocks into pieces of any length, whose sum is a whole number of blocks.</summary>
    /// <param name="block">The first block.</param>
    /// <param name="destinations">Filled in order.</param>
    void Read(long block, IReadOnlyList<Memory<byte>> destinations);

    /// <summary>Writes consecutive blocks. Durable at return; after a crash before that, each block has its old or its new content.</summary>
    /// <param name="block">The first block.</param>
    /// <param name="source">A whole number of blocks.</param>
    /// <exception cref="ArgumentOutOfRangeException">The blocks are not on the device, or the buffer is not a whole number of them.</exception>
    /// <exception cref="InvalidOperationException">The device is read-only.</exception>
    /// <exception cref="ArenaErrorException">The arena that holds a block may only be read.</exception>
    [ProgrammingModel("NVM.BLOCK.ATOMIC_WRITE", ModelRequirement.MandatoryIfCapable)]
    void Write(long block, ReadOnlySpan<byte> source);

    /// <summary>Writes consecutive blocks from pieces of any length, whose sum is a whole number of blocks.</summary>
    /// <param name="block">The first block.</param>
    /// <param name="source">The pieces in order.</param>
    void Write(long block, ReadOnlySequence<byte> source);

    /// <summary>Makes blocks read as zeros; durable at return, and as atomic as a write, at the cost of one store a block.</summary>
    /// <param name="block">The first block.</param>
    /// <param name="count">How many.</param>
    [ProgrammingModel("NVM.BLOCK.DISCARD_IMMEDIATELY", ModelRequirement.MandatoryIfCapable)]
    void Zero(long block, long count = 1);

    /// <summary>Marks a block as bad: reads fail until it is written or set to zero. Durable at return.</summary>
    /// <param name="block">The block.</param>
    [ProgrammingModel("NVM.BLOCK.SCAR", ModelRequirement.MandatoryIfCapable)]
    void SetError(long block);

    /// <summary>Whether a block is known to read as zeros because it was never written, or set to zero.</summary>
    /// <param name="block">The block.</param>
    [ProgrammingModel("NVM.BLOCK.EXISTS", ModelRequirement.MandatoryIfCapable)]
    bool IsZero(long block);

    /// <summary>Waits until everything written is durable; after <see cref="Write(long, ReadOnlySpan{byte})"/> returned it is anyway.</summary>
    void Flush();

    /// <summary>As <see cref="Read(long, Span{byte})"/>. Completes at once on memory; where reads wait for a disk, on the thread pool.</summary>
    /// <param name="block">The first block.</param>
    /// <param name="destination">A whole number of blocks.</param>
    /// <param name="cancellation">Looked at before each block.</param>
    ValueTask ReadAsync(long block, Memory<byte> destination, CancellationToken cancellation = default);

    /// <summary>As <see cref="Write(long, ReadOnlySpan{byte})"/>. Completes at once on memory; where writes wait for a disk, on the thread pool.</summary>
    /// <param name="block">The first block.</param>
    /// <param name="source">A whole number of blocks.</param>
    /// <param name="cancellation">Looked at before each block: those before it are written.</param>
    ValueTask WriteAsync(long block, ReadOnlyMemory<byte> source, CancellationToken cancellation = default);

    /// <summary>As <see cref="Flush"/>.</summary>
    /// <param name="cancellation">Looked at before it starts.</param>
    ValueTask FlushAsync(CancellationToken cancellation = default);
}
