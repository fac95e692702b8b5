using System.Buffers.Binary;
using System.Globalization;
using Pmem.Tracing;

namespace Pmem.CrashTesting.Traces;

/// <summary>
/// Store logs of pmemcheck (<c>valgrind --tool=pmemcheck --log-stores=yes</c>), as pmreorder reads them: what C programs did, for our explorer,
/// and what ours did, for theirs.
/// </summary>
/// <remarks>
/// The format is poorer than a trace. It has no threads, so that any fence completes all flushes; no stores of more than 8 bytes, which become
/// ordered ones; no non-temporal stores, which become stores and flushes; no <c>clflush</c>, which becomes a flush and a fence. A trace
/// without these has the same images when it is exported and imported again.
/// </remarks>
public static class PmemcheckLog
{
    private const ulong DefaultBase = 0x10000000;
    private const int Word = 8;

    /// <summary>Reads a log.</summary>
    /// <param name="log">The log, with or without the lines that valgrind writes around it.</param>
    /// <param name="options">Which file of several, and what it held.</param>
    /// <exception cref="PmemFormatException">It is no log; the message says at which character.</exception>
    public static PmemcheckImport Import(TextReader log, PmemcheckImportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(log);
        return new PmemcheckReader(log, options ?? new PmemcheckImportOptions()).Read();
    }

    /// <summary>Writes a trace as a log.</summary>
    /// <param name="trace">The trace.</param>
    /// <param name="log">Where to; it stays open.</param>
    /// <param name="path">Name of the file that the stores are to; pmreorder is to find it as it was when the trace began.</param>
    public static void Export(Trace trace, TextWriter log, string path)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(log);
        ArgumentException.ThrowIfNullOrEmpty(path);
        log.Write(string.Create(CultureInfo.InvariantCulture, $"START|REGISTER_FILE;{Plain(path)};0x{DefaultBase:x};0x{trace.Initial.Length:x};0x0"));
        HashSet<int> markers = FindNesting(trace);
        for (int i = 0; i < trace.Events.Count; i++)
        {
            TraceEvent item = trace.Events[i];
            switch (item.Kind)
            {
                case TraceEventKind.Store:
                    if (item.Store == StoreKind.ReadModifyWrite)
                        log.Write("|FENCE");
                    WriteStores(log, item);
                    if (item.Store == StoreKind.NonTemporal)
                        WriteFlush(log, item);
                    break;
                case TraceEventKind.Flush:
                    WriteFlush(log, item);
                    if (item.Flush == FlushKind.Ordered)
                        log.Write("|FENCE");
                    break;
                case TraceEventKind.Fence when item.Fence != FenceKind.Load:
                    log.Write("|FENCE");
                    break;
                case TraceEventKind.DeepFlush:
                    WriteFlush(log, item);
                    log.Write("|FENCE");
                    break;
                case TraceEventKind.Mark:
                    log.Write($"|{Plain(item.Name!)}.BEGIN|{Plain(item.Name!)}.END");
                    break;
                case TraceEventKind.Note when markers.Contains(i):
                    log.Write($"|{Plain(item.Name ?? "operation")}.{(item.Note == TraceNote.OperationBegin ? "BEGIN" : "END")}");
                    break;
            }
        }

        log.Write("|STOP\n");
    }

    private static void WriteStores(TextWriter log, TraceEvent item)
    {
        long end = item.Offset + item.Length;
        Span<byte> bytes = stackalloc byte[Word];
        for (long at = item.Offset; at < end;)
        {
            long next = Math.Min(end, (at & -Word) + Word);
            bytes.Clear();
            item.Bytes.AsSpan((int)(at - item.Offset), (int)(next - at)).CopyTo(bytes);
            log.Write(string.Create(CultureInfo.InvariantCulture, $"|STORE;0x{DefaultBase + (ulong)at:x};0x{BinaryPrimitives.ReadUInt64LittleEndian(bytes):x};0x{next - at:x}"));
            at = next;
        }
    }

    private static void WriteFlush(TextWriter log, TraceEvent item)
    {
        const int Line = Model.PersistencyModel.LineSize;
        long first = item.Offset & -Line;
        long end = (item.Offset + item.Length + Line - 1) & -Line;
        if (end > first)
            log.Write(string.Create(CultureInfo.InvariantCulture, $"|FLUSH;0x{DefaultBase + (ulong)first:x};0x{end - first:x}"));
    }

    // Separators of the log, and what pmreorder cuts names at.
    private static string Plain(string text) => string.Concat(text.Select(c => c is '|' or ';' or '\n' or '\r' || (c == '.' && !text.Contains('/', StringComparison.Ordinal)) ? '_' : c));

    /// <summary>Begins and ends of operations that lie within each other; pmreorder refuses markers that cross.</summary>
    private static HashSet<int> FindNesting(Trace trace)
    {
        var begun = new Dictionary<int, int>();
        var ends = new Dictionary<int, int>();
        for (int i = 0; i < trace.Events.Count; i++)
        {
            TraceEvent item = trace.Events[i];
            if (item is { Kind: TraceEventKind.Note, Note: TraceNote.OperationBegin })
                begun[item.Thread] = i;
            else if (item is { Kind: TraceEventKind.Note, Note: TraceNote.OperationEnd } && begun.Remove(item.Thread, out int begin) && string.Equals(trace.Events[begin].Name, item.Name, StringComparison.Ordinal))
                ends[begin] = i;
        }

        var chosen = new HashSet<int>();
        var open = new Stack<int>();
        foreach ((int begin, int end) in ends.OrderBy(e => e.Key))
        {
            while (open.TryPeek(out int top) && top < begin)
                open.Pop();
            if (open.TryPeek(out int outer) && end > outer)
                continue;
            open.Push(end);
            chosen.Add(begin);
            chosen.Add(end);
        }

        return chosen;
    }
}
