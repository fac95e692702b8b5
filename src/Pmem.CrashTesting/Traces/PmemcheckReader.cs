using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Pmem.CrashTesting.Linting;
using Pmem.Tracing;

namespace Pmem.CrashTesting.Traces;

/// <summary>Reads a pmemcheck log, record by record.</summary>
internal sealed partial class PmemcheckReader(TextReader log, PmemcheckImportOptions options)
{
    private const int MaximumRecord = 64 << 10;
    private const int MaximumName = 256;
    private const int MaximumFindings = 1000;
    private const int MaximumFiles = 1000;
    private const int Word = 8;
    private const string What = "pmemcheck log";

    private readonly List<(string Path, ulong Base, ulong Size)> _files = [];
    private readonly List<TraceEvent> _events = [];
    private readonly List<LintFinding> _findings = [];
    private readonly Dictionary<string, SourceStack> _stacks = new(StringComparer.Ordinal);
    private readonly StringBuilder _record = new();
    private long _position;
    private long _start;
    private int _file = -1;
    private long _fileOffset;
    private int _ignored;

    public PmemcheckImport Read()
    {
        string? record;
        do
        {
            record = Next() ?? throw Malformed("START", "the end");
        }
        while (!record.EndsWith("START", StringComparison.Ordinal));

        while ((record = Next()) is not null && !record.StartsWith("STOP", StringComparison.Ordinal))
            Take(record.TrimEnd());
        if (_file < 0)
            throw Malformed(options.File is null ? "a REGISTER_FILE record" : $"a REGISTER_FILE record of {options.File}", "none");
        byte[] initial = new byte[_fileOffset + (long)_files[_file].Size];
        options.Initial.Span[..Math.Min(options.Initial.Length, initial.Length)].CopyTo(initial);
        var trace = new Trace(initial, StoreGranularity.CacheLine, _events) { IsComplete = record is not null };
        return new PmemcheckImport(trace, _files[_file].Path, [.. _files.Where((_, i) => i != _file).Select(f => f.Path).Distinct(StringComparer.Ordinal)], _findings, _ignored);
    }

    // The text up to the next bar, or null at the end.
    private string? Next()
    {
        _start = _position;
        _record.Clear();
        int c;
        while ((c = log.Read()) >= 0)
        {
            _position++;
            if (c == '|')
                return _record.ToString();
            if (_record.Length >= MaximumRecord)
                throw Malformed($"a record of at most {MaximumRecord} characters", "a longer one");
            _record.Append((char)c);
        }

        return _record.Length > 0 ? _record.ToString() : null;
    }

    private void Take(string record)
    {
        string[] fields = record.Split(';');
        switch (fields[0])
        {
            case "STORE":
                TakeStore(fields);
                break;
            case "FLUSH":
                TakeRange(fields, TraceEventKind.Flush);
                break;
            case "DEEP_SYNC":
                TakeRange(fields, TraceEventKind.DeepFlush);
                break;
            case "FENCE":
                Add(new TraceEvent(TraceEventKind.Fence, 1, 0, 0, [], StoreKind.Ordered));
                break;
            case "REGISTER_FILE":
                TakeFile(fields);
                break;
            default:
                TakeMarker(fields);
                break;
        }
    }

    private void TakeFile(string[] fields)
    {
        if (fields.Length != 5 || fields[1].Length == 0)
            throw Malformed("REGISTER_FILE;path;base;size;offset", string.Join(';', fields));
        ulong start = Number(fields[2]);
        ulong size = Number(fields[3]);
        ulong offset = Number(fields[4]);
        if (size == 0 || start + size < start)
            throw Malformed("a range of addresses", string.Join(';', fields));
        if (_files.Count >= MaximumFiles)
            throw Malformed($"at most {MaximumFiles} files", "more");
        _files.Add((fields[1], start, size));
        bool isMeant = options.File is null || fields[1].EndsWith(options.File, StringComparison.Ordinal);
        if (_file >= 0 || !isMeant)
            return;
        if (size > (ulong)options.MaximumSize || offset > (ulong)options.MaximumSize - size)
            throw Malformed($"a file of at most {options.MaximumSize} bytes", $"0x{size:x} at 0x{offset:x}");
        _file = _files.Count - 1;
        _fileOffset = (long)offset;
    }

    private void TakeStore(string[] fields)
    {
        if (fields.Length < 4)
            throw Malformed("STORE;address;value;size", string.Join(';', fields));
        ulong address = Number(fields[1]);
        ulong value = Number(fields[2]);
        ulong size = Number(fields[3]);
        if (size is 0 or > Word)
            throw Malformed("a store of 1 to 8 bytes", fields[3]);
        if (FindOffset(address, size) is not { } offset)
        {
            _ignored++;
            return;
        }

        byte[] bytes = new byte[Word];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        Add(new TraceEvent(TraceEventKind.Store, 1, offset, (long)size, bytes[..(int)size], StoreKind.Ordered) { Source = fields.Length > 4 ? StackOf(string.Join(';', fields[4..])) : null });
    }

    private void TakeRange(string[] fields, TraceEventKind kind)
    {
        if (fields.Length < 3)
            throw Malformed($"{fields[0]};address;size", string.Join(';', fields));
        ulong address = Number(fields[1]);
        ulong size = Number(fields[2]);
        if (_file >= 0)
        {
            // A flush counts for whatever of it lies in the file.
            (_, ulong start, ulong length) = _files[_file];
            ulong first = Math.Max(address, start);
            ulong end = Math.Min(address + size < address ? ulong.MaxValue : address + size, start + length);
            if (first < end)
            {
                Add(new TraceEvent(kind, 1, _fileOffset + (long)(first - start), (long)(end - first), [], StoreKind.Ordered));
                return;
            }
        }

        bool isOther = _files.Exists(f => address < f.Base + f.Size && (size == 0 ? address : address + size - 1) >= f.Base);
        if (!isOther && _findings.Count < MaximumFindings)
            _findings.Add(new LintFinding(LintRule.NotPersistent, _events.Count, 0, 0, $"0x{address:x}+{size} belongs to no registered file", null, null));
    }

    private void TakeMarker(string[] fields)
    {
        string name = fields[0];
        if (fields.Length > 1 || name.Length is 0 or > MaximumName || name.AsSpan().ContainsAnyInRange('\0', '\x1f'))
            throw Malformed("STORE, FLUSH, FENCE, DEEP_SYNC, REGISTER_FILE, a marker or STOP", name.Length > 40 ? name[..40] : name);
        if (name.EndsWith(".BEGIN", StringComparison.Ordinal))
            AddNote(TraceNote.OperationBegin, name[..^6]);
        else if (name.EndsWith(".END", StringComparison.Ordinal))
            AddNote(TraceNote.OperationEnd, name[..^4]);
        else
            Add(new TraceEvent(TraceEventKind.Mark, 1, 0, 0, [], StoreKind.Ordered, name));
    }

    private void AddNote(TraceNote note, string name) => Add(new TraceEvent(TraceEventKind.Note, 1, 0, 0, [], StoreKind.Ordered, name) { Note = note });

    private void Add(TraceEvent item) => _events.Add(item);

    private long? FindOffset(ulong address, ulong size)
    {
        if (_file < 0)
            return null;
        (_, ulong start, ulong length) = _files[_file];
        return address >= start && address - start <= length && size <= length - (address - start) ? _fileOffset + (long)(address - start) : null;
    }

    private SourceStack StackOf(string text)
    {
        if (_stacks.TryGetValue(text, out SourceStack? stack))
            return stack;
        var frames = new List<SourceFrame>();
        foreach (string part in text.Split(';'))
        {
            Match match = Call().Match(part);
            frames.Add(match.Success
                ? new SourceFrame(string.Empty, match.Groups[1].Value, match.Groups[2].Value, int.Parse(match.Groups[3].ValueSpan, CultureInfo.InvariantCulture))
                : new SourceFrame(string.Empty, part.Trim(), null, 0));
        }

        return _stacks[text] = new SourceStack([.. frames]);
    }

    private ulong Number(string text) =>
        text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value)
            ? value
            : throw Malformed("a number such as 0x40", text);

    private PmemFormatException Malformed(string expected, string found) => new(What, _start, expected, found.Length > 100 ? found[..100] : found);

    // As valgrind describes a place: 0x10ABCD: function (file.c:12)
    [GeneratedRegex("""0x[0-9A-Fa-f]+: (.+) \(([^():]+):([0-9]{1,8})\)""")]
    private static partial Regex Call();
}
