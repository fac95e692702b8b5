using Pmem.CrashTesting.Concurrency;

namespace Pmem.CrashTesting.Tests.Concurrency;

/// <summary>Histories that have an explanation, and histories that have none.</summary>
public sealed class LinearizabilityTests
{
    [Fact]
    public void What_ended_must_be_there_and_what_did_not_may_be()
    {
        Assert.True(Explains(3, Add(1, 0, 0, 1), Add(2, 1, 2, 3)));
        Assert.False(Explains(1, Add(1, 0, 0, 1), Add(2, 1, 2, 3)));
        Assert.True(Explains(1, Add(1, 0, 0, 1), Add(2, 0, 2, null)));
        Assert.True(Explains(3, Add(1, 0, 0, 1), Add(2, 0, 2, null)));
        Assert.False(Explains(2, Add(1, 0, 0, 1), Add(2, 0, 2, null)));
    }

    [Fact]
    public void Answers_decide_the_order_of_operations_that_overlap()
    {
        // Both overlap; the second answered that it saw nothing, so it came first.
        Assert.True(Explains(3, Add(1, 2, 0, 5), Add(2, 0, 1, 4)));
        Assert.False(Explains(3, Add(1, 0, 0, 5), Add(2, 0, 1, 4)));
    }

    [Fact]
    public void An_operation_cannot_come_before_one_that_had_ended()
    {
        Assert.False(Explains(3, Add(1, 2, 0, 1), Add(2, 0, 2, 3)));
        Assert.True(Explains(3, Add(1, 2, 0, 3), Add(2, 0, 2, 4)));
    }

    [Fact]
    public void Against_every_order_tried_one_by_one()
    {
        for (int seed = 0; seed < 500; seed++)
        {
            var random = new Random(seed);
            var history = new List<HistoryOperation<int, int>>();
            int time = 0;
            for (int i = 0; i < 4; i++)
            {
                int begin = time++ - random.Next(3);
                history.Add(new HistoryOperation<int, int>(1 << i, random.Next(16), begin, random.Next(3) == 0 ? null : begin + 1 + random.Next(4)));
            }

            for (int recovered = 0; recovered < 16; recovered++)
                Assert.Equal(TryAll(history, [], recovered), DurableLinearizability.IsExplained(0, history, Model, recovered));
        }
    }

    [Fact]
    public void A_counter_that_persists_before_it_answers_is_explained() => Counter(durable: true).Run();

    [Fact]
    public void A_counter_that_answers_before_others_increments_are_durable_is_not()
    {
        CrashReport report = Counter(durable: false).Explore();
        Assert.True(report.IsFailed);
        Assert.Contains("of no order", report.Cause!.Message, StringComparison.Ordinal);
    }

    // Two threads add to one word; the answer is what was there before.
    private static ConcurrentCrashTest<PersistentMap, long, int, long> Counter(bool durable) => new ConcurrentCrashTest<PersistentMap, long, int, long>(
        map => map,
        map => map,
        (map, add) =>
        {
            while (true)
            {
                ulong before = map.ReadUInt64(0);
                if (map.CompareExchangeUInt64(0, before + (ulong)add, before) != before)
                    continue;
                if (durable)
                    map.Persist(0, 8);
                return (long)before;
            }
        },
        0,
        (state, add) => (state + add, state),
        map => (long)map.ReadUInt64(0)) { Rounds = 4 }.Thread(1, 2, 4).Thread(8, 16, 32);

    private static HistoryOperation<int, int> Add(int value, int sawBefore, int begin, int? end) => new(value, sawBefore, begin, end);

    private static bool Explains(int recovered, params HistoryOperation<int, int>[] history) => DurableLinearizability.IsExplained(0, history, Model, recovered);

    private static (int State, int Result) Model(int state, int add) => (state + add, state);

    private static bool TryAll(List<HistoryOperation<int, int>> history, List<int> order, int recovered)
    {
        int state = 0;
        bool answersRight = true;
        foreach (int index in order)
        {
            answersRight &= history[index].End is null || history[index].Result == state;
            state += history[index].Operation;
        }

        bool complete = Enumerable.Range(0, history.Count).All(i => history[i].End is null || order.Contains(i));
        bool inOrder = true;
        for (int i = 0; i < order.Count; i++)
        {
            for (int j = i + 1; j < order.Count; j++)
                inOrder &= !(history[order[j]].End < history[order[i]].Begin);
        }

        if (answersRight && complete && inOrder && state == recovered)
            return true;
        return Enumerable.Range(0, history.Count).Any(i => !order.Contains(i) && TryAll(history, [.. order, i], recovered));
    }
}
