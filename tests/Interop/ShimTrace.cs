using System.Globalization;
using Pmem;
using Pmem.CrashTesting;
using Pmem.Tracing;

namespace Interop;

/// <summary>Reads what the trace shim wrote of a C program, stores and all, as a trace that can be explored.</summary>
internal static class ShimTrace
{
    private const int NoDrain = 1;
    private const int NoFlush = 2;

    public static Trace Read(byte[] initial, IEnumerable<string> lines)
    {
        var events = new List<TraceEvent>();
        (long Offset, long Length, int Flags)? copy = null;
        foreach (string line in lines)
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 2)
                continue;
            if (copy is { } ended && words[0] != "copied")
            {
                FinishCopy(events, ended);
                copy = null;
            }

            switch (words[0])
            {
                case "raw":
                    Add(events, words, copy is null, StoreKind.Bulk);
                    continue;
                case "copied":
                    // With non-temporal stores or with ordinary ones and a flush: for what survives it is the same.
                    Add(events, words, isRaw: false, (copy?.Flags & NoFlush) != 0 ? StoreKind.Bulk : StoreKind.NonTemporal);
                    continue;
                case "==":
                    continue;
            }

            switch (words[1])
            {
                case "flush":
                    events.Add(new TraceEvent(TraceEventKind.Flush, 1, Number(words[2]), long.Parse(words[3], CultureInfo.InvariantCulture), [], StoreKind.Ordered));
                    break;
                case "deep_flush" or "msync":
                    events.Add(new TraceEvent(TraceEventKind.DeepFlush, 1, Number(words[2]), long.Parse(words[3], CultureInfo.InvariantCulture), [], StoreKind.Ordered));
                    break;
                case "drain":
                    events.Add(Fence());
                    break;
                case "memcpy" or "memmove" or "memset" or "memcpy_nodrain" or "memset_persist":
                    string? flags = words.FirstOrDefault(w => w.StartsWith("fl=", StringComparison.Ordinal));
                    int value = flags is not null ? (int)Number(flags[3..]) : words[1] == "memcpy_nodrain" ? NoDrain : 0;
                    copy = (Number(words[2]), long.Parse(words[3], CultureInfo.InvariantCulture), value);
                    break;
                case "persist":
                    break; // its flush and its drain are traced themselves
                default:
                    throw new InvalidDataException($"unknown line of the shim: {line}");
            }
        }

        if (copy is { } last)
            FinishCopy(events, last);
        return new Trace(initial, StoreGranularity.CacheLine, events);
    }

    private static void FinishCopy(List<TraceEvent> events, (long Offset, long Length, int Flags) copy)
    {
        if ((copy.Flags & (NoDrain | NoFlush)) == 0)
            events.Add(Fence());
    }

    private static void Add(List<TraceEvent> events, string[] words, bool isRaw, StoreKind kind)
    {
        byte[] bytes = Convert.FromHexString(words[2]);
        events.Add(new TraceEvent(TraceEventKind.Store, 1, Number(words[1]), bytes.Length, bytes, kind) { IsRaw = isRaw });
    }

    private static TraceEvent Fence() => new(TraceEventKind.Fence, 1, 0, 0, [], StoreKind.Ordered);

    private static long Number(string text) => long.Parse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
