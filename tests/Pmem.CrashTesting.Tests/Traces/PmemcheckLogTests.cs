using Pmem.CrashTesting.Linting;
using Pmem.CrashTesting.Traces;
using Pmem.Tracing;
using static Pmem.CrashTesting.Tests.TraceBuilder;

namespace Pmem.CrashTesting.Tests.Traces;

/// <summary>Store logs of pmemcheck, there and back.</summary>
public sealed class PmemcheckLogTests
{
    [Fact]
    public void A_trace_becomes_this_log()
    {
        Trace trace = new TraceBuilder()
            .Note(TraceNote.OperationBegin, text: "a.b|c")
            .StoreWide(4, 12, 7).Flush(4).Fence().NonTemporal(Y, 1).Exchange(Z, 2).DeepFlush(Z)
            .Note(TraceNote.OperationEnd, text: "a.b|c").Build();
        Assert.Equal(
            "START|REGISTER_FILE;/x/y.img;0x10000000;0x140;0x0|a_b_c.BEGIN"
            + "|STORE;0x10000004;0x7070707;0x4|STORE;0x10000008;0x707070707070707;0x8|FLUSH;0x10000000;0x40|FENCE"
            + "|STORE;0x10000040;0x1;0x8|FLUSH;0x10000040;0x40|FENCE|STORE;0x10000080;0x2;0x8|FLUSH;0x10000080;0x40|FENCE|a_b_c.END|STOP\n",
            Export(trace));
    }

    [Fact]
    public void What_valgrind_writes_is_read_with_its_calls()
    {
        const string Log = """
            ==12== pmemcheck-1.0, a simple persistent store checker
            START|REGISTER_FILE;/mnt/other;0x5000;0x1000;0x0|REGISTER_FILE;/mnt/pool;0x9000;0x1000;0x1000|STORE;0x9010;0x2a;0x4;main (in /app): 0x1;0x401136: put (store.c:12);0x4011aa: main (store.c:33)|STORE;0x5000;0x1;0x8|FLUSH;0x9000;0x40|FENCE|LOAD.BEGIN|DEEP_SYNC;0x9000;0x10|LOAD.END|here|FLUSH;0x77000;0x40|STOP
            ==12== Number of stores not made persistent: 0
            """;
        PmemcheckImport import = PmemcheckLog.Import(new StringReader(Log), new PmemcheckImportOptions { File = "pool", Initial = new byte[] { 9 } });
        Assert.True(import.Trace.IsComplete);
        Assert.Equal("/mnt/pool", import.File);
        Assert.Equal(["/mnt/other"], import.OtherFiles);
        Assert.Equal(1, import.IgnoredStores);
        Assert.Equal(0x2000, import.Trace.Initial.Length);
        Assert.Equal(9, import.Trace.Initial[0]);
        Assert.Equal(
            ["store of 4 bytes at 0x1010", "flush of 0x1000+64", "fence", "'LOAD' begins", "deep flush of 0x1000+16", "'LOAD' is acknowledged", "mark 'here'"],
            import.Trace.Events.Select(e => (e with { Source = null }).ToString()));
        Assert.Equal([0x2A, 0, 0, 0], import.Trace.Events[0].Bytes);
        Assert.Equal("store.c:12", import.Trace.Events[0].Source!.Frames[1].Where);
        LintFinding finding = Assert.Single(import.Findings);
        Assert.Equal("PMC012", finding.Rule.Id);
        Assert.Contains("0x77000", finding.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_program_of_words_has_the_same_images_there_and_back()
    {
        for (int seed = 0; seed < 150; seed++)
        {
            var random = new Random(seed);
            var builder = new TraceBuilder();
            for (int i = 1; i < 9; i++)
            {
                int place = random.Next(4) switch { 0 => X, 1 => Y, 2 => A, _ => B };
                _ = random.Next(6) switch
                {
                    0 => builder.Flush(place),
                    1 => builder.Fence(),
                    2 => builder.DeepFlush(place),
                    3 => builder.Exchange(place, (byte)i),
                    _ => builder.Store(place, (byte)i),
                };
            }

            Trace trace = builder.Build();
            Trace back = PmemcheckLog.Import(new StringReader(Export(trace))).Trace;
            Assert.True(Images(trace).SetEquals(Images(back)), $"seed {seed}");
        }
    }

    [Fact]
    public void A_log_cut_off_is_read_as_far_as_it_goes()
    {
        Trace trace = PmemcheckLog.Import(new StringReader("START|REGISTER_FILE;/p;0x1000;0x100;0x0|STORE;0x1000;0x1;0x8|FENCE")).Trace;
        Assert.False(trace.IsComplete);
        Assert.Equal(2, trace.Events.Count);
    }

    [Theory]
    [InlineData("", "START")]
    [InlineData("nothing of the kind", "START")]
    [InlineData("START|STOP", "REGISTER_FILE")]
    [InlineData("START|REGISTER_FILE;/p;0x0;0xffffffffffff;0x0|STOP", "at most")]
    [InlineData("START|REGISTER_FILE;/p;0x1000;0x100;0x0|STORE;0x1000;0x1;0x9|STOP", "1 to 8 bytes")]
    [InlineData("START|REGISTER_FILE;/p;0x1000;0x100;0x0|STORE;0x1000;|STOP", "STORE;address")]
    [InlineData("START|REGISTER_FILE;/p;0x1000;0x100;0x0|STORE;1000;0x1;0x8|STOP", "0x40")]
    [InlineData("START|REGISTER_FILE;/p;0x1000;0x100;0x0|LOAD;1;2|STOP", "STORE, FLUSH")]
    public void What_is_no_log_is_refused_with_reason(string log, string expected) =>
        Assert.Contains(expected, Assert.Throws<PmemFormatException>(() => PmemcheckLog.Import(new StringReader(log))).Message, StringComparison.Ordinal);

    [Fact]
    public void Twenty_thousand_mutants_are_read_or_refused()
    {
        string log = Export(new TraceBuilder().Store(X, 1).Flush(X).Fence().Store(Y, 2).DeepFlush(Y).Note(TraceNote.OperationBegin, text: "op").Note(TraceNote.OperationEnd, text: "op").Build());
        var options = new PmemcheckImportOptions { MaximumSize = 1 << 20 };
        const string Characters = "0123456789abcdefx;|STOREFLUSH.\n\0";
        var random = new Random(99);
        for (int i = 0; i < 20_000; i++)
        {
            char[] mutant = log.ToCharArray();
            for (int c = random.Next(1, 4); c > 0; c--)
                mutant[random.Next(mutant.Length)] = Characters[random.Next(Characters.Length)];
            try
            {
                Trace trace = PmemcheckLog.Import(new StringReader(new string(mutant)), options).Trace;
                Assert.All(trace.Events, e => Assert.True(e.Offset >= 0 && e.Length >= 0 && e.Offset + e.Length <= trace.Initial.Length));
            }
            catch (PmemFormatException)
            {
                // Refused.
            }
        }
    }

    [Fact]
    public void Markers_that_would_cross_are_left_out()
    {
        Trace trace = new TraceBuilder()
            .Note(TraceNote.OperationBegin, text: "one", thread: 1).Note(TraceNote.OperationBegin, text: "two", thread: 2)
            .Note(TraceNote.OperationEnd, text: "one", thread: 1).Note(TraceNote.OperationEnd, text: "two", thread: 2).Build();
        Assert.EndsWith("0x0|one.BEGIN|one.END|STOP\n", Export(trace), StringComparison.Ordinal);
    }

    [Fact]
    public void Json_has_a_line_for_the_map_and_each_event()
    {
        using var stream = new MemoryStream();
        TraceJsonLines.Write(new TraceBuilder().Store(X, 1).Clflush(X).Fence().Note(TraceNote.TransactionAdd, 8, 8).Build(), stream);
        string[] lines = System.Text.Encoding.UTF8.GetString(stream.ToArray()).Split('\n');
        Assert.Equal(6, lines.Length);
        Assert.StartsWith("""{"size":320,"granularity":"cacheLine","events":4,"complete":true,""", lines[0], StringComparison.Ordinal);
        Assert.Equal("""{"event":0,"thread":1,"kind":"store","offset":0,"length":8,"store":"ordered","bytes":"0100000000000000"}""", lines[1]);
        Assert.Equal("""{"event":1,"thread":1,"kind":"flush","offset":0,"length":8,"flush":"clflush"}""", lines[2]);
        Assert.Equal("""{"event":3,"thread":1,"kind":"note","offset":8,"length":8,"note":"transactionAdd"}""", lines[4]);
    }

    private static string Export(Trace trace)
    {
        using var log = new StringWriter();
        PmemcheckLog.Export(trace, log, "/x/y.img");
        return log.ToString();
    }

    private static HashSet<string> Images(Trace trace)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        CrashExplorer.Explore(trace, (image, _) => found.Add(Convert.ToHexString(image)), new ExplorationOptions { ImagesPerPoint = 100_000, ProcessKills = false });
        return found;
    }
}
