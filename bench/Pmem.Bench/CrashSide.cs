using System.Diagnostics;
using System.Globalization;
using Pmem.CrashTesting;
using Pmem.CrashTesting.Linting;
using Pmem.Objects;
using Pmem.Tracing;
using Trace = Pmem.CrashTesting.Trace;

namespace Pmem.Bench;

/// <summary>
/// What crash testing costs: images and events a second, and the price of tracing. No packaged peer does the same work (pmemcheck needs a
/// patched Valgrind, and explores nothing), so these are figures, not ratios; only the price of tracing is one.
/// </summary>
internal static class CrashSide
{
    private const int Lines = 12;
    private const long MapSize = 64 << 10;

    public static int Run()
    {
        if (!PersistenceTrace.IsEnabled)
            return Child(tracing: true);
        Console.WriteLine($"{"case",-70}{"figure",12}");
        Trace trace = Pending();
        Images("images/s, a check that reads one line", trace, 1, state => Demand(state.Image[0] <= 1));
        Images("images/s, the same on two threads", trace, 2, state => Demand(state.Image[0] <= 1));
        Images("images/s, a check that recovers on the map and stores", trace, 1, state =>
        {
            Demand(state.Map.ReadUInt64(0) <= 1);
            state.Map.StoreUInt64(4096, 1);
            state.Map.Persist(4096, 8);
        });
        Stores(1);
        Stores(2);
        Lint();
        Tracing();
        return 0;
    }

    /// <summary>Prints the time of a persist, for the parent to compare.</summary>
    public static int Price()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(MapSize);
        Persist(map, 10_000);
        Console.WriteLine(Best(() => Persist(map, 100_000)).ToString(CultureInfo.InvariantCulture));
        return 0;
    }

    private static Trace Pending()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(MapSize);
        using var recorder = new TraceRecorder(map);
        for (int round = 0; round < 16; round++)
        {
            for (int i = 0; i < Lines; i++)
                map.StoreUInt64((i * 64) + (round / 8 * 4096) + 8, (ulong)round + 1);
            map.Persist(round / 8 * 4096, Lines * 64);
        }

        return recorder.Stop();
    }

    private static void Images(string name, Trace trace, int threads, Action<CrashState> check)
    {
        var options = new ExplorationOptions { ImagesPerPoint = 1 << Lines, ProcessKills = false, Parallelism = threads };
        CrashExplorer.Explore(trace, check, options);
        long images = 0;
        double seconds = Best(() => images = CrashExplorer.Explore(trace, check, options).Images) / 1e9;
        Show($"{name} ({images} images)", $"{images / seconds:N0}");
    }

    private static void Stores(int threads)
    {
        CrashTest<ObjectStore> test = CrashTest
            .For(map => ObjectStore.Create(map, "bench"), map => ObjectStore.Open(map, "bench"), "bench")
            .OnMap(20 << 20)
            .WithoutSourceLines()
            .Prepare(store => store.GetRoot(8192))
            .Step("transaction", store =>
            {
                using Transaction tx = store.BeginTransaction();
                tx.Snapshot(store.RootOffset, 64);
                tx.Snapshot(store.RootOffset + 1024, 200);
                store.Map.Fill(store.RootOffset, 1, 64, CopyHints.NoFlush);
                store.Map.Fill(store.RootOffset + 1024, 2, 200, CopyHints.NoFlush);
                tx.Allocate(100, 5);
                tx.Commit();
            })
            .Check(store => Demand(store.RootOffset > 0));
        ExplorationResult result = test.Run(new ExplorationOptions { Parallelism = threads, ImagesPerPoint = 256 }).Exploration;
        Show($"images/s, an object store of 20 MiB opened, {threads} thread(s) ({result.Images} images)", $"{result.Images / result.Elapsed.TotalSeconds:N0}");
    }

    private static void Lint()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(1 << 20);
        using var recorder = new TraceRecorder(map, captureStacks: true, (0, 8));
        for (int i = 0; i < 10_000; i++)
        {
            long at = i % 1000 * 1024;
            PersistenceTrace.Note(map, TraceNote.OperationBegin, text: "put");
            map.StoreUInt64(at, (ulong)i);
            map.Copy(at + 64, new byte[200], CopyHints.Temporal);
            map.StoreUInt64(at + 512, 1);
            map.Persist(at + 512, 8);
            map.Persist(at, 8);
            PersistenceTrace.Note(map, TraceNote.OperationEnd, text: "put");
        }

        Trace trace = recorder.Stop();
        double seconds = Best(() => TraceLinter.Lint(trace)) / 1e9;
        Show($"lint of 10,000 operations ({trace.Events.Count:N0} events)", $"{seconds:0.000} s");
        Show("events linted/s", $"{trace.Events.Count / seconds:N0}");
    }

    private static void Tracing()
    {
        double off = ChildPrice(tracing: false);
        double on = ChildPrice(tracing: true);
        Show("persist of 64 bytes, tracing off", $"{off / 100_000:0} ns");
        Show("the same in a process that may trace", $"x {on / off:0.00}");
        using PersistentMap map = PersistentMap.CreateAnonymous(MapSize);
        foreach (bool stacks in (bool[])[false, true])
        {
            double recorded = Best(() =>
            {
                using var recorder = new TraceRecorder(map, stacks, (0, 64));
                Persist(map, 20_000);
                recorder.Stop();
            });
            Show(stacks ? "the same, recorded with source lines" : "the same, recorded", $"x {recorded / 20_000 / (off / 100_000):0.0}");
        }
    }

    private static void Persist(PersistentMap map, int count)
    {
        for (int i = 0; i < count; i++)
        {
            long at = i % 512 * 64;
            map.StoreUInt64(at, (ulong)i);
            map.Persist(at, 64);
        }
    }

    private static double ChildPrice(bool tracing)
    {
        ProcessStartInfo start = Start("crash-price", tracing);
        start.RedirectStandardOutput = true;
        using Process process = Process.Start(start)!;
        string text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return double.Parse(text, CultureInfo.InvariantCulture);
    }

    private static int Child(bool tracing)
    {
        using Process process = Process.Start(Start("crash", tracing))!;
        process.WaitForExit();
        return process.ExitCode;
    }

    private static ProcessStartInfo Start(string verb, bool tracing)
    {
        string host = Environment.ProcessPath!;
        string[] all = Path.GetFileNameWithoutExtension(host) == "dotnet" ? [typeof(CrashSide).Assembly.Location, verb] : [verb];
        var start = new ProcessStartInfo(host, all) { UseShellExecute = false };
        start.Environment["PMEM_TRACING"] = tracing ? "1" : "0";
        start.Environment["DOTNET_TieredPGO"] = "0";
        start.Environment["DOTNET_TieredCompilation"] = "0";
        return start;
    }

    /// <summary>Nanoseconds of the fastest of five runs.</summary>
    private static double Best(Action body)
    {
        double best = double.MaxValue;
        for (int i = 0; i < 5; i++)
        {
            long start = Stopwatch.GetTimestamp();
            body();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalNanoseconds);
        }

        return best;
    }

    private static void Demand(bool condition)
    {
        if (!condition)
            throw new InvalidDataException("impossible value");
    }

    private static void Show(string name, string figure) => Console.WriteLine($"{name,-70}{figure,12}");
}
