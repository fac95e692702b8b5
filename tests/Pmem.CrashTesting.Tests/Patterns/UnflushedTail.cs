using System.Text;

namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>11. The length of a copy is rounded down to whole lines before it is flushed, so that its tail is not. As in PMFS and WineFS.</summary>
internal static class UnflushedTail
{
    private const int At = 40;

    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => CrashTest
        .For(map => map, nameof(UnflushedTail))
        .OnMap(4096, granularity)
        .Step("write", map => Write(map, Encoding.ASCII.GetBytes(new string('x', 100)), isBroken))
        .Step("go on", _ => { })
        .Observe(map => map.Read<byte>(At + 99))
        .Explore();

    private static void Write(PersistentMap map, byte[] text, bool isBroken)
    {
        map.Copy(At, text, CopyHints.NoFlush); // <- lost, PMC001
        map.Flush(At, isBroken ? text.Length & ~63 : text.Length);
        map.Drain();
    }
}
