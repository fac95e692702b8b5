using System.Globalization;
using System.Text.Json;
using Pmem.Tracing;

namespace Pmem.CrashTesting.Reporting;

/// <summary>
/// The events as the page's script reads them: arrays instead of objects, stacks by number. Of long traces a window around the crash is kept,
/// and from outside it what touches the lines of the story.
/// </summary>
internal sealed class TimeLineJson
{
    private const int MaximumEvents = 20_000;
    private const int MaximumOutside = 2_000;
    private const int MaximumValue = 16;

    private readonly Trace _trace;
    private readonly TimeLine _line;
    private readonly HashSet<int> _key;
    private readonly Dictionary<SourceStack, int> _stacks = [];
    private readonly List<SourceStack> _stackList = [];

    private TimeLineJson(Trace trace, TimeLine line, HashSet<int> key)
    {
        _trace = trace;
        _line = line;
        _key = key;
    }

    /// <param name="trace">What was recorded.</param>
    /// <param name="line">What became of the stores.</param>
    /// <param name="image">The failing image, or null.</param>
    /// <param name="key">Events of the story.</param>
    /// <param name="maximumEvents">Events in the window.</param>
    public static string Create(Trace trace, TimeLine line, CrashImage? image, HashSet<int> key, int maximumEvents = MaximumEvents) =>
        new TimeLineJson(trace, line, key).Write(image, maximumEvents);

    private string Write(CrashImage? image, int maximumEvents)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer)) // its default encoder escapes what would end a script element
        {
            writer.WriteStartObject();
            writer.WriteNumber("total", _trace.Events.Count);
            writer.WriteNumber("crash", image?.Point ?? -1);
            writer.WriteBoolean("power", image is { IsPowerLoss: true });
            writer.WriteNumber("unit", _trace.Granularity == StoreGranularity.Page ? 4096 : 64);
            writer.WriteStartArray("lines");
            foreach (long offset in _line.Lines)
                writer.WriteNumberValue(offset);
            writer.WriteEndArray();
            writer.WriteStartArray("events");
            foreach (int index in Chosen(maximumEvents))
                Write(writer, index);
            writer.WriteEndArray();
            WriteStacks(writer);
            writer.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private IEnumerable<int> Chosen(int maximum)
    {
        int count = _trace.Events.Count;
        int first = Math.Clamp(_line.Point - (maximum * 3 / 4), 0, Math.Max(0, count - maximum));
        int end = Math.Min(count, first + maximum);
        int outside = 0;
        for (int i = 0; i < count; i++)
        {
            if ((i >= first && i < end) || _key.Contains(i) || (outside < MaximumOutside && TouchesStory(_trace.Events[i]) && outside++ >= 0))
                yield return i;
        }
    }

    private bool TouchesStory(TraceEvent item)
    {
        if (item.Kind is not (TraceEventKind.Store or TraceEventKind.Flush or TraceEventKind.DeepFlush))
            return false;
        foreach (long line in _line.Lines)
        {
            if (item.Offset < line + Model.PersistencyModel.LineSize && line < item.Offset + item.Length)
                return true;
        }

        return false;
    }

    // index, kind, thread, offset, length, text, stack, outcome, guaranteed by, key, value: docs of the order are here and in report.js.
    private void Write(Utf8JsonWriter writer, int index)
    {
        TraceEvent item = _trace.Events[index];
        bool isStore = item.Kind == TraceEventKind.Store;
        writer.WriteStartArray();
        writer.WriteNumberValue(index);
        writer.WriteStringValue(Code(item));
        writer.WriteNumberValue(item.Thread);
        writer.WriteNumberValue(item.Offset);
        writer.WriteNumberValue(item.Length);
        writer.WriteStringValue((item with { Source = null }).ToString());
        writer.WriteNumberValue(item.Source is null ? -1 : StackOf(item.Source));
        writer.WriteNumberValue(isStore ? (int)_line.OutcomeOf(index) : -1);
        writer.WriteNumberValue(isStore ? _line.GuaranteedBy(index) : -1);
        writer.WriteNumberValue(_key.Contains(index) ? 1 : 0);
        writer.WriteStringValue(isStore ? Value(item.Bytes) : string.Empty);
        writer.WriteEndArray();
    }

    /// <summary>A letter for what happened; it is also what the time line shows.</summary>
    private static string Code(TraceEvent item) => item.Kind switch
    {
        TraceEventKind.Store => item.IsRaw ? "D" : item.Store switch { StoreKind.NonTemporal => "N", StoreKind.Bulk => "B", StoreKind.ReadModifyWrite => "L", _ => "S" },
        TraceEventKind.Flush => "f",
        TraceEventKind.Fence => "|",
        TraceEventKind.DeepFlush => "d",
        TraceEventKind.Mark => "m",
        _ => item.Note switch { TraceNote.OperationBegin => "(", TraceNote.OperationEnd => ")", _ => "n" },
    };

    private static string Value(byte[] bytes)
    {
        if (bytes.Length is 1 or 2 or 4 or 8)
        {
            ulong value = 0;
            for (int i = bytes.Length - 1; i >= 0; i--)
                value = (value << 8) | bytes[i];
            return string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");
        }

        string text = Convert.ToHexStringLower(bytes, 0, Math.Min(bytes.Length, MaximumValue));
        return bytes.Length > MaximumValue ? $"{text}…" : text;
    }

    private int StackOf(SourceStack stack)
    {
        if (!_stacks.TryGetValue(stack, out int number))
        {
            _stacks[stack] = number = _stackList.Count;
            _stackList.Add(stack);
        }

        return number;
    }

    private void WriteStacks(Utf8JsonWriter writer)
    {
        writer.WriteStartArray("stacks");
        foreach (SourceStack stack in _stackList)
        {
            writer.WriteStartObject();
            writer.WriteString("where", stack.User?.Where);
            writer.WriteStartArray("frames");
            foreach (SourceFrame frame in stack.Frames)
                writer.WriteStringValue(frame.ToString());
            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }
}
