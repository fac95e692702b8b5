using Pmem.CrashTesting;
using Pmem.Objects.Tests.Crash;
using Pmem.Objects.Types;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Objects.Tests.Types;

/// <summary>Links that lead nowhere and objects that nothing leads to: found, told, and mended when that is wanted, wherever the repair is killed.</summary>
public class LinkTests
{
    /// <summary>Each fault: what is planted, and what the problem says; and whether clearing a link mends it.</summary>
    private static readonly (string Name, Action<LinkedPool> Plant, string Found, bool Clears)[] s_links =
    [
        ("outside the heap", pool => pool.Word(pool.Objects(LinkedPool.Node)[5] + 8, 1UL << 40), "outside the heap", true),
        ("beyond any offset", pool => pool.Word(pool.Root + 32, ulong.MaxValue), "outside the heap", true),
        ("heap metadata", pool => pool.Word(pool.Root + 24, 0x302440), "heap metadata", true),
        ("free space", pool => Free(pool, pool.Objects(LinkedPool.Payload)[3]), "free space", true),
        ("free chunks", pool => pool.Word(pool.Root + 32, (ulong)LinkedPool.Size - 400_000), "free space", true),
        ("middle of an object", pool => Shift(pool, pool.Objects(LinkedPool.Node)[7] + 24, 16), "16 bytes into the object", true),
        ("middle of a large object", pool => pool.Id(pool.Root + 40, pool.Uuid, (ulong)pool.Objects(LinkedPool.Large)[0] + 262144), "262144 bytes into the object", true),
        ("header of an object", pool => Shift(pool, pool.Root + 8, -8), "no object", true),
        ("another pool", pool => pool.Word(pool.Objects(LinkedPool.Node)[4], 0x1234), "pool 0x0000000000001234", true),
        ("offset in an array", pool => pool.Word(pool.Objects(LinkedPool.Table)[0] + 16, 77), "outside the heap", true),
        ("another type", pool => pool.Word(pool.Objects(LinkedPool.Node)[7] + 24, (ulong)pool.Objects(LinkedPool.Large)[0]), "an object of type 4", false),
        ("count beyond the object", pool => pool.Word(pool.Objects(LinkedPool.Table)[0], 1000), "1000", false),
        ("object too small", pool => pool.Word(pool.Root + 8, (ulong)pool.Objects(LinkedPool.Payload)[0]), "an object of type 2", false),
    ];

    public static TheoryData<string> Links => [.. s_links.Select(fault => fault.Name)];

    [Fact]
    public void A_sound_pool_has_no_problem()
    {
        using var pool = new LinkedPool();
        string before = pool.Content;
        Assert.Empty(ObjectStore.Check(pool.Map, LinkedPool.Types).Problems);
        PoolRepairResult result = ObjectStore.Repair(pool.Map, links: Everything);
        Assert.Empty(result.Mends);
        Assert.Equal(before, pool.Content);
    }

    [Theory]
    [MemberData(nameof(Links))]
    public void A_wrong_link_is_found_at_its_place(string name)
    {
        (_, Action<LinkedPool> plant, string found, _) = s_links.Single(fault => fault.Name == name);
        using var pool = new LinkedPool();
        plant(pool);
        IReadOnlyList<PoolProblem> problems = ObjectStore.Check(pool.Map, LinkedPool.Types).Problems;
        Assert.Contains(problems, problem => problem.Found.Contains(found, StringComparison.Ordinal));
        Assert.Empty(ObjectStore.Check(pool.Map).Problems); // no structure is wrong: only the description tells
    }

    [Theory]
    [MemberData(nameof(Links))]
    public void Without_permission_a_repair_only_tells(string name)
    {
        using var pool = new LinkedPool();
        s_links.Single(fault => fault.Name == name).Plant(pool);
        string before = pool.Content;
        PoolRepairResult result = ObjectStore.Repair(pool.Map, links: new LinkRepair(LinkedPool.Types));
        Assert.NotEmpty(result.Mends);
        Assert.All(result.Mends, mend => Assert.False(string.IsNullOrWhiteSpace(mend.Obstacle)));
        Assert.False(result.IsConsistent);
        Assert.Equal(before, pool.Content);
    }

    [Theory]
    [MemberData(nameof(Links))]
    public void A_repair_that_may_clears_links_frees_what_is_left_and_can_be_killed_anywhere(string name)
    {
        (_, Action<LinkedPool> plant, _, bool clears) = s_links.Single(fault => fault.Name == name);
        using var pool = new LinkedPool();
        plant(pool);
        _ = pool.Content; // opened, so that the trace has nothing but the repair
        using var recorder = new TraceRecorder(pool.Map);
        PoolRepairResult result = ObjectStore.Repair(pool.Map, links: Everything);
        Trace trace = recorder.Stop();
        Assert.Equal(-1, recorder.FindUntracedStore());
        Assert.Equal(clears, result.IsConsistent);
        if (!clears)
        {
            Assert.All(result.Mends, mend => Assert.False(mend.IsMended)); // and above all: nothing was freed
            return;
        }

        Assert.All(result.Mends, mend => Assert.True(mend.IsMended));
        string expected = pool.Content;
        ExplorationResult explored = CrashExplorer.Explore(
            trace,
            state =>
            {
                PoolRepairResult again = ObjectStore.Repair(state.Map, links: Everything);
                Assert.True(again.IsConsistent, string.Join('\n', again.Mends));
                Assert.Equal(expected, CrashHarness.Describe(ObjectStore.Open(state.Map)));
            },
            new ExplorationOptions { ImagesPerPoint = 4, ProcessKills = false },
            TestContext.Current.CancellationToken);
        explored.ThrowIfFailed();
        Assert.True(explored.Images > 1, $"{explored.Images} images");
    }

    [Fact]
    public void Objects_that_nothing_leads_to_are_found_and_freed_with_one_permission()
    {
        using var pool = new LinkedPool();
        string before = pool.Content;
        ObjectStore store = ObjectStore.Open(pool.Map);
        ObjectId lost = store.Allocate(200, LinkedPool.Payload);
        ObjectId one = store.Allocate(48, LinkedPool.Node, AllocationOptions.Zero);
        ObjectId two = store.Allocate(48, LinkedPool.Node, AllocationOptions.Zero);
        pool.Id((long)one.Offset, two.PoolUuidLow, two.Offset); // a circle is no reason to live
        pool.Id((long)two.Offset, one.PoolUuidLow, one.Offset);
        ObjectId large = store.Allocate(2_700_000, LinkedPool.Large);
        ulong[] expected = [.. new[] { lost.Offset, one.Offset, two.Offset, large.Offset }.Order()];

        PoolProblem[] problems = [.. ObjectStore.Check(pool.Map, LinkedPool.Types).Problems];
        Assert.All(problems, problem => Assert.Equal("unreachable object", problem.What));
        Assert.Equal(expected, problems.Select(problem => (ulong)problem.Offset).Order());
        PoolRepairResult told = ObjectStore.Repair(pool.Map, links: new LinkRepair(LinkedPool.Types) { ClearDangling = true });
        Assert.All(told.Mends, mend => Assert.False(mend.IsMended));
        Assert.Equal(4, told.Mends.Count);
        PoolRepairResult freed = ObjectStore.Repair(pool.Map, links: new LinkRepair(LinkedPool.Types) { FreeUnreachable = true });
        Assert.True(freed.IsConsistent);
        Assert.Equal(4, freed.Mends.Count(mend => mend.IsMended));
        Assert.Equal(before, pool.Content);
    }

    [Fact]
    public void Nothing_is_freed_while_a_link_dangles_that_may_have_led_there()
    {
        using var pool = new LinkedPool();
        pool.Word(pool.Root + 8, 1UL << 40); // all of the list hung on it
        string before = pool.Content;
        PoolRepairResult kept = ObjectStore.Repair(pool.Map, links: new LinkRepair(LinkedPool.Types) { FreeUnreachable = true });
        Assert.All(kept.Mends, mend => Assert.False(mend.IsMended));
        Assert.Contains(kept.Mends, mend => mend.Obstacle!.Contains("led to it", StringComparison.Ordinal));
        Assert.Equal(before, pool.Content);
    }

    [Fact]
    public void What_nobody_described_keeps_whatever_its_words_may_mean()
    {
        using var pool = new LinkedPool();
        var nothing = new ObjectTypes();
        Assert.Empty(ObjectStore.Check(pool.Map, nothing).Problems);
        ObjectId lost = ObjectStore.Open(pool.Map).Allocate(100, 55, AllocationOptions.Zero);
        Assert.Equal((long)lost.Offset, Assert.Single(ObjectStore.Check(pool.Map, nothing).Problems).Offset);
    }

    [Fact]
    public void Types_that_the_program_finds_by_walking_need_no_link()
    {
        using var pool = new LinkedPool();
        ObjectStore store = ObjectStore.Open(pool.Map);
        ObjectId found = store.Allocate(48, LinkedPool.Node, AllocationOptions.Zero);
        ObjectId behind = store.Allocate(200, LinkedPool.Payload, AllocationOptions.Zero);
        pool.Id((long)found.Offset + 16, behind.PoolUuidLow, behind.Offset);
        Assert.Equal(2, ObjectStore.Check(pool.Map, LinkedPool.Types).Problems.Count);
        var walking = new Dictionary<ulong, ObjectType>(LinkedPool.Types.Types);
        walking[LinkedPool.Node] = walking[LinkedPool.Node] with { FoundByWalking = true };
        Assert.Empty(ObjectStore.Check(pool.Map, LinkedPool.Types with { Types = walking }).Problems);
    }

    [Fact]
    public void Links_to_other_pools_and_arrays_that_fill_their_object_can_be_described()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(LinkedPool.Size);
        ObjectStore store = ObjectStore.Create(map, "free");
        ObjectId root = store.GetRoot(16 * 16);
        ObjectId mine = store.Allocate(64, 1);
        map.StoreUInt64((long)root.Offset, 0x9999);
        map.StoreUInt64((long)root.Offset + 8, 4096);
        map.StoreUInt64((long)root.Offset + 240, store.PoolUuidLow);
        map.StoreUInt64((long)root.Offset + 248, mine.Offset);
        map.Persist((long)root.Offset, 256);
        ObjectTypes types = Describe("""{ "root": { "links": [ { "offset": 0, "count": "rest", "otherPools": true } ] }, "types": { "1": {} } }""");
        Assert.Empty(ObjectStore.Check(map, types).Problems);
        Assert.Equal(2, ObjectStore.Check(map, Describe("""{ "root": { "links": [ { "offset": 0, "count": 14 } ] }, "types": { "1": {} } }""")).Problems.Count);
        PoolProblem small = Assert.Single(ObjectStore.Check(map, Describe("""{ "root": { "links": [ { "offset": 16, "count": 16 } ] } }""")).Problems);
        Assert.Equal(("size of root", "256"), (small.What, small.Found));
    }

    [Fact]
    public void A_description_of_another_layout_is_refused()
    {
        using var pool = new LinkedPool();
        PmemException problem = Assert.Throws<PmemException>(() => ObjectStore.Check(pool.Map, LinkedPool.Types with { Layout = "bank" }));
        Assert.Contains("'linked'", problem.Message, StringComparison.Ordinal);
        Assert.Throws<PmemException>(() => ObjectStore.Repair(pool.Map, links: Everything with { Types = LinkedPool.Types with { Layout = "bank" } }));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Random_words_in_objects_are_told_or_mended_and_never_a_crash(int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < 60; i++)
        {
            using var pool = new LinkedPool();
            List<long> objects = [pool.Root, .. pool.Objects(LinkedPool.Node), .. pool.Objects(LinkedPool.Table)];
            for (int n = random.Next(1, 6); n > 0; n--)
            {
                long at = objects[random.Next(objects.Count)] + (random.Next(6) * 8);
                pool.Word(at, random.Next(2) == 0 ? (ulong)random.NextInt64() >> random.Next(64) : pool.Map.ReadUInt64(at) ^ (1UL << random.Next(26)));
            }

            PoolRepairResult result = ObjectStore.Repair(pool.Map, links: Everything);
            Assert.True(result.IsConsistent || result.Mends.Any(mend => !mend.IsMended), $"seed {seed}, pool {i}: {string.Join('\n', result.Remaining)}");
            Assert.Empty(ObjectStore.Check(pool.Map).Problems);
        }
    }

    private static LinkRepair Everything { get; } = new(LinkedPool.Types) { ClearDangling = true, FreeUnreachable = true };

    private static ObjectTypes Describe(string json) => ObjectTypes.Parse(System.Text.Encoding.UTF8.GetBytes(json));

    private static void Free(LinkedPool pool, long offset)
    {
        ObjectStore store = ObjectStore.Open(pool.Map);
        store.Free(new ObjectId(store.PoolUuidLow, (ulong)offset));
    }

    private static void Shift(LinkedPool pool, long at, int by)
    {
        if (pool.Map.ReadUInt64(at) == 0)
            Assert.Fail("the link is null");
        pool.Word(at, pool.Map.ReadUInt64(at) + (ulong)by);
    }
}
