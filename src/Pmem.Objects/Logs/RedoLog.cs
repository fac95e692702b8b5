using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Pmem.Objects.Layout;
using Pmem.Pools;

namespace Pmem.Objects.Logs;

/// <summary>
/// An all-or-nothing change of 8-byte words, assembled in DRAM and made durable through one lane's redo log.
///
/// Protocol of <see cref="Commit"/>, with D for a drain:
///   1. D: whatever the new words will expose is durable.
///   2. Entries beyond the lane's own space go to extension logs; D.
///   3. Header and entries are stored in one sweep, the header with a checksum over both; D. This is the commit point: before it the
///      checksum cannot match and recovery sees nothing, after it recovery finishes the job.
///   4. Each word is stored and flushed; D.
///   5. The header is zeroed, except its link; D.
/// A crash in 4 or before the end of 5 makes recovery repeat 4, which is idempotent: nobody else can have changed those words meanwhile,
/// because the run locks of the words are held until 5 is durable.
/// One entry alone needs no log: an 8-byte store is failure-atomic.
/// </summary>
internal sealed unsafe class RedoLog
{
    private const int HeaderWords = UlogHeader.Size / sizeof(ulong);
    private const int MergeWindow = 64;

    private readonly PersistentMap _map;
    private readonly long _offset;
    private readonly int _baseCapacity;
    private readonly UlogExtensions? _extensions;

    // Image of the log: header, entries, and at least one line of zeros behind the last entry.
    private ulong[] _image;
    private ulong* _words;
    private int _count;
    private long _capacity;
    private bool _hasSpentExtensions;

    public RedoLog(PersistentMap map, long offset, int baseCapacity, UlogExtensions? extensions)
    {
        _map = map;
        _offset = offset;
        _baseCapacity = baseCapacity;
        _extensions = extensions;
        _image = AllocateImage(baseCapacity / UlogEntry.ValueSize);
        _words = (ulong*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_image));
        _capacity = baseCapacity + (extensions?.Capacity ?? 0);
    }

    /// <summary>Entries waiting.</summary>
    public int Count => _count;

    /// <summary>The log's extensions beyond the lane, if it may have any.</summary>
    public UlogExtensions? Extensions => _extensions;

    /// <summary>Adds: the word at <paramref name="offset"/> becomes <paramref name="value"/>.</summary>
    public void Set(long offset, ulong value) => Add(offset, UlogOperation.Set, value);

    /// <summary>Adds: the word loses the bits that <paramref name="mask"/> does not have.</summary>
    public void And(long offset, ulong mask) => Add(offset, UlogOperation.And, mask);

    /// <summary>Adds: the word gains the bits of <paramref name="mask"/>.</summary>
    public void Or(long offset, ulong mask) => Add(offset, UlogOperation.Or, mask);

    /// <summary>Forgets all entries.</summary>
    public void Clear()
    {
        // Zeros behind the last entry end the log on media, so the image beyond _count must be zero at all times.
        new Span<ulong>(_words + HeaderWords, _count * 2).Clear();
        _count = 0;
    }

    /// <summary>
    /// Makes room for a number of entries, allocating extension logs where the lane's own space is too small. To be called before run locks
    /// are taken, because it allocates.
    /// </summary>
    public void Reserve(int entries)
    {
        while (_capacity < (long)entries * UlogEntry.ValueSize)
        {
            if (_extensions is null)
                throw new TransactionException($"an internal operation of {entries} words does not fit its log");
            _capacity += _extensions.Extend(generation: 0);
        }
    }

    /// <summary>Makes all entries durable, atomically, and applies them; the log is empty afterwards.</summary>
    public void Commit()
    {
        if (_count > 1)
        {
            CommitLogged();
            return;
        }

        _map.Drain();
        if (_count == 1)
        {
            ApplyOne(_words[HeaderWords], _words[HeaderWords + 1]);
            _map.Drain();
            Clear();
        }
    }

    /// <summary>
    /// Frees the extension logs of the last commit. To be called after the run locks are given up, because the logs are objects of the same
    /// runs; a crash before leaves them chained to the retired log, for its next use.
    /// </summary>
    public void ReleaseExtensions()
    {
        if (!_hasSpentExtensions)
            return;
        _hasSpentExtensions = false;
        _extensions!.FreeFrom(0);
        _capacity = _baseCapacity;
    }

    /// <summary>Commits a single word with a non-temporal store, which is cheaper for words that are not read again soon.</summary>
    public static void CommitWord(PersistentMap map, long offset, ulong value)
    {
        map.Drain();
        map.StoreUInt64NonTemporal(offset, value);
        map.Drain();
    }

    private static ulong[] AllocateImage(int entries) =>
        GC.AllocateArray<ulong>(HeaderWords + (entries * 2) + (2 * HeaderWords), pinned: true);

    private void Add(long offset, UlogOperation operation, ulong value)
    {
        Debug.Assert((offset & 7) == 0, "redo entries address whole words");
        ulong word = UlogEntry.Encode(offset, operation);
        ulong* entries = _words + HeaderWords;
        int last = _count - 1;
        for (int i = last; i >= 0 && i > last - MergeWindow; i--)
        {
            if (entries[i * 2] != word)
                continue;
            ref ulong present = ref entries[(i * 2) + 1];
            present = operation == UlogOperation.Set ? value : UlogEntry.Apply(operation, present, value);
            return;
        }

        if (HeaderWords + (_count * 2) + (2 * HeaderWords) > _image.Length)
        {
            Grow();
            entries = _words + HeaderWords;
        }

        entries[_count * 2] = word;
        entries[(_count * 2) + 1] = value;
        _count++;
    }

    private void Grow()
    {
        ulong[] larger = AllocateImage(_count * 2);
        _image.AsSpan().CopyTo(larger);
        _image = larger;
        _words = (ulong*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_image));
    }

    private void CommitLogged()
    {
        int bytes = _count * UlogEntry.ValueSize;
        if (bytes > _capacity)
            Reserve(_count);
        _map.Drain();

        int inBase = Math.Min(bytes, _baseCapacity);
        byte* image = (byte*)_words;
        if (bytes > _baseCapacity || (bytes == _baseCapacity && _extensions is { Count: > 0 }))
        {
            StoreTail(image + UlogHeader.Size + _baseCapacity, bytes - _baseCapacity);
            _map.Drain();
        }

        // One more word than needed, rounded up to a line: the zero behind the last entry ends the log.
        int stored = Math.Min(_baseCapacity, AlignUp(inBase + sizeof(ulong), UlogHeader.Size));
        _words[1] = (ulong)(_extensions?.First ?? 0);
        _words[2] = (ulong)stored;
        _words[0] = 0;
        _words[0] = Fletcher64.Compute(new ReadOnlySpan<byte>(image, UlogHeader.Size + inBase));
        _map.Copy(_offset, image, UlogHeader.Size + stored, CopyHints.WriteCombining | CopyHints.NoDrain);
        _map.Drain();

        ulong* entries = _words + HeaderWords;
        for (int i = 0; i < _count; i++)
            ApplyOne(entries[i * 2], entries[(i * 2) + 1]);
        _map.Drain();

        _words[0] = 0;
        _words[2] = 0;
        _map.Copy(_offset, image, UlogHeader.Size, CopyHints.WriteCombining | CopyHints.NoDrain);
        _map.Drain();
        Clear();
        _hasSpentExtensions = _extensions is { Count: > 0 };
    }

    private void StoreTail(byte* tail, int bytes)
    {
        // The word behind the last entry is zero in the image; it goes along unless the extensions are exactly full.
        int left = AlignUp(bytes + sizeof(ulong), UlogHeader.Size);
        for (int i = 0; i < _extensions!.Count && left > 0; i++)
        {
            int part = (int)Math.Min(left, _extensions.CapacityOf(i));
            _map.Copy(_extensions.DataOf(i), tail, part, CopyHints.WriteCombining | CopyHints.NoDrain);
            tail += part;
            left -= part;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void ApplyOne(ulong word, ulong value)
    {
        long offset = UlogEntry.Offset(word);
        _map.StoreUInt64(offset, UlogEntry.Apply(UlogEntry.Operation(word), _map.ReadUInt64(offset), value));
        _map.Flush(offset, sizeof(ulong));
    }

    private static int AlignUp(int value, int alignment) => (value + alignment - 1) & -alignment;
}
