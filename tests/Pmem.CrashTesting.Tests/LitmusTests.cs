using static Pmem.CrashTesting.Tests.TraceBuilder;

namespace Pmem.CrashTesting.Tests;

/// <summary>Small programs, and exactly the images that x86 hardware can leave of them: no more, no less.</summary>
public sealed class LitmusTests
{
    [Fact]
    public void Stores_to_two_lines_have_no_order() => Assert.Equal("00 01 10 11", new TraceBuilder().Store(X, 1).Store(Y, 1).Reachable(X, Y));

    [Fact]
    public void Stores_to_one_line_persist_in_order() => Assert.Equal("00 10 11", new TraceBuilder().Store(A, 1).Store(B, 1).Reachable(A, B));

    [Fact]
    public void A_deep_flush_orders_at_once() => Assert.Equal("00 10 11", new TraceBuilder().Store(X, 1).DeepFlush(X).Store(Y, 1).Reachable(X, Y));

    [Fact]
    public void A_flush_without_a_fence_orders_nothing() => Assert.Equal("00 01 10 11", new TraceBuilder().Store(X, 1).Flush(X).Store(Y, 1).Reachable(X, Y));

    [Fact]
    public void A_flush_and_a_fence_order() => Assert.Equal("00 10 11", new TraceBuilder().Store(X, 1).Flush(X).Fence().Store(Y, 1).Reachable(X, Y));

    [Fact]
    public void A_fence_before_the_flush_orders_nothing() => Assert.Equal("00 01 10 11", new TraceBuilder().Store(X, 1).Fence().Flush(X).Store(Y, 1).Reachable(X, Y));

    [Fact]
    public void A_locked_instruction_is_a_fence() =>
        Assert.Equal("000 100 101 110 111", new TraceBuilder().Store(X, 1).Flush(X).Exchange(Z, 1).Store(Y, 1).Reachable(X, Y, Z));

    [Fact]
    public void A_flush_before_the_store_does_not_cover_it() => Assert.Equal("00 01 10 11", new TraceBuilder().Flush(X).Store(X, 1).Fence().Store(Y, 1).Reachable(X, Y));

    [Fact]
    public void Two_stores_to_a_word_leave_any_prefix() => Assert.Equal("00 10 20 21", new TraceBuilder().Store(X, 1).Store(X, 2).Flush(X).Fence().Store(Y, 1).Reachable(X, Y));

    [Fact]
    public void A_store_of_sixteen_bytes_tears_both_ways() => Assert.Equal("00 01 10 11", new TraceBuilder().StoreWide(A, 16, 1).Reachable(A, B));

    [Fact]
    public void A_torn_store_is_whole_when_a_later_one_of_its_line_is_there() =>
        Assert.Equal("000 010 100 110 111", new TraceBuilder().StoreWide(A, 16, 1).Store(A + 32, 1).Reachable(A, B, A + 32));

    [Fact]
    public void A_non_temporal_store_and_a_fence_order() => Assert.Equal("00 10 11", new TraceBuilder().NonTemporal(X, 1).Fence().Store(Y, 1).Reachable(X, Y));

    [Fact]
    public void A_non_temporal_store_alone_orders_nothing() => Assert.Equal("00 01 10 11", new TraceBuilder().NonTemporal(X, 1).Store(Y, 1).Reachable(X, Y));

    [Fact]
    public void A_flush_covers_what_another_thread_stored() => Assert.Equal("00 10 11", new TraceBuilder().Store(X, 1, thread: 1).Flush(X, 2).Fence(2).Store(Y, 1, 2).Reachable(X, Y));

    [Fact]
    public void Another_threads_fence_does_not_help() => Assert.Equal("00 01 10 11", new TraceBuilder().Store(X, 1, 1).Flush(X, 1).Fence(2).Store(Y, 1, 2).Reachable(X, Y));

    [Fact]
    public void With_safe_caches_the_order_is_that_of_the_program() =>
        Assert.Equal("00 10 11", new TraceBuilder(StoreGranularity.Byte).Store(X, 1).Store(Y, 1).Reachable(X, Y));

    [Fact]
    public void With_safe_caches_only_the_last_store_is_torn() =>
        Assert.Equal("000 001 010 011 111", new TraceBuilder(StoreGranularity.Byte).StoreWide(A, 16, 1).Store(X, 1).Reachable(X, A, B));

    [Fact]
    public void With_safe_caches_non_temporal_stores_still_need_a_fence() =>
        Assert.Equal("00 01 10 11", new TraceBuilder(StoreGranularity.Byte).NonTemporal(X, 1).Store(Y, 1).Reachable(X, Y));

    [Fact]
    public void A_store_across_lines_persists_on_either_side() => Assert.Equal("00 01 10 11", new TraceBuilder().StoreWide(Y - 4, 8, 1).Reachable(Y - 4, Y));

    [Fact]
    public void Page_flushes_are_durable_at_once() =>
        Assert.Equal("00 10 11", new TraceBuilder(StoreGranularity.Page).Store(X, 1).Flush(X).Store(Y, 1).Reachable(X, Y));

    [Fact]
    public void A_clflush_orders_at_once() => Assert.Equal("00 10 11", new TraceBuilder().Store(X, 1).Clflush(X).Store(Y, 1).Reachable(X, Y));

    [Fact]
    public void A_load_fence_orders_nothing() => Assert.Equal("00 01 10 11", new TraceBuilder().Store(X, 1).Flush(X).LoadFence().Store(Y, 1).Reachable(X, Y));

    [Fact]
    public void An_ordinary_store_after_a_non_temporal_one_is_not_undone_by_the_fence() =>
        Assert.Equal("0 1 2", new TraceBuilder().NonTemporal(X, 1).Store(X, 2).Fence().Reachable(X));

    [Fact]
    public void A_non_temporal_store_after_an_ordinary_one_wins() =>
        Assert.Equal("00 10 20 21", new TraceBuilder().Store(X, 1).NonTemporal(X, 2).Fence().Store(Y, 1).Reachable(X, Y));

    [Fact]
    public void Another_threads_fence_does_not_complete_a_non_temporal_store() =>
        Assert.Equal("00 01 10 11", new TraceBuilder().NonTemporal(X, 1, 1).Fence(2).Store(Y, 1, 2).Reachable(X, Y));

    [Fact]
    public void Without_adr_only_deep_flushes_count()
    {
        Assert.Equal("00 01 10 11", new TraceBuilder().Store(X, 1).Flush(X).Fence().Store(Y, 1).Reachable(adrFails: true, X, Y));
        Assert.Equal("00 10 11", new TraceBuilder().Store(X, 1).DeepFlush(X).Store(Y, 1).Reachable(adrFails: true, X, Y));
    }

    [Fact]
    public void Without_eadr_flushes_count_again()
    {
        Assert.Equal("00 01 10 11", new TraceBuilder(StoreGranularity.Byte).Store(X, 1).Store(Y, 1).Reachable(adrFails: true, X, Y));
        Assert.Equal("00 10 11", new TraceBuilder(StoreGranularity.Byte).Store(X, 1).Flush(X).Fence().Store(Y, 1).Reachable(adrFails: true, X, Y));
    }

    [Fact]
    public void A_killed_process_leaves_everything_it_stored()
    {
        Trace trace = new TraceBuilder().Store(X, 1).NonTemporal(Y, 1).Store(X, 2).Build();
        var found = new List<string>();
        CrashExplorer.Explore(trace, (image, crash) => found.Add($"{image[X]}{image[Y]}"), new ExplorationOptions { PowerLoss = false });
        Assert.Equal(["10", "11", "21"], found);
    }
}
