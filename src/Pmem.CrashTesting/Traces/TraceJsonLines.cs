using System.Text.Json;
using Pmem.Tracing;

namespace Pmem.CrashTesting.Traces;

/// <summary>Writes traces as JSON, one object a line, for people and scripts: first the map, then the events in order.</summary>
public static class TraceJsonLines
{
    /// <summary>Writes a trace.</summary>
    /// <param name="trace">The trace.</param>
    /// <param name="stream">Where to; it stays open.</param>
    public static void Write(Trace trace, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(stream);
        var options = new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using var writer = new Utf8JsonWriter(stream, options);
        writer.WriteStartObject();
        writer.WriteNumber("size", trace.Initial.Length);
        writer.WriteString("granularity", trace.Granularity switch { StoreGranularity.Byte => "byte", StoreGranularity.Page => "page", _ => "cacheLine" });
        writer.WriteNumber("events", trace.Events.Count);
        writer.WriteBoolean("complete", trace.IsComplete);
        writer.WriteString("fingerprint", $"{trace.Fingerprint:x16}");
        writer.WriteEndObject();
        for (int i = 0; i < trace.Events.Count; i++)
        {
            EndLine(writer, stream);
            Write(writer, i, trace.Events[i]);
        }

        EndLine(writer, stream);
    }

    private static void EndLine(Utf8JsonWriter writer, Stream stream)
    {
        writer.Flush();
        stream.WriteByte((byte)'\n');
        writer.Reset();
    }

    private static void Write(Utf8JsonWriter writer, int index, TraceEvent item)
    {
        writer.WriteStartObject();
        writer.WriteNumber("event", index);
        writer.WriteNumber("thread", item.Thread);
        writer.WriteString("kind", item.Kind switch
        {
            TraceEventKind.Store => "store",
            TraceEventKind.Flush => "flush",
            TraceEventKind.Fence => "fence",
            TraceEventKind.DeepFlush => "deepFlush",
            TraceEventKind.Mark => "mark",
            _ => "note",
        });
        if (item.Kind is not (TraceEventKind.Fence or TraceEventKind.Mark))
        {
            writer.WriteNumber("offset", item.Offset);
            writer.WriteNumber("length", item.Length);
        }

        if (item.Kind == TraceEventKind.Store)
        {
            writer.WriteString("store", item.Store switch { StoreKind.Bulk => "bulk", StoreKind.NonTemporal => "nonTemporal", StoreKind.ReadModifyWrite => "locked", _ => "ordered" });
            if (item.IsRaw)
                writer.WriteBoolean("direct", true);
            writer.WriteString("bytes", Convert.ToHexStringLower(item.Bytes));
        }

        if (item is { Kind: TraceEventKind.Flush, Flush: FlushKind.Ordered })
            writer.WriteString("flush", "clflush");
        if (item is { Kind: TraceEventKind.Fence, Fence: not FenceKind.Store })
            writer.WriteString("fence", item.Fence == FenceKind.Full ? "full" : "load");
        if (item.Kind == TraceEventKind.Note)
            writer.WriteString("note", JsonNamingPolicy.CamelCase.ConvertName(item.Note.ToString()));
        if (item.Name is not null)
            writer.WriteString("text", item.Name);
        if (item.Source?.User is { } frame)
            writer.WriteString("source", frame.ToString());
        writer.WriteEndObject();
    }
}
