using System.Text;
using Pmem;

namespace CrashTested;

/// <summary>
/// A queue of short messages in persistent memory, to be opened after a crash.
///
/// A ring of slots of 64 bytes, and two words that count how many messages were ever put in and taken out. A message is written to its slot,
/// and durable, before the word that makes it count changes; words of 8 bytes change whole or not at all. So a crash leaves the queue
/// without the message or with all of it, and nothing has to be repaired.
/// </summary>
public sealed class MessageQueue
{
    private const ulong Magic = 0x3155455545554551; // "QEUEUEU1"
    private const int Taken = 64;
    private const int Put = 72;
    private const int Slots = 128;
    private const int SlotSize = 64;

    private readonly PersistentMap _map;
    private readonly bool _waitsOnce;

    private MessageQueue(PersistentMap map, bool waitsOnce)
    {
        _map = map;
        _waitsOnce = waitsOnce;
    }

    /// <summary>Bytes of the longest message.</summary>
    public const int MaximumLength = SlotSize - sizeof(ulong);

    /// <summary>Messages that fit at a time.</summary>
    public int Capacity => (int)((_map.Length - Slots) / SlotSize);

    /// <summary>Messages in the queue.</summary>
    public int Count => (int)(_map.ReadUInt64(Put) - _map.ReadUInt64(Taken));

    /// <summary>Makes an empty queue of a zeroed map.</summary>
    /// <param name="map">Where it lives.</param>
    /// <param name="waitsOnce">The bug: one wait for message and count together, because it looks like one too many.</param>
    public static MessageQueue Create(PersistentMap map, bool waitsOnce = false)
    {
        map.StoreUInt64(0, Magic);
        map.Persist(0, sizeof(ulong));
        return new MessageQueue(map, waitsOnce);
    }

    /// <summary>Opens a queue, whatever happened to the program that used it.</summary>
    /// <exception cref="InvalidDataException">The map holds no queue, or a damaged one.</exception>
    public static MessageQueue Open(PersistentMap map, bool waitsOnce = false)
    {
        if (map.ReadUInt64(0) != Magic)
            throw new InvalidDataException("there is no queue");
        var queue = new MessageQueue(map, waitsOnce);
        if ((uint)queue.Count > (uint)queue.Capacity)
            throw new InvalidDataException($"{queue.Count} messages in a queue of {queue.Capacity}");
        return queue;
    }

    /// <summary>Puts a message in; durable when the call returns.</summary>
    public void Enqueue(string message)
    {
        byte[] text = Encoding.UTF8.GetBytes(message);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(text.Length, MaximumLength, nameof(message));
        if (Count == Capacity)
            throw new InvalidOperationException("the queue is full");
        ulong number = _map.ReadUInt64(Put);
        long slot = SlotOf(number);
        _map.StoreUInt64(slot, (ulong)text.Length);
        _map.Copy(slot + sizeof(ulong), text, CopyHints.NoFlush);
        _map.Flush(slot, SlotSize);
        if (!_waitsOnce)
            _map.Drain();
        _map.StoreUInt64(Put, number + 1);
        _map.Persist(Put, sizeof(ulong));
    }

    /// <summary>Takes the oldest message out; durable when the call returns.</summary>
    public bool TryDequeue(out string message)
    {
        message = string.Empty;
        if (Count == 0)
            return false;
        ulong number = _map.ReadUInt64(Taken);
        message = Read(number);
        _map.StoreUInt64(Taken, number + 1);
        _map.Persist(Taken, sizeof(ulong));
        return true;
    }

    /// <summary>All messages, the oldest first.</summary>
    public IEnumerable<string> Messages()
    {
        ulong end = _map.ReadUInt64(Put);
        for (ulong number = _map.ReadUInt64(Taken); number < end; number++)
            yield return Read(number);
    }

    private string Read(ulong number)
    {
        long slot = SlotOf(number);
        ulong length = _map.ReadUInt64(slot);
        if (length > MaximumLength)
            throw new InvalidDataException($"message {number} has {length} bytes");
        return Encoding.UTF8.GetString(_map.GetSpan(slot + sizeof(ulong), (int)length));
    }

    private long SlotOf(ulong number) => Slots + ((long)(number % (ulong)Capacity) * SlotSize);
}
