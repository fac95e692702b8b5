using Pmem.CrashTesting;
using Pmem.Tracing;

namespace Pmem.Tool.Tests.Crash;

/// <summary>A folder with traces; removed at the end of the test.</summary>
public sealed class CrashFixture : IDisposable
{
    /// <summary>Bytes 0 must be 42 when byte 1024 is 1.</summary>
    public const string Check = "test \"$(od -An -tu1 -j1024 -N1 {image} | tr -d ' ')\" != 1 || test \"$(od -An -tu1 -j0 -N1 {image} | tr -d ' ')\" = 42 || { echo valid, but empty >&2; exit 1; }";

    private readonly string _path = Directory.CreateTempSubdirectory("pmem-crash-verbs-").FullName;

    public string File(string name) => Path.Combine(_path, name);

    /// <summary>42 is stored, flushed, and fenced only if it is the right version; then the byte that vouches for it.</summary>
    public string Flag(bool isRight)
    {
        var events = new List<TraceEvent> { Store(0, 42), Range(TraceEventKind.Flush, 0) };
        if (isRight)
            events.Add(Range(TraceEventKind.Fence, 0));
        events.AddRange([Store(1024, 1), Range(TraceEventKind.Flush, 1024), Range(TraceEventKind.Fence, 0)]);
        return Save(isRight ? "right.pmtrace" : "wrong.pmtrace", events);
    }

    /// <summary>A store that nothing flushes.</summary>
    public string NeverFlushed() => Save("never.pmtrace", [Store(0, 42)]);

    public void Dispose() => Directory.Delete(_path, recursive: true);

    private string Save(string name, List<TraceEvent> events)
    {
        string path = File(name);
        new Trace(new byte[4096], StoreGranularity.CacheLine, events).Save(path);
        return path;
    }

    private static TraceEvent Store(long at, byte value) => new(TraceEventKind.Store, 1, at, 8, [value, 0, 0, 0, 0, 0, 0, 0], StoreKind.Ordered);

    private static TraceEvent Range(TraceEventKind kind, long at) => new(kind, 1, at, kind == TraceEventKind.Fence ? 0 : 8, [], StoreKind.Ordered);
}
