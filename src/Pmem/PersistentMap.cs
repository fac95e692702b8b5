using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Pmem;

/// <summary>A range of persistent memory mapped into this process: the one place where stores, flushes and fences are issued.</summary>
public sealed unsafe partial class PersistentMap : IDisposable
{
    private byte* _base;
    private readonly long _length;
    private readonly StoreGranularity _granularity;
    private readonly bool _readOnly;

    private PersistentMap(byte* address, long length, StoreGranularity granularity, bool readOnly)
    {
        _base = address;
        _length = length;
        _granularity = granularity;
        _readOnly = readOnly;
    }

    /// <summary>Maps an existing file or device-DAX node.</summary>
    public static PersistentMap Open(string path, PersistentMapOptions? options = null) => throw new NotSupportedException(path);

    /// <summary>Creates a file of <paramref name="length"/> bytes, which must not exist, and maps it.</summary>
    public static PersistentMap Create(string path, long length, PersistentMapOptions? options = null) => throw new NotSupportedException(path);

    /// <summary>Maps zeroed memory without a file; it behaves like persistent memory of the wanted granularity but lives only as long as the process.</summary>
    public static PersistentMap CreateAnonymous(long length, StoreGranularity granularity = StoreGranularity.CacheLine)
    {
        var p = (byte*)NativeMemory.AlignedAlloc((nuint)length, 2 << 20);
        NativeMemory.Clear(p, (nuint)length);
        return new PersistentMap(p, length, granularity, readOnly: false);
    }

    /// <summary>The first byte. Writing through it bypasses tracing; valid until <see cref="Dispose"/>.</summary>
    public byte* Pointer => _base;

    /// <summary>Length in bytes.</summary>
    public long Length => _length;

    /// <summary>The unit in which stores become durable.</summary>
    public StoreGranularity Granularity => _granularity;

    /// <summary>Whether stores fault.</summary>
    public bool IsReadOnly => _readOnly;

    /// <summary>Path of the mapped file, or null for an anonymous map.</summary>
    public string? Path { get; private set; }

    /// <summary>A span over a range; writes through it are plain stores that the caller flushes.</summary>
    public Span<byte> GetSpan(long offset, int length) => new(At(offset, length), length);

    /// <summary>A reference into the map; writes through it are plain stores that the caller flushes.</summary>
    public ref T GetRef<T>(long offset)
        where T : unmanaged => ref *(T*)At(offset, sizeof(T));

    /// <summary>A window that fails cleanly, rather than crash, when used after <see cref="Dispose"/>.</summary>
    public Memory<byte> GetMemory(long offset, int length) => throw new NotSupportedException();

    /// <summary>Reads a value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Read<T>(long offset)
        where T : unmanaged => Unsafe.ReadUnaligned<T>(At(offset, sizeof(T)));

    /// <summary>Stores a value; volatile until flushed and drained. Not failure-atomic unless 8 bytes and aligned: use <see cref="StoreUInt64"/> for that.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store<T>(long offset, T value)
        where T : unmanaged => Unsafe.WriteUnaligned(At(offset, sizeof(T)), value);

    /// <summary>Reads an aligned 8-byte word with one load that the compiler neither drops nor repeats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong ReadUInt64(long offset) => Volatile.Read(ref *(ulong*)At(offset, 8));

    /// <summary>Stores an aligned 8-byte word failure-atomically: after a crash either the old or the new value is there. Volatile until flushed and drained.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreUInt64(long offset, ulong value) => Volatile.Write(ref *(ulong*)At(offset, 8), value);

    /// <summary>Stores an aligned 8-byte word with a non-temporal store: failure-atomic, durable after <see cref="Drain"/> without a flush.</summary>
    public void StoreUInt64NonTemporal(long offset, ulong value)
    {
        StoreUInt64(offset, value);
        Flush(offset, 8);
    }

    /// <summary>Replaces an aligned 8-byte word if it equals <paramref name="comparand"/>; returns the word found. Volatile until flushed; acts as a fence for this thread's earlier flushes.</summary>
    public ulong CompareExchangeUInt64(long offset, ulong value, ulong comparand) => Interlocked.CompareExchange(ref *(ulong*)At(offset, 8), value, comparand);

    /// <summary>Starts writing back a range; durable after <see cref="Drain"/> on the same thread.</summary>
    public void Flush(long offset, long length) => _ = At(offset, length);

    /// <summary>Waits until everything this thread flushed or stored non-temporally is durable.</summary>
    public void Drain()
    {
        if (_granularity != StoreGranularity.Page)
            Thread.MemoryBarrier();
    }

    /// <summary>Makes a range durable: <see cref="Flush"/> and <see cref="Drain"/>.</summary>
    public void Persist(long offset, long length)
    {
        Flush(offset, length);
        Drain();
    }

    /// <summary>Makes a range durable down to media, so that it survives even a failed ADR.</summary>
    public void DeepFlush(long offset, long length) => Persist(offset, length);

    /// <summary>Makes a range durable through the file system (msync), whatever the granularity.</summary>
    public void Sync(long offset, long length) => Persist(offset, length);

    /// <summary>Copies bytes into the map. Durable at return unless the hints say otherwise.</summary>
    public void Copy(long destination, ReadOnlySpan<byte> source, CopyHints hints = CopyHints.None)
    {
        source.CopyTo(new Span<byte>(At(destination, source.Length), source.Length));
        if ((hints & CopyHints.NoFlush) == 0)
            Flush(destination, source.Length);
        if ((hints & (CopyHints.NoFlush | CopyHints.NoDrain)) == 0)
            Drain();
    }

    /// <summary>Copies <paramref name="length"/> bytes from memory into the map. Durable at return unless the hints say otherwise.</summary>
    public void Copy(long destination, byte* source, long length, CopyHints hints = CopyHints.None)
    {
        Buffer.MemoryCopy(source, At(destination, length), length, length);
        if ((hints & CopyHints.NoFlush) == 0)
            Flush(destination, length);
        if ((hints & (CopyHints.NoFlush | CopyHints.NoDrain)) == 0)
            Drain();
    }

    /// <summary>Copies a range of the map to another, overlapping or not. Durable at return unless the hints say otherwise.</summary>
    public void Move(long destination, long source, long length, CopyHints hints = CopyHints.None) => Copy(destination, At(source, length), length, hints);

    /// <summary>Fills a range with one byte value. Durable at return unless the hints say otherwise.</summary>
    public void Fill(long destination, byte value, long length, CopyHints hints = CopyHints.None)
    {
        NativeMemory.Fill(At(destination, length), (nuint)length, value);
        if ((hints & CopyHints.NoFlush) == 0)
            Flush(destination, length);
        if ((hints & (CopyHints.NoFlush | CopyHints.NoDrain)) == 0)
            Drain();
    }

    /// <summary>Reads a range that may hold media errors. Returns false, without harm to the process, when any byte cannot be read.</summary>
    public bool TryRead(long offset, Span<byte> destination)
    {
        GetSpan(offset, destination.Length).CopyTo(destination);
        return true;
    }

    /// <summary>Reads a range that may hold media errors; throws <see cref="MediaErrorException"/> when any byte cannot be read.</summary>
    public void CheckedRead(long offset, Span<byte> destination)
    {
        if (!TryRead(offset, destination))
            throw new MediaErrorException(offset, destination.Length);
    }

    /// <summary>Unmaps. Spans, references and the pointer must not be used afterwards; <see cref="GetMemory"/> windows throw instead.</summary>
    public void Dispose()
    {
        NativeMemory.AlignedFree(_base);
        _base = null;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private byte* At(long offset, long length)
    {
        if ((ulong)offset > (ulong)_length || (ulong)length > (ulong)(_length - offset))
            ThrowRange(offset, length);
        return _base + offset;
    }

    private void ThrowRange(long offset, long length) =>
        throw new ArgumentOutOfRangeException(nameof(offset), $"range 0x{offset:x}+{length} is outside the map of {_length} bytes");
}
