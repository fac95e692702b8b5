using System.Buffers.Binary;
using System.Text.Json;
using Pmem.Pools;

namespace Pmem.Emulation;

/// <summary>
/// The state of a platform, kept crash-safe: two slots that are written in turn. A slot is a sequence number, a length, a checksum over everything and the state as
/// JSON; the valid one with the higher number counts. A save writes the other slot, so that a crash at any byte of it leaves the state before.
/// </summary>
internal sealed class StateFile : IDisposable
{
    public const string Name = "platform.state";
    public const int SlotSize = 1 << 20;

    private const int HeaderSize = 32;
    private const int SequencePosition = 8;
    private const int LengthPosition = 16;
    private const int ChecksumPosition = 24;

    private readonly PersistentMap _map;
    private ulong _sequence;
    private int _current = -1;

    public StateFile(PersistentMap map)
    {
        _map = map;
        if (map.Length < 2L * SlotSize)
        {
            IsDamaged = true;
            return;
        }

        State = Load();
        IsDamaged = State is null && !IsBlank();
    }

    /// <summary>What was saved last; null when there never was anything.</summary>
    public PlatformState? State { get; private set; }

    /// <summary>Whether something was saved once and none of it can be read: not to be taken for a platform that never was made.</summary>
    public bool IsDamaged { get; }

    private static ReadOnlySpan<byte> Signature => "PMEMVDIM"u8;

    /// <summary>Saves; durable at return.</summary>
    public void Save(PlatformState state)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(state, StateJson.Default.PlatformState);
        int length = (HeaderSize + json.Length + 63) & -64;
        if (length > SlotSize)
            throw new PmemException($"the state of the platform takes {length} bytes, more than {SlotSize}: it has too many errors, namespaces or DIMMs");
        byte[] slot = new byte[length];
        Signature.CopyTo(slot);
        BinaryPrimitives.WriteUInt64LittleEndian(slot.AsSpan(SequencePosition), _sequence + 1);
        BinaryPrimitives.WriteUInt64LittleEndian(slot.AsSpan(LengthPosition), (ulong)json.Length);
        json.CopyTo(slot.AsSpan(HeaderSize));
        BinaryPrimitives.WriteUInt64LittleEndian(slot.AsSpan(ChecksumPosition), Fletcher64.ComputeWithHole(slot, ChecksumPosition));
        int target = _current == 0 ? 1 : 0;
        _map.Copy((long)target * SlotSize, slot);
        _sequence++;
        _current = target;
        State = state;
    }

    public void Dispose() => _map.Dispose();

    private PlatformState? Load()
    {
        PlatformState? newest = null;
        byte[] header = new byte[HeaderSize];
        for (int i = 0; i < 2; i++)
        {
            if (!_map.TryRead((long)i * SlotSize, header) || !header.AsSpan(0, SequencePosition).SequenceEqual(Signature))
                continue;
            ulong sequence = BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(SequencePosition));
            ulong length = BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(LengthPosition));
            if (length > SlotSize - HeaderSize || (newest is not null && sequence <= _sequence))
                continue;
            byte[] slot = new byte[(HeaderSize + (int)length + 63) & -64];
            if (!_map.TryRead((long)i * SlotSize, slot) || Fletcher64.ComputeWithHole(slot, ChecksumPosition) != BinaryPrimitives.ReadUInt64LittleEndian(slot.AsSpan(ChecksumPosition)))
                continue;
            if (Parse(slot.AsSpan(HeaderSize, (int)length)) is not { } state)
                continue;
            (newest, _sequence, _current) = (state, sequence, i);
        }

        return newest;
    }

    private bool IsBlank()
    {
        byte[] buffer = new byte[1 << 16];
        for (long at = 0; at < 2L * SlotSize; at += buffer.Length)
        {
            if (!_map.TryRead(at, buffer) || buffer.AsSpan().ContainsAnyExcept((byte)0))
                return false;
        }

        return true;
    }

    private static PlatformState? Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, StateJson.Default.PlatformState);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
