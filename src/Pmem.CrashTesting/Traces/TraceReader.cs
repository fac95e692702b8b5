using System.Buffers.Binary;
using System.Text;
using Pmem.CrashTesting.Model;
using Pmem.Tracing;

namespace Pmem.CrashTesting.Traces;

/// <summary>Reads a trace. A frame that is torn, or whose checksum is wrong, ends it: what came before is what the program got to write.</summary>
internal sealed class TraceReader
{
    private readonly byte[] _initial;
    private readonly StoreGranularity _granularity;
    private readonly List<TraceEvent> _events = [];
    private readonly List<string?> _strings = [null];
    private readonly List<SourceStack?> _stacks = [null];
    private SourceStack? _source;
    private long _at;
    private bool _isComplete;

    private TraceReader(byte[] initial, StoreGranularity granularity)
    {
        _initial = initial;
        _granularity = granularity;
    }

    public static Trace Read(Stream stream)
    {
        byte[] header = new byte[TraceFormat.HeaderSize];
        if (stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) < header.Length)
            throw new PmemFormatException("trace header", 0, $"{TraceFormat.HeaderSize} bytes", "a shorter file");
        string magic = Encoding.ASCII.GetString(header, 0, 8);
        if (!string.Equals(magic, TraceFormat.Magic, StringComparison.Ordinal))
            throw new PmemFormatException("trace signature", 0, TraceFormat.Magic, Printable(magic));
        if (BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(44)) != TraceWriter.Checksum(header.AsSpan(0, 44)))
            throw new PmemFormatException("trace header checksum", 44, "the header's CRC-32C", "another number");
        if (BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(8)) != PersistencyModel.LineSize)
            throw new PmemFormatException("line size", 8, "64", $"{BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(8))}");
        StoreGranularity granularity = header[12] switch
        {
            TraceFormat.DomainCacheLine => StoreGranularity.CacheLine,
            TraceFormat.DomainByte => StoreGranularity.Byte,
            TraceFormat.DomainPage => StoreGranularity.Page,
            byte other => throw new PmemFormatException("persistence domain", 12, "1 to 3", $"{other}"),
        };
        long size = BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(16));
        if (size is <= 0 or > TraceFormat.MaximumImage)
            throw new PmemFormatException("image size", 16, $"1 to {TraceFormat.MaximumImage}", $"{size}");
        var reader = new TraceReader(new byte[size], granularity);
        reader.ReadFrames(stream);
        return new Trace(reader._initial, granularity, reader._events) { IsComplete = reader._isComplete };
    }

    private static string Printable(string text) => string.Concat(text.Select(c => c is >= ' ' and < (char)127 ? c : '.'));

    private void ReadFrames(Stream stream)
    {
        byte[] header = new byte[TraceFormat.FrameHeaderSize];
        while (!_isComplete && stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) == header.Length)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(header);
            if (length is <= 0 or > TraceFormat.MaximumFrame || (stream.CanSeek && length > stream.Length - stream.Position))
                return;
            byte[] payload = new byte[length];
            if (stream.ReadAtLeast(payload, length, throwOnEndOfStream: false) < length)
                return;
            if (BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(4)) != TraceWriter.Checksum(payload))
                return;
            var cursor = new Cursor(payload);
            while (!cursor.IsAtEnd && !_isComplete)
                ReadEvent(ref cursor);
        }
    }

    private void ReadEvent(ref Cursor cursor)
    {
        byte code = cursor.Byte();
        switch (code & ~TraceFormat.RawFlag)
        {
            case TraceFormat.Initial:
            {
                (long offset, int length) = Range(ref cursor);
                cursor.Bytes(length).CopyTo(_initial.AsSpan((int)offset));
                break;
            }

            case TraceFormat.String:
                cursor.Demand(cursor.Number() == (ulong)_strings.Count, "string number");
                _strings.Add(Encoding.UTF8.GetString(cursor.Bytes(cursor.Count())));
                break;
            case TraceFormat.Stack:
                ReadStack(ref cursor);
                break;
            case TraceFormat.At:
                _source = _stacks[cursor.Index(_stacks.Count)];
                break;
            case TraceFormat.End:
                cursor.Demand(cursor.Number() == (ulong)_events.Count, "event count");
                cursor.Bytes(sizeof(ulong));
                _isComplete = true;
                break;
            default:
                _events.Add(ReadProgramEvent(code, ref cursor) with { Source = _source });
                _source = null;
                break;
        }
    }

    private TraceEvent ReadProgramEvent(byte code, ref Cursor cursor)
    {
        int thread = cursor.Count(int.MaxValue);
        switch (code & ~TraceFormat.RawFlag)
        {
            case TraceFormat.Store or TraceFormat.Bulk or TraceFormat.NonTemporal or TraceFormat.ReadModifyWrite:
            {
                StoreKind kind = (code & ~TraceFormat.RawFlag) switch
                {
                    TraceFormat.Bulk => StoreKind.Bulk,
                    TraceFormat.NonTemporal => StoreKind.NonTemporal,
                    TraceFormat.ReadModifyWrite => StoreKind.ReadModifyWrite,
                    _ => StoreKind.Ordered,
                };
                (long offset, int length) = Range(ref cursor);
                return new TraceEvent(TraceEventKind.Store, thread, offset, length, cursor.Bytes(length).ToArray(), kind) { IsRaw = (code & TraceFormat.RawFlag) != 0 };
            }

            case TraceFormat.Flush:
            {
                var kind = (FlushKind)cursor.Count((int)FlushKind.Ordered);
                (long offset, int length) = Range(ref cursor);
                return new TraceEvent(TraceEventKind.Flush, thread, offset, length, [], StoreKind.Ordered) { Flush = kind };
            }

            case TraceFormat.Fence:
                return new TraceEvent(TraceEventKind.Fence, thread, 0, 0, [], StoreKind.Ordered) { Fence = (FenceKind)cursor.Count((int)FenceKind.Load) };
            case TraceFormat.DeepFlush:
            {
                (long offset, int length) = Range(ref cursor);
                return new TraceEvent(TraceEventKind.DeepFlush, thread, offset, length, [], StoreKind.Ordered);
            }

            case TraceFormat.Mark:
                return new TraceEvent(TraceEventKind.Mark, thread, 0, 0, [], StoreKind.Ordered, _strings[cursor.Index(_strings.Count)] ?? string.Empty);
            case >= TraceFormat.FirstNote and <= TraceFormat.FirstNote + (int)TraceNote.AcceptEnd:
            {
                (long offset, int length) = Range(ref cursor);
                string? text = _strings[cursor.Index(_strings.Count)];
                return new TraceEvent(TraceEventKind.Note, thread, offset, length, [], StoreKind.Ordered, text) { Note = (TraceNote)(code - TraceFormat.FirstNote) };
            }

            default:
                throw new PmemFormatException("trace event", cursor.Position - 1, "a known code", $"0x{code:x2}; the trace was written by a newer version");
        }
    }

    private void ReadStack(ref Cursor cursor)
    {
        cursor.Demand(cursor.Number() == (ulong)_stacks.Count, "stack number");
        const int MaximumFrames = 1024;
        var frames = new SourceFrame[cursor.Count(MaximumFrames)];
        for (int i = 0; i < frames.Length; i++)
        {
            string assembly = _strings[cursor.Index(_strings.Count)] ?? string.Empty;
            string method = _strings[cursor.Index(_strings.Count)] ?? string.Empty;
            string? file = _strings[cursor.Index(_strings.Count)];
            frames[i] = new SourceFrame(assembly, method, file, cursor.Count(int.MaxValue));
        }

        _stacks.Add(new SourceStack(frames));
    }

    private (long Offset, int Length) Range(ref Cursor cursor)
    {
        ulong zigzag = cursor.Number();
        long offset = _at + ((long)(zigzag >> 1) ^ -(long)(zigzag & 1));
        ulong length = cursor.Number();
        cursor.Demand(offset >= 0 && offset <= _initial.Length && length <= (ulong)(_initial.Length - offset), "range inside the image");
        _at = offset + (long)length;
        return (offset, (int)length);
    }

    /// <summary>A place in a frame; reading behind its end, or numbers out of range, is a format error.</summary>
    private ref struct Cursor(ReadOnlySpan<byte> payload)
    {
        private readonly ReadOnlySpan<byte> _payload = payload;

        public int Position { get; private set; }

        public readonly bool IsAtEnd => Position == _payload.Length;

        public byte Byte()
        {
            Demand(!IsAtEnd, "more bytes in the frame");
            return _payload[Position++];
        }

        public ReadOnlySpan<byte> Bytes(int count)
        {
            Demand(count <= _payload.Length - Position, "more bytes in the frame");
            Position += count;
            return _payload.Slice(Position - count, count);
        }

        public ulong Number()
        {
            ulong value = 0;
            for (int shift = 0; shift < 64; shift += 7)
            {
                byte part = Byte();
                value |= (ulong)(part & 0x7F) << shift;
                if (part < 0x80)
                    return value;
            }

            throw new PmemFormatException("number in a trace", Position, "at most 10 bytes", "more");
        }

        public int Count(int maximum = TraceFormat.MaximumFrame)
        {
            ulong value = Number();
            Demand(value <= (ulong)maximum, $"a number up to {maximum}");
            return (int)value;
        }

        public int Index(int count)
        {
            ulong value = Number();
            Demand(value < (ulong)count, "a number that was defined before");
            return (int)value;
        }

        public readonly void Demand(bool condition, string expected)
        {
            if (!condition)
                throw new PmemFormatException("trace event", Position, expected, "something else; the trace is damaged");
        }
    }
}
