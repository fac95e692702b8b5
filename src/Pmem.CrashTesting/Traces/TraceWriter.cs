using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using Pmem.CrashTesting.Exploration;
using Pmem.CrashTesting.Model;
using Pmem.Tracing;

namespace Pmem.CrashTesting.Traces;

/// <summary>Writes a trace, event by event; what was flushed to the stream can be read even when the program dies behind it. Not thread-safe.</summary>
internal sealed class TraceWriter : IDisposable
{
    private const int FrameTarget = 64 << 10;

    private readonly Stream _stream;
    private readonly MemoryStream _frame = new();
    private readonly Dictionary<string, int> _strings = new(StringComparer.Ordinal);
    private readonly Dictionary<SourceStack, int> _stacks = [];
    private long _at;

    public TraceWriter(Stream stream, ReadOnlySpan<byte> initial, StoreGranularity granularity)
    {
        _stream = stream;
        WriteHeader(initial, granularity);
        const int Block = 4096;
        for (int at = 0; at < initial.Length; at += Block)
        {
            ReadOnlySpan<byte> block = initial.Slice(at, Math.Min(Block, initial.Length - at));
            if (!block.ContainsAnyExcept((byte)0))
                continue;
            _frame.WriteByte(TraceFormat.Initial);
            Address(at, block.Length);
            _frame.Write(block);
            EndEvent();
        }
    }

    /// <summary>Events written so far.</summary>
    public long Count { get; private set; }

    public static void Write(Trace trace, Stream stream)
    {
        using var writer = new TraceWriter(stream, trace.Initial, trace.Granularity);
        foreach (TraceEvent item in trace.Events)
            writer.Write(item);
        writer.Finish(trace.Fingerprint);
    }

    public void Write(TraceEvent item)
    {
        Count++;
        if (item.Source is { } source)
        {
            int id = StackId(source);
            _frame.WriteByte(TraceFormat.At);
            Number((ulong)id);
        }

        int text = item.Name is null ? 0 : StringId(item.Name);
        switch (item.Kind)
        {
            case TraceEventKind.Store:
                byte code = item.Store switch
                {
                    StoreKind.Bulk => TraceFormat.Bulk,
                    StoreKind.NonTemporal => TraceFormat.NonTemporal,
                    StoreKind.ReadModifyWrite => TraceFormat.ReadModifyWrite,
                    _ => TraceFormat.Store,
                };
                Begin((byte)(code | (item.IsRaw ? TraceFormat.RawFlag : 0)), item);
                Address(item.Offset, item.Bytes.Length);
                _frame.Write(item.Bytes);
                break;
            case TraceEventKind.Flush:
                Begin(TraceFormat.Flush, item);
                Number((ulong)item.Flush);
                Address(item.Offset, item.Length);
                break;
            case TraceEventKind.Fence:
                Begin(TraceFormat.Fence, item);
                Number((ulong)item.Fence);
                break;
            case TraceEventKind.DeepFlush:
                Begin(TraceFormat.DeepFlush, item);
                Address(item.Offset, item.Length);
                break;
            case TraceEventKind.Mark:
                Begin(TraceFormat.Mark, item);
                Number((ulong)text);
                break;
            default:
                Begin((byte)(TraceFormat.FirstNote + (int)item.Note), item);
                Address(item.Offset, item.Length);
                Number((ulong)text);
                break;
        }

        EndEvent();
    }

    /// <summary>Writes the footer; a trace without it was cut off.</summary>
    public void Finish(ulong fingerprint)
    {
        _frame.WriteByte(TraceFormat.End);
        Number((ulong)Count);
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(number, fingerprint);
        _frame.Write(number);
        Flush();
    }

    /// <summary>Hands what was written to the stream.</summary>
    public void Flush()
    {
        if (_frame.Length == 0)
            return;
        ReadOnlySpan<byte> payload = _frame.GetBuffer().AsSpan(0, (int)_frame.Length);
        Span<byte> header = stackalloc byte[TraceFormat.FrameHeaderSize];
        BinaryPrimitives.WriteInt32LittleEndian(header, payload.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], Checksum(payload));
        _stream.Write(header);
        _stream.Write(payload);
        _stream.Flush();
        _frame.SetLength(0);
    }

    public void Dispose() => Flush();

    /// <summary>CRC-32C.</summary>
    public static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        for (; bytes.Length >= 8; bytes = bytes[8..])
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (byte rest in bytes)
            crc = BitOperations.Crc32C(crc, rest);
        return ~crc;
    }

    private void WriteHeader(ReadOnlySpan<byte> initial, StoreGranularity granularity)
    {
        ImageHash hash = ImageHash.Compute(initial);
        Span<byte> header = stackalloc byte[TraceFormat.HeaderSize];
        header.Clear();
        Encoding.ASCII.GetBytes(TraceFormat.Magic, header);
        BinaryPrimitives.WriteUInt16LittleEndian(header[8..], PersistencyModel.LineSize);
        BinaryPrimitives.WriteUInt16LittleEndian(header[10..], TraceFormat.AtomicUnit);
        header[12] = granularity switch { StoreGranularity.Byte => TraceFormat.DomainByte, StoreGranularity.Page => TraceFormat.DomainPage, _ => TraceFormat.DomainCacheLine };
        BinaryPrimitives.WriteInt64LittleEndian(header[16..], initial.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(header[24..], hash.Low);
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], hash.High);
        BinaryPrimitives.WriteUInt32LittleEndian(header[44..], Checksum(header[..44]));
        _stream.Write(header);
    }

    private void Begin(byte code, TraceEvent item)
    {
        _frame.WriteByte(code);
        Number((uint)item.Thread);
    }

    private void EndEvent()
    {
        if (_frame.Length >= FrameTarget)
            Flush();
    }

    private int StringId(string text)
    {
        if (_strings.TryGetValue(text, out int id))
            return id;
        id = _strings.Count + 1;
        _strings.Add(text, id);
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        _frame.WriteByte(TraceFormat.String);
        Number((ulong)id);
        Number((ulong)bytes.Length);
        _frame.Write(bytes);
        return id;
    }

    private int StackId(SourceStack stack)
    {
        if (_stacks.TryGetValue(stack, out int id))
            return id;
        id = _stacks.Count + 1;
        _stacks.Add(stack, id);
        int[] texts = [.. stack.Frames.SelectMany(f => (int[])[StringId(f.Assembly), StringId(f.Method), f.File is null ? 0 : StringId(f.File), f.Line])];
        _frame.WriteByte(TraceFormat.Stack);
        Number((ulong)id);
        Number((ulong)stack.Frames.Count);
        foreach (int number in texts)
            Number((ulong)number);
        return id;
    }

    private void Address(long offset, long length)
    {
        long difference = offset - _at;
        Number((ulong)((difference << 1) ^ (difference >> 63)));
        Number((ulong)length);
        _at = offset + length;
    }

    private void Number(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            _frame.WriteByte((byte)(value | 0x80));
        _frame.WriteByte((byte)value);
    }
}
