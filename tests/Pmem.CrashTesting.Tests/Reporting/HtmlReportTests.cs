using System.Text.Json;
using System.Text.RegularExpressions;
using Pmem.CrashTesting.Exploration;
using Pmem.CrashTesting.Reporting;
using Pmem.Tracing;
using static Pmem.CrashTesting.Tests.TraceBuilder;

namespace Pmem.CrashTesting.Tests.Reporting;

/// <summary>The page: what it says, that it is right, and that nothing a program says can break it.</summary>
public sealed partial class HtmlReportTests
{
    private const int Durable = 0;
    private const int There = 1;
    private const int Lost = 2;
    private const int Torn = 3;
    private const int NotReached = 4;

    [Fact]
    public void The_page_asks_for_nothing_from_anywhere()
    {
        string page = Fail().ToHtml();
        Assert.DoesNotContain("https://", page, StringComparison.Ordinal);
        Assert.DoesNotContain("http://", page.Replace("http://www.w3.org/2000/svg", string.Empty, StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.DoesNotMatch(@"\bsrc\s*=|<link|@import|url\(", page);
        Assert.Contains("default-src 'none'", page, StringComparison.Ordinal);
    }

    [Fact]
    public void The_story_names_both_stores_their_lines_and_the_replay()
    {
        CrashReport report = Fail();
        string page = report.ToHtml();
        Assert.Matches("role lost\">lost</span><div><a [^>]*>event 1</a> store of 8 bytes at 0x0 at HtmlReportTests.cs:[0-9]+", page);
        Assert.Matches("role there\">there</span><div><a [^>]*>event 3</a> store of 8 bytes at 0x400 at HtmlReportTests.cs:[0-9]+", page);
        Assert.Contains("These had to be ordered", page, StringComparison.Ordinal);
        Assert.Contains($"PMEM_CRASH_REPLAY={report.ReplayLine}", page, StringComparison.Ordinal);
        Assert.Contains($"pmem crash replay TRACE.pmtrace {report.FailingImage!.ToReplay()}", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Hostile_text_stays_text()
    {
        const string Evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>";
        CrashReport report = CrashTest.For(map => map, Evil).OnMap(4096)
            .Step(Evil, map =>
            {
                using (PersistenceTrace.Accept("PMC001", Evil))
                    map.StoreUInt64(0, 1);
            })
            .Check(map => throw new InvalidDataException(Evil))
            .Explore();
        string page = report.ToHtml();
        Assert.DoesNotContain("<script>alert", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<img", page, StringComparison.Ordinal);
        Assert.Equal(2, Regex.Count(page, "</script>"));
        Assert.Contains("&lt;/script&gt;", page, StringComparison.Ordinal);
        Assert.Contains(Evil, Data(page).GetProperty("events")[0][5].GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_time_line_tells_what_became_of_each_store()
    {
        Trace trace = new TraceBuilder().Store(X, 1).Flush(X).Fence().Store(Y, 1).Store(Z, 1).StoreWide(A, 16, 1).Store(X, 2).Build();
        var image = new CrashImage(6, [(Z, 1), (A, 1)], [], IsPowerLoss: true);
        JsonElement events = Events(trace, new CrashFailure(image, new InvalidDataException("no")));
        Assert.Equal([Durable, -1, -1, Lost, There, Torn, NotReached], events.EnumerateArray().Select(e => e[7].GetInt32()));
        Assert.Equal([2, -1, -1, -1, -1, -1, -1], events.EnumerateArray().Select(e => e[8].GetInt32()));
    }

    [Fact]
    public void Outcomes_agree_with_the_bytes_of_the_image()
    {
        // Each store has a byte of its own, so that the image itself says what is there.
        for (int seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            var builder = new TraceBuilder();
            var places = new Dictionary<int, int>();
            for (int i = 0; i < 12; i++)
            {
                int place = i * 16;
                switch (random.Next(4))
                {
                    case 0:
                        builder.Flush(random.Next(20) * 16);
                        break;
                    case 1:
                        builder.Fence();
                        break;
                    case 2:
                        builder.NonTemporal(place, 1);
                        places[i] = place;
                        break;
                    default:
                        builder.Store(place, 1);
                        places[i] = place;
                        break;
                }
            }

            Trace trace = builder.Build();
            var images = new List<(CrashImage Crash, byte[] Bytes)>();
            CrashExplorer.Explore(trace, (bytes, crash) => images.Add((crash, bytes.ToArray())), new ExplorationOptions { ImagesPerPoint = 20 });
            foreach ((CrashImage crash, byte[] bytes) in images)
            {
                JsonElement events = Events(trace, new CrashFailure(crash, new InvalidDataException("no")));
                foreach ((int index, int place) in places)
                {
                    bool isThere = events[index][7].GetInt32() is Durable or There;
                    Assert.True(isThere == (bytes[place] == 1), $"seed {seed}, {crash}, event {index}");
                }
            }
        }
    }

    [Fact]
    public void The_passing_image_differs_in_what_was_lost()
    {
        CrashReport report = Fail();
        CrashImage passing = report.Diagnosis!.Passing!;
        Assert.NotEqual(report.FailingImage!.ToReplay(), passing.ToReplay());
        Assert.Null(CrashExplorer.Replay(report.Trace, passing, state => Demand(state.Map)));
        ImageComparison images = ImageComparison.Create(report.Trace, report.Diagnosis);
        Assert.Equal([0L], images.Lines);
        Assert.Contains("<span class=\"good\">2a</span>", images.ToHtml(-1), StringComparison.Ordinal);
    }

    [Fact]
    public void A_killed_process_is_compared_with_one_store_earlier_or_later()
    {
        CrashReport report = CrashTest.For(map => map).OnMap(4096)
            .Step("both", map =>
            {
                map.StoreUInt64(0, 1);
                map.StoreUInt64(8, 1);
                map.Persist(0, 16);
            })
            .Check(map =>
            {
                if (map.ReadUInt64(0) != map.ReadUInt64(8))
                    throw new InvalidDataException("half");
            })
            .Explore(new ExplorationOptions { PowerLoss = false });
        Assert.Equal("k2", report.FailingImage!.ToReplay());
        Assert.Equal("k0", report.Diagnosis!.Passing!.ToReplay());
        Assert.Contains("One store earlier, which passes", report.ToHtml(), StringComparison.Ordinal);
    }

    [Fact]
    public void Of_long_traces_the_page_holds_what_is_near_the_crash_and_what_matters()
    {
        var events = new List<TraceEvent>();
        for (int i = 0; i < 60_000; i++)
            events.Add(new TraceEvent(i % 3 == 2 ? TraceEventKind.Fence : i % 3 == 1 ? TraceEventKind.Flush : TraceEventKind.Store, 1, (i / 3 % 60) * 64, 8, i % 3 == 0 ? [(byte)(i + 1), 1, 0, 0, 0, 0, 0, 0] : [], StoreKind.Ordered));
        events[3] = events[3] with { Offset = 62 * 64 }; // never flushed
        var trace = new Trace(new byte[4096], StoreGranularity.CacheLine, events);
        var failure = new CrashFailure(new CrashImage(50_000, [], [], IsPowerLoss: true), new InvalidDataException("no"));
        var report = CrashReport.Create("long", trace, new ExplorationResult(1, 1, false, failure));
        JsonElement data = Data(report.ToHtml());
        int[] indexes = [.. data.GetProperty("events").EnumerateArray().Select(e => e[0].GetInt32())];
        Assert.Contains(3, indexes);
        Assert.Contains(49_999, indexes);
        Assert.Contains(50_000, indexes);
        Assert.InRange(indexes.Length, 20_000, 25_000);
        Assert.Equal(indexes.Order(), indexes);
        Assert.Equal(60_000, data.GetProperty("total").GetInt32());
    }

    [Fact]
    public void Findings_come_with_remedies_and_accepted_ones_with_reasons()
    {
        CrashReport report = CrashTest.For(map => map).OnMap(4096)
            .Step("flushes", map =>
            {
                map.Persist(64, 8);
                using (PersistenceTrace.Accept("PMC003", "on purpose & for good"))
                    map.Flush(128, 8);
            })
            .Check(_ => { })
            .Explore();
        string page = report.ToHtml();
        Assert.Contains("PMC003", page, StringComparison.Ordinal);
        Assert.Contains("Remove the flush, or flush what was stored", page, StringComparison.Ordinal);
        Assert.Contains("Accepted: on purpose &amp; for good", page, StringComparison.Ordinal);
        Assert.DoesNotContain("id=\"story\"", page, StringComparison.Ordinal);
    }

    private static CrashReport Fail() => CrashTest.For(map => map).OnMap(8192)
        .Step("set", map =>
        {
            map.StoreUInt64(0, 42);
            map.Flush(0, 8);
            map.StoreUInt64(1024, 1);
            map.Persist(1024, 8);
        })
        .Check(Demand)
        .Explore(new ExplorationOptions());

    private static void Demand(PersistentMap map)
    {
        if (map.ReadUInt64(1024) == 1 && map.ReadUInt64(0) != 42)
            throw new InvalidDataException("valid, but empty");
    }

    private static JsonElement Events(Trace trace, CrashFailure failure)
    {
        var diagnosis = CrashDiagnosis.Create(trace, failure, check: null);
        TimeLine line = TimeLine.Create(trace, diagnosis, []);
        using var document = JsonDocument.Parse(TimeLineJson.Create(trace, line, failure.Image, []));
        return document.RootElement.GetProperty("events").Clone();
    }

    private static JsonElement Data(string page)
    {
        using var document = JsonDocument.Parse(Json().Match(page).Groups[1].Value);
        return document.RootElement.Clone();
    }

    [GeneratedRegex("<script type=\"application/json\" id=\"trace\">(.*)</script>")]
    private static partial Regex Json();
}
