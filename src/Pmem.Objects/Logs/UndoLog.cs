using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Pmem.Objects.Layout;
using Pmem.Pools;

namespace Pmem.Objects.Logs;

/// <summary>
/// The undo log of one lane: old contents of ranges that a transaction is about to change.
///
/// An entry counts when its checksum, chained with the log's generation, holds; a torn entry therefore ends the log, and adding one to the
/// generation retires every entry at once (that is how a transaction commits). The reader stops at the first entry that does not count, so
/// the line behind the newest entry must never look like one *before* that entry is durable. A line is safe for that when it is known to
/// hold zero, or the header of an entry of an older generation. The log remembers which lines are safe; only where the next line is not,
/// it zeroes ahead and drains first. In the steady state one drain a snapshot is enough (libpmemobj spends two), and ranges given
/// together share a single one.
///
/// Layout of an entry: destination and operation, checksum, size, data; zero-padded to a multiple of 64 bytes. Entries never straddle logs:
/// a long range is cut at the end of a log and continued in the next.
/// </summary>
internal sealed unsafe class UndoLog
{
    private const int Line = UlogHeader.Size;
    private const int ScratchSize = 4096;
    private const int ZeroAhead = 2048;

    private readonly PersistentMap _map;
    private readonly long _log;
    private readonly byte[] _scratchArray;
    private readonly byte* _scratch;

    // Per log of the chain, one bit a line: safe to follow the newest entry. Index 0 is the lane's own log.
    private ulong[][] _safe;

    private ulong _generation;
    private int _current;
    private long _currentData;
    private long _currentCapacity;
    private long _position;
    private bool _used;

    public UndoLog(PersistentMap map, long log, UlogExtensions extensions)
    {
        _map = map;
        _log = log;
        Extensions = extensions;
        _scratchArray = GC.AllocateArray<byte>(ScratchSize + Line, pinned: true);
        byte* raw = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_scratchArray));
        _scratch = (byte*)(((nint)raw + Line - 1) & -Line);
        _safe = [new ulong[1], []];
        _generation = map.ReadUInt64(GenerationField);
        Rewind();
    }

    /// <summary>Pool offset of the lane's own log.</summary>
    public long LogOffset => _log;

    /// <summary>Pool offset of the generation; raising it by one retires all entries.</summary>
    public long GenerationField => _log + UlogHeader.GenerationPosition;

    /// <summary>The generation that retires the present entries.</summary>
    public ulong NextGeneration => _generation + 1;

    /// <summary>Whether any entry was written since the last <see cref="Retired"/>.</summary>
    public bool IsUsed => _used;

    /// <summary>The logs chained behind the lane's own.</summary>
    public UlogExtensions Extensions { get; }

    /// <summary>Saves one range; durable at return.</summary>
    public void Append(long offset, long length)
    {
        long remaining = _currentCapacity - _position;
        long padded = (length + UlogEntry.BufferHeaderSize + Line - 1) & -Line;
        if (padded <= ScratchSize && padded < remaining)
        {
            // The common case: one entry, and the line behind it lies in the same log.
            if (!IsSafe(_position + padded))
                ZeroFrom(_position + padded);
            Write(_currentData + _position, offset, (int)length, (int)padded);
            Advance(padded);
            _map.Drain();
            return;
        }

        AppendLong(offset, length);
        _map.Drain();
    }

    /// <summary>Saves several ranges under one drain where their entries fit the log at hand; durable at return.</summary>
    public void Append(ReadOnlySpan<PoolRange> ranges)
    {
        int from = 0;
        while (from < ranges.Length)
        {
            int to = PrepareBatch(ranges, from);
            if (to == from)
            {
                Append(ranges[from].Offset, ranges[from].Length);
                from++;
                continue;
            }

            for (; from < to; from++)
            {
                long padded = (ranges[from].Length + UlogEntry.BufferHeaderSize + Line - 1) & -Line;
                Write(_currentData + _position, ranges[from].Offset, (int)ranges[from].Length, (int)padded);
                Advance(padded);
            }

            _map.Drain();
        }
    }

    /// <summary>To be called when the raised generation is durable: the log is empty, surplus extensions are freed.</summary>
    public void Retired(bool keepFirstExtension)
    {
        _generation++;
        _used = false;
        int keep = keepFirstExtension ? 1 : 0;
        if (Extensions.Count > keep)
            Extensions.FreeFrom(keep);
        if (_current != 0 || _position != 0)
            Rewind();
    }

    private void Rewind()
    {
        _current = 0;
        _currentData = _log + Line;
        _currentCapacity = LaneLayout.UndoCapacity;
        _position = 0;
    }

    /// <summary>Makes every line safe that the entries of as many ranges as possible will rely on; returns the first range that has to wait.</summary>
    private int PrepareBatch(ReadOnlySpan<PoolRange> ranges, int from)
    {
        long position = _position;
        long firstUnsafe = -1;
        int to = from;
        for (; to < ranges.Length; to++)
        {
            long padded = (ranges[to].Length + UlogEntry.BufferHeaderSize + Line - 1) & -Line;
            if (padded > ScratchSize || position + padded >= _currentCapacity)
                break;
            position += padded;
            if (firstUnsafe < 0 && !IsSafe(position))
                firstUnsafe = position;
        }

        if (firstUnsafe >= 0)
            ZeroFrom(firstUnsafe, position + Line);
        return to;
    }

    private void AppendLong(long offset, long length)
    {
        while (length > 0)
        {
            if (_position == _currentCapacity)
                NextLog();
            long piece = Math.Min(length, _currentCapacity - _position - UlogEntry.BufferHeaderSize);
            long padded = (piece + UlogEntry.BufferHeaderSize + Line - 1) & -Line;
            if (_position + padded == _currentCapacity)
                MakeNextLogSafe();
            else if (!IsSafe(_position + padded))
                ZeroFrom(_position + padded);

            if (padded <= ScratchSize)
                WriteSmall(_currentData + _position, offset, (int)piece, (int)padded);
            else
                WriteLarge(_currentData + _position, offset, piece);
            Advance(padded);
            offset += piece;
            length -= piece;
        }
    }

    private void Advance(long padded)
    {
        // Its header line stays safe for good: once this generation is retired the entry is a stale one.
        long line = _position / Line;
        ulong[] safe = _safe[_current];
        long lines = padded / Line;
        for (long i = 1; i < lines; i++)
            safe[(line + i) >> 6] &= ~(1UL << (int)(line + i));
        safe[line >> 6] |= 1UL << (int)line;
        _position += padded;
        _used = true;
    }

    private bool IsSafe(long position)
    {
        long line = position / Line;
        return (_safe[_current][line >> 6] & (1UL << (int)line)) != 0;
    }

    /// <summary>Zeroes lines from a position on and waits; they are free, so more of them than asked are done at once.</summary>
    private void ZeroFrom(long position, long atLeastTo = 0)
    {
        long end = Math.Min(_currentCapacity, Math.Max(position + ZeroAhead, atLeastTo));
        _map.Fill(_currentData + position, 0, end - position, CopyHints.WriteCombining | CopyHints.NoDrain);
        ulong[] safe = _safe[_current];
        for (long line = position / Line; line < end / Line; line++)
            safe[line >> 6] |= 1UL << (int)line;
        _map.Drain();
    }

    private void NextLog()
    {
        int index = _current;
        if (index == Extensions.Count)
        {
            Extensions.Extend(_generation);
            Forget(index + 1);
            _safe[index + 1][0] = 1; // a new log starts with a durable line of zeros
        }
        else
        {
            EnsureTracked(index + 1);
        }

        _current = index + 1;
        _currentData = Extensions.DataOf(index);
        _currentCapacity = Extensions.CapacityOf(index);
        _position = 0;
    }

    /// <summary>An entry that fills its log exactly is followed by the first line of the next log, if one is chained.</summary>
    private void MakeNextLogSafe()
    {
        int index = _current;
        if (index == Extensions.Count)
            return;
        EnsureTracked(index + 1);
        if ((_safe[index + 1][0] & 1) != 0)
            return;
        _map.Fill(Extensions.DataOf(index), 0, Line);
        _safe[index + 1][0] |= 1;
    }

    private void EnsureTracked(int index)
    {
        if (index >= _safe.Length || _safe[index].Length == 0)
            Forget(index);
    }

    /// <summary>Nothing is known of the lines of a log.</summary>
    private void Forget(int index)
    {
        long words = (Extensions.CapacityOf(index - 1) / Line / 64) + 1;
        if (index >= _safe.Length)
        {
            int old = _safe.Length;
            Array.Resize(ref _safe, old * 2);
            Array.Fill(_safe, [], old, old);
        }

        if (_safe[index].Length == words)
            Array.Clear(_safe[index]);
        else
            _safe[index] = new ulong[words];
    }

    /// <summary>One entry of up to two lines is composed in registers, a longer one in the scratch.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Write(long at, long offset, int length, int padded)
    {
        if (padded <= 2 * Line && Vector512.IsHardwareAccelerated && offset + (2 * Line) <= _map.Length)
            WriteInRegisters(at, offset, length);
        else
            WriteSmall(at, offset, length, padded);
    }

    /// <summary>
    /// Header and data of an entry as one or two vectors, and the checksum from the same registers: through memory, the loads of whole lines
    /// would have to wait for the small stores before them.
    /// </summary>
    private void WriteInRegisters(long at, long offset, int length)
    {
        // SAFETY: offset is in the heap, so 24 bytes before it are in the map; the caller made sure of the bytes behind.
        byte* source = _map.Pointer + offset;
        Vector512<byte> index = Vector512<byte>.Indices;
        Vector512<byte> header = Vector512.Create(UlogEntry.Encode(offset, UlogOperation.BufferCopy), 0, (ulong)length, 0, 0, 0, 0, 0).AsByte();
        int inFirst = Math.Min(length, Line - UlogEntry.BufferHeaderSize);

        // Data where 24 <= i < 24 + inFirst, header below, zero above.
        Vector512<byte> data = Vector512.Load(source - UlogEntry.BufferHeaderSize);
        Vector512<byte> isHeader = Vector512.LessThan(index, Vector512.Create((byte)UlogEntry.BufferHeaderSize));
        Vector512<byte> isData = Vector512.LessThan(index, Vector512.Create((byte)(UlogEntry.BufferHeaderSize + inFirst))) & ~isHeader;
        Vector512<byte> first = (header & isHeader) | (data & isData);
        Vector512<byte> second = Vector512<byte>.Zero;
        bool two = length > inFirst;
        if (two)
            second = Vector512.Load(source + inFirst) & Vector512.LessThan(index, Vector512.Create((byte)(length - inFirst)));

        // Fletcher-64 of 16 or 32 words: each word weighs its distance from the end.
        Vector512<uint> a = first.AsUInt32();
        Vector512<uint> b = second.AsUInt32();
        uint far = two ? 32u : 16u;
        Vector512<uint> weights = Vector512.Create(far) - Vector512<uint>.Indices;
        uint low = Vector512.Sum(a + b);
        uint high = Vector512.Sum((a * weights) + (b * (weights - Vector512.Create(16u))));
        ulong checksum = Seal(((ulong)high << 32) | low);

        byte* entry = _scratch;
        first.AsUInt64().WithElement(1, checksum).StoreAligned((ulong*)entry);
        if (two)
            second.StoreAligned(entry + Line);
        _map.Copy(at, entry, two ? 2 * Line : Line, CopyHints.WriteCombining | CopyHints.NoDrain);
    }

    private void WriteSmall(long at, long offset, int length, int padded)
    {
        byte* entry = _scratch;
        ((ulong*)entry)[0] = UlogEntry.Encode(offset, UlogOperation.BufferCopy);
        ((ulong*)entry)[1] = 0;
        ((ulong*)entry)[2] = (ulong)length;
        new Span<byte>(entry + padded - Line, Line)[^Math.Min(Line, padded - UlogEntry.BufferHeaderSize - length)..].Clear();
        Unsafe.CopyBlockUnaligned(entry + UlogEntry.BufferHeaderSize, _map.Pointer + offset, (uint)length);
        ((ulong*)entry)[1] = Seal(Fletcher64.Compute(new ReadOnlySpan<byte>(entry, padded)));
        _map.Copy(at, entry, padded, CopyHints.WriteCombining | CopyHints.NoDrain);
    }

    private void WriteLarge(long at, long offset, long length)
    {
        // First and last line through the scratch, what lies between straight from the range.
        byte* source = _map.Pointer + offset;
        byte* first = _scratch;
        byte* last = _scratch + Line;
        int head = Line - UlogEntry.BufferHeaderSize;
        long body = (length - head) & -Line;
        int tail = (int)(length - head - body);

        ((ulong*)first)[0] = UlogEntry.Encode(offset, UlogOperation.BufferCopy);
        ((ulong*)first)[1] = 0;
        ((ulong*)first)[2] = (ulong)length;
        Unsafe.CopyBlockUnaligned(first + UlogEntry.BufferHeaderSize, source, (uint)head);

        ulong checksum = Fletcher64.Compute(new ReadOnlySpan<byte>(first, Line));
        const int Slice = 1 << 30;
        for (long done = 0; done < body; done += Slice)
            checksum = Fletcher64.Compute(new ReadOnlySpan<byte>(source + head + done, (int)Math.Min(Slice, body - done)), checksum);
        _map.Copy(at + Line, source + head, body, CopyHints.WriteCombining | CopyHints.NoDrain);
        if (tail > 0)
        {
            new Span<byte>(last, Line).Clear();
            Unsafe.CopyBlockUnaligned(last, source + head + body, (uint)tail);
            checksum = Fletcher64.Compute(new ReadOnlySpan<byte>(last, Line), checksum);
            _map.Copy(at + Line + body, last, Line, CopyHints.WriteCombining | CopyHints.NoDrain);
        }

        ((ulong*)first)[1] = Seal(checksum);
        _map.Copy(at, first, Line, CopyHints.WriteCombining | CopyHints.NoDrain);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong Seal(ulong checksum) => UndoEntry.Seal(checksum, _generation);
}
