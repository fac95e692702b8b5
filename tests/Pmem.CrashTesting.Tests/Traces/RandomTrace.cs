using Pmem.Tracing;

namespace Pmem.CrashTesting.Tests.Traces;

/// <summary>Traces with every kind of event.</summary>
internal static class RandomTrace
{
    public const int Size = 4096;

    public static Trace Make(int seed, int events)
    {
        var random = new Random(seed);
        byte[] initial = new byte[Size];
        random.NextBytes(initial.AsSpan(1000, 100));
        SourceStack[] stacks = [.. Enumerable.Range(0, 3).Select(i => new SourceStack([new SourceFrame("App", $"Type.Method{i}", i == 1 ? null : "/src/File.cs", i * 300), new SourceFrame("App", "Main", "/src/File.cs", 7)]))];
        var list = new List<TraceEvent>();
        for (int i = 0; i < events; i++)
            list.Add(MakeEvent(random) with { Source = random.Next(2) == 0 ? stacks[random.Next(3)] : null });
        return new Trace(initial, (StoreGranularity)random.Next(3), list);
    }

    private static TraceEvent MakeEvent(Random random)
    {
        int length = random.Next(1, 200);
        long offset = random.Next(Size - length);
        int thread = random.Next(1, 400);
        switch (random.Next(7))
        {
            case 0:
                return new TraceEvent(TraceEventKind.Flush, thread, offset, length, [], StoreKind.Ordered) { Flush = (FlushKind)random.Next(2) };
            case 1:
                return new TraceEvent(TraceEventKind.Fence, thread, 0, 0, [], StoreKind.Ordered) { Fence = (FenceKind)random.Next(3) };
            case 2:
                return new TraceEvent(TraceEventKind.DeepFlush, thread, offset, length, [], StoreKind.Ordered);
            case 3:
                return new TraceEvent(TraceEventKind.Mark, thread, 0, 0, [], StoreKind.Ordered, $"mark {random.Next(3)} ü");
            case 4:
                TraceNote note = Enum.GetValues<TraceNote>()[random.Next(Enum.GetValues<TraceNote>().Length)];
                return new TraceEvent(TraceEventKind.Note, thread, offset, length, [], StoreKind.Ordered, random.Next(2) == 0 ? null : "text") { Note = note };
            default:
                byte[] bytes = new byte[length];
                random.NextBytes(bytes);
                return new TraceEvent(TraceEventKind.Store, thread, offset, length, bytes, (StoreKind)random.Next(4)) { IsRaw = random.Next(3) == 0 };
        }
    }

    /// <summary>All that a trace says of an event.</summary>
    public static string Describe(TraceEvent item) =>
        $"{item.Kind} {item.Thread} {item.Offset} {item.Length} {Convert.ToHexString(item.Bytes)} {item.Store} {item.Name ?? "-"} {item.Flush} {item.Fence} {item.Note} {item.IsRaw} "
        + (item.Source is null ? "-" : string.Join(" < ", item.Source.Frames.Select(f => $"{f.Assembly}/{f.Method}/{f.File}/{f.Line}")));
}
