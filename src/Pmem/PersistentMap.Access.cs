using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Pmem.Native;
using Pmem.Tracing;

namespace Pmem;

/// <content>Reading and storing.</content>
public sealed unsafe partial class PersistentMap
{
    /// <summary>A span over a range; writes through it are plain stores that the caller flushes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not inside the map.</exception>
    public Span<byte> GetSpan(long offset, int length)
    {
        byte* at = At(offset, length);
        if (PersistenceTrace.IsEnabled)
            Observed(offset, length);
        return new(at, length);
    }

    /// <summary>A reference into the map; writes through it are plain stores that the caller flushes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not inside the map.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref T GetRef<T>(long offset)
        where T : unmanaged
    {
        byte* at = At(offset, sizeof(T));
        if (PersistenceTrace.IsEnabled)
            Observed(offset, sizeof(T));
        return ref *(T*)at;
    }

    /// <summary>A window that throws <see cref="ObjectDisposedException"/>, rather than crash, when its span is taken after <see cref="Dispose"/>; pinning it keeps the pages.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not inside the map.</exception>
    public Memory<byte> GetMemory(long offset, int length)
    {
        _ = At(offset, length);
        if (PersistenceTrace.IsEnabled)
            Observed(offset, length);
        return new MapMemory(this, offset, length).Memory;
    }

    /// <summary>Where in the map a pointer points; false when it points elsewhere.</summary>
    /// <param name="pointer">Any pointer.</param>
    /// <param name="offset">Bytes from the start of the map; undefined when false is returned.</param>
    public bool TryGetOffset(void* pointer, out long offset)
    {
        offset = (byte*)pointer - _base;
        return (ulong)offset < (ulong)_length;
    }

    /// <summary>Reads a value at any alignment.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Read<T>(long offset)
        where T : unmanaged
    {
        byte* at = At(offset, sizeof(T));
        if (PersistenceTrace.IsEnabled)
            Observed(offset, sizeof(T));
        return Unsafe.ReadUnaligned<T>(at);
    }

    /// <summary>Reads an aligned 8-byte word with one load that the compiler neither drops nor repeats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong ReadUInt64(long offset)
    {
        byte* at = At(offset, sizeof(ulong));
        if (PersistenceTrace.IsEnabled)
            Observed(offset, sizeof(ulong));
        return Volatile.Read(ref *(ulong*)at);
    }

    /// <summary>
    /// Stores a value at any alignment; volatile until flushed and drained. Not failure-atomic unless it is 8 bytes and aligned: use
    /// <see cref="StoreUInt64"/> for that.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store<T>(long offset, T value)
        where T : unmanaged
    {
        byte* at = At(offset, sizeof(T));
        if (PersistenceTrace.IsEnabled)
        {
            Traced(offset, new ReadOnlySpan<byte>(&value, sizeof(T)), sizeof(T) > sizeof(ulong) ? StoreKind.Bulk : StoreKind.Ordered);
            return;
        }

        Unsafe.WriteUnaligned(at, value);
    }

    /// <summary>
    /// Stores an aligned 8-byte word failure-atomically: after a crash either the old or the new value is there. Volatile until flushed and
    /// drained. The compiler neither drops nor merges it.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreUInt64(long offset, ulong value)
    {
        byte* at = At(offset, sizeof(ulong));
        if (PersistenceTrace.IsEnabled)
        {
            Traced(offset, new ReadOnlySpan<byte>(&value, sizeof(ulong)), StoreKind.Ordered);
            return;
        }

        Volatile.Write(ref *(ulong*)at, value);
    }

    /// <summary>
    /// Stores an aligned 8-byte word failure-atomically and starts writing it back, past the cache where that is faster: durable after
    /// <see cref="Drain"/>, without a flush.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreUInt64NonTemporal(long offset, ulong value)
    {
        byte* at = At(offset, sizeof(ulong));
        if (!PersistenceTrace.IsEnabled && _direct == StoreGranularity.CacheLine && Sse2.X64.IsSupported && StreamingCopy.IsSupported)
        {
            Sse2.X64.StoreNonTemporal((ulong*)at, value);
            return;
        }

        StoreWordSlow(offset, value);
    }

    /// <summary>
    /// Replaces an aligned 8-byte word if it equals <paramref name="comparand"/>; returns the word found. Volatile until flushed; a locked
    /// instruction, so it is also a fence for this thread's earlier flushes.
    /// </summary>
    public ulong CompareExchangeUInt64(long offset, ulong value, ulong comparand)
    {
        ref ulong word = ref *(ulong*)At(offset, sizeof(ulong));
        return PersistenceTrace.IsEnabled ? TracedCompareExchange(offset, value, comparand) : Interlocked.CompareExchange(ref word, value, comparand);
    }

    /// <summary>
    /// Reads a range that may hold media errors, or lie behind the end of a truncated file. Returns false, without harm to the process, when any
    /// byte cannot be read; the destination then holds the readable bytes before it, the rest is undefined.
    /// </summary>
    public bool TryRead(long offset, Span<byte> destination)
    {
        byte* at = At(offset, destination.Length);
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (PersistenceTrace.IsEnabled && _observer is { } observer && !observer.OnRead(offset, destination.Length, survivesPoison: true))
            return false;
        if (!SafeCopy.IsSupported)
            return _region.TryReadSlowly(offset, destination);
        fixed (byte* to = destination)
        {
            return destination.IsEmpty || SafeCopy.Copy(to, at, destination.Length) == 0;
        }
    }

    /// <summary>Reads a range that may hold media errors.</summary>
    /// <exception cref="MediaErrorException">Some byte cannot be read; says which is the first.</exception>
    public void CheckedRead(long offset, Span<byte> destination)
    {
        if (TryRead(offset, destination))
            return;

        // Find the first bad byte, so that the exception can say it.
        int good = 0;
        for (int bad = destination.Length; bad - good > 1;)
        {
            int middle = good + ((bad - good) / 2);
            if (TryRead(offset + good, destination[good..middle]))
                good = middle;
            else
                bad = middle;
        }

        throw new MediaErrorException(offset + good, destination.Length - good);
    }

    private void StoreWordSlow(long offset, ulong value)
    {
        if (PersistenceTrace.IsEnabled && _direct == StoreGranularity.CacheLine)
        {
            Traced(offset, new ReadOnlySpan<byte>(&value, sizeof(ulong)), StoreKind.NonTemporal);
            return;
        }

        StoreUInt64(offset, value);
        Flush(offset, sizeof(ulong));
    }

    private ulong TracedCompareExchange(long offset, ulong value, ulong comparand)
    {
        lock (PersistenceTrace.Gate)
        {
            PersistenceTrace.Fence(this);
            Observed(offset, sizeof(ulong));
            ulong found = Interlocked.CompareExchange(ref *(ulong*)At(offset, sizeof(ulong)), value, comparand);
            if (found == comparand)
                PersistenceTrace.Store(this, offset, new ReadOnlySpan<byte>(&value, sizeof(ulong)), StoreKind.ReadModifyWrite);
            return found;
        }
    }

    private void Traced(long offset, ReadOnlySpan<byte> bytes, StoreKind kind)
    {
        lock (PersistenceTrace.Gate)
        {
            _observer?.OnWrite(offset, bytes.Length);
            if (bytes.Length == sizeof(ulong) && (offset & 7) == 0)
                Volatile.Write(ref *(ulong*)At(offset, sizeof(ulong)), MemoryMarshal.Read<ulong>(bytes));
            else
                bytes.CopyTo(new Span<byte>(At(offset, bytes.Length), bytes.Length));
            PersistenceTrace.Store(this, offset, bytes, kind);
        }
    }
}
