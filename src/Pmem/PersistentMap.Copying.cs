using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Pmem.Native;
using Pmem.Tracing;

namespace Pmem;

/// <content>
/// Copying and filling. The choice between ordinary stores with a flush and non-temporal stores is libpmem's, except that whole aligned lines
/// go past the cache at any size unless <c>PMEM_MOVNT_THRESHOLD</c> says otherwise: one store per line and no flush is the faster way.
/// </content>
public sealed unsafe partial class PersistentMap
{
    private const int LineMask = CpuCache.LineSize - 1;

    /// <summary>Copies bytes into the map. Durable at return unless the hints say otherwise; not atomic. The source may lie in the map, and overlap.</summary>
    public void Copy(long destination, ReadOnlySpan<byte> source, CopyHints hints = CopyHints.None)
    {
        fixed (byte* from = source)
            Copy(destination, from, source.Length, hints);
    }

    /// <summary>Copies <paramref name="length"/> bytes from memory into the map. Durable at return unless the hints say otherwise; not atomic. The ranges may overlap.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Copy(long destination, byte* source, long length, CopyHints hints = CopyHints.None)
    {
        byte* to = At(destination, length);
        const CopyHints Past = CopyHints.NonTemporal | CopyHints.WriteCombining;
        if (!PersistenceTrace.IsEnabled && _direct == StoreGranularity.CacheLine && StreamingCopy.IsSupported
            && (((nint)to | (nint)length) & LineMask) == 0 && (hints & Past) != 0 && (hints & CopyHints.NoFlush) == 0
            && (ulong)(to - source) >= (ulong)length && (ulong)(source - to) >= (ulong)length)
        {
            StreamingCopy.CopyLines(to, source, length);
            if ((hints & CopyHints.NoDrain) == 0)
                CpuCache.Fence();
            return;
        }

        if (!PersistenceTrace.IsEnabled && (hints & CopyHints.NoFlush) != 0)
        {
            NativeMemory.Copy(source, to, (nuint)length);
            return;
        }

        CopyGeneral(destination, source, length, hints);
    }

    /// <summary>Copies a range of the map to another, overlapping or not. Durable at return unless the hints say otherwise; not atomic.</summary>
    public void Move(long destination, long source, long length, CopyHints hints = CopyHints.None)
    {
        byte* from = At(source, length);
        if (PersistenceTrace.IsEnabled)
            Observed(source, length);
        Copy(destination, from, length, hints);
    }

    /// <summary>Fills a range with one byte value. Durable at return unless the hints say otherwise; not atomic.</summary>
    public void Fill(long destination, byte value, long length, CopyHints hints = CopyHints.None)
    {
        byte* to = At(destination, length);
        if (length == 0)
            return;
        if (PersistenceTrace.IsEnabled)
        {
            FillTraced(destination, value, length, hints);
            return;
        }

        if (GoesPastCache(to, length, hints))
        {
            long head = Math.Min(length, -(nint)to & LineMask);
            long body = (length - head) & ~(long)LineMask;
            FillOrdinary(to, value, head);
            StreamingCopy.FillLines(to + head, value, body);
            FillOrdinary(to + head + body, value, length - head - body);
        }
        else
        {
            NativeMemory.Fill(to, (nuint)length, value);
            if ((hints & CopyHints.NoFlush) == 0)
                FlushHere(destination, length);
        }

        Finish(destination, length, hints);
    }

    private void CopyGeneral(long destination, byte* source, long length, CopyHints hints)
    {
        byte* to = At(destination, length);
        if (length == 0 || to == source)
        {
            // As libpmem: nothing is stored, so nothing is flushed.
            return;
        }

        if (PersistenceTrace.IsEnabled)
        {
            CopyTraced(destination, source, length, hints);
            return;
        }

        bool overlaps = (ulong)(to - source) < (ulong)length || (ulong)(source - to) < (ulong)length;
        if (!overlaps && GoesPastCache(to, length, hints))
        {
            long head = Math.Min(length, -(nint)to & LineMask);
            long body = (length - head) & ~(long)LineMask;
            CopyOrdinary(to, source, head);
            StreamingCopy.CopyLines(to + head, source + head, body);
            CopyOrdinary(to + head + body, source + head + body, length - head - body);
        }
        else
        {
            Buffer.MemoryCopy(source, to, length, length);
            if ((hints & CopyHints.NoFlush) == 0)
                FlushHere(destination, length);
        }

        Finish(destination, length, hints);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool GoesPastCache(byte* to, long length, CopyHints hints)
    {
        if (!StreamingCopy.IsSupported || _granularity == StoreGranularity.Page || (hints & CopyHints.NoFlush) != 0)
            return false;
        if ((hints & (CopyHints.NonTemporal | CopyHints.WriteCombining)) != 0)
            return _granularity == StoreGranularity.CacheLine || (hints & CopyHints.NonTemporal) != 0;
        if ((hints & (CopyHints.Temporal | CopyHints.WriteBack)) != 0 || _granularity != StoreGranularity.CacheLine)
            return false;
        return length >= StreamingCopy.Threshold || (!StreamingCopy.ThresholdIsSet && (((nint)to | (nint)length) & LineMask) == 0);
    }

    private void CopyOrdinary(byte* to, byte* from, long length)
    {
        if (length == 0)
            return;
        Buffer.MemoryCopy(from, to, length, length);
        if (_granularity == StoreGranularity.CacheLine)
            CpuCache.Flush(to, length);
    }

    private void FillOrdinary(byte* to, byte value, long length)
    {
        if (length == 0)
            return;
        NativeMemory.Fill(to, (nuint)length, value);
        if (_granularity == StoreGranularity.CacheLine)
            CpuCache.Flush(to, length);
    }

    /// <summary>Traced: the choices are the same, but stores are made with ordinary instructions and reported as what they stand for.</summary>
    private void CopyTraced(long destination, byte* source, long length, CopyHints hints)
    {
        byte* to = At(destination, length);
        bool overlaps = (ulong)(to - source) < (ulong)length || (ulong)(source - to) < (ulong)length;
        bool past = !overlaps && GoesPastCache(to, length, hints);
        long head = past ? Math.Min(length, -(nint)to & LineMask) : length;
        long body = past ? (length - head) & ~(long)LineMask : 0;
        lock (PersistenceTrace.Gate)
        {
            _observer?.OnWrite(destination, length);
            CopyPiece(destination, source, head, StoreKind.Bulk);
            CopyPiece(destination + head, source + head, body, StoreKind.NonTemporal);
            CopyPiece(destination + head + body, source + head + body, length - head - body, StoreKind.Bulk);
        }

        FinishTraced(destination, head, body, length, hints);
    }

    private void FillTraced(long destination, byte value, long length, CopyHints hints)
    {
        byte* to = At(destination, length);
        bool past = GoesPastCache(to, length, hints);
        long head = past ? Math.Min(length, -(nint)to & LineMask) : length;
        long body = past ? (length - head) & ~(long)LineMask : 0;
        lock (PersistenceTrace.Gate)
        {
            _observer?.OnWrite(destination, length);
            FillPiece(destination, value, head, StoreKind.Bulk);
            FillPiece(destination + head, value, body, StoreKind.NonTemporal);
            FillPiece(destination + head + body, value, length - head - body, StoreKind.Bulk);
        }

        FinishTraced(destination, head, body, length, hints);
    }

    // Each piece is reported when it, and nothing behind it, has been stored: who compares memory with the reports sees no other change.
    private void CopyPiece(long destination, byte* source, long length, StoreKind kind)
    {
        Buffer.MemoryCopy(source, At(destination, length), length, length);
        Report(destination, length, kind);
    }

    private void FillPiece(long destination, byte value, long length, StoreKind kind)
    {
        NativeMemory.Fill(At(destination, length), (nuint)length, value);
        Report(destination, length, kind);
    }

    private void Report(long offset, long length, StoreKind kind)
    {
        const long Slice = 1 << 30;
        for (long done = 0; done < length; done += Slice)
        {
            int part = (int)Math.Min(Slice, length - done);
            PersistenceTrace.Store(this, offset + done, new ReadOnlySpan<byte>(At(offset + done, part), part), kind);
        }
    }

    private void FinishTraced(long destination, long head, long body, long length, CopyHints hints)
    {
        if ((hints & CopyHints.NoFlush) == 0)
        {
            FlushHere(destination, head);
            FlushHere(destination + head + body, length - head - body);
        }

        Finish(destination, length, hints);
    }

    /// <summary>What follows when this map's bytes are stored and flushed: the replicas, then the wait.</summary>
    private void Finish(long destination, long length, CopyHints hints)
    {
        if ((hints & CopyHints.NoFlush) != 0)
            return;
        if (_replicas.Length > 0)
            Replicate(destination, length, hints);
        if ((hints & CopyHints.NoDrain) == 0)
            Drain();
    }
}
