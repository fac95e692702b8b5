using System.Runtime.CompilerServices;
using Pmem;
using Pmem.CrashTesting;
using Pmem.CrashTesting.Concurrency;
using Pmem.CrashTesting.Linting;
using Pmem.CrashTesting.Mutations;
using Xunit;

namespace CrashTested;

/// <summary>What any crash may do to a queue. Run with <c>QUEUE_BUG=1</c> to see a test fail.</summary>
public sealed class MessageQueueTests
{
    private const int Size = 128 + (4 * 64); // four slots: the fifth message goes round the ring

    private static readonly bool s_hasBug = Environment.GetEnvironmentVariable("QUEUE_BUG") == "1";

    /// <summary>
    /// After each crash, the queue holds what was acknowledged, with the unfinished operation applied or not; opening it twice is no
    /// different from opening it once; and it can be used.
    /// </summary>
    [Fact]
    public void Messages_survive_any_crash()
    {
        CrashReport report = Messages().Run(cancellation: TestContext.Current.CancellationToken);
        TestContext.Current.TestOutputHelper?.WriteLine(report.Summary);
    }

    /// <summary>The test of the test above: without any one of its flushes and fences, the queue fails it.</summary>
    [Fact]
    public void Each_flush_and_each_fence_is_needed()
    {
        MutationReport report = new MutationTest().Add(Messages()).Run(cancellation: TestContext.Current.CancellationToken);
        TestContext.Current.TestOutputHelper?.WriteLine(report.ToString());
        Assert.Empty(report.Survivors);
    }

    /// <summary>The same where a slot holds an old message.</summary>
    [Fact]
    public void Old_messages_never_come_back() => Queue()
        .Prepare(queue =>
        {
            for (int i = 0; i < 6; i++)
            {
                queue.Enqueue($"old {i}");
                queue.TryDequeue(out _);
            }
        })
        .Step("enqueue", queue => queue.Enqueue("new"))
        .Step("dequeue", queue => queue.TryDequeue(out _))
        .Check(queue => Assert.All(queue.Messages(), message => Assert.Equal("new", message)))
        .Run(cancellation: TestContext.Current.CancellationToken);

    /// <summary>
    /// Two producers. What they interleave to is different in every round; after each crash, the messages must be those of some order of the
    /// calls that had returned and any of those that had not.
    /// </summary>
    [Fact]
    public void Producers_on_two_threads_lose_nothing() => new ConcurrentCrashTest<MessageQueue, string, string, bool>(
        create: map => MessageQueue.Create(map, s_hasBug),
        open: map => MessageQueue.Open(map, s_hasBug),
        run: Enqueue,
        initial: "",
        model: (state, message) => ($"{state}|{message}", true),
        observe: queue => string.Concat(queue.Messages().Select(m => $"|{m}"))) { Size = Size }
        .Thread("a1", "a2")
        .Thread("b1", "b2")
        .Run(cancellation: TestContext.Current.CancellationToken);

    // The queue has no locks of its own.
    private static bool Enqueue(MessageQueue queue, string message)
    {
        lock (queue)
            queue.Enqueue(message);
        return true;
    }

    private static CrashTest<MessageQueue> Messages([CallerMemberName] string name = "") => Queue(name)
        .Step("enqueue a", queue => queue.Enqueue("a"))
        .Step("enqueue b", queue => queue.Enqueue("a message of more than one word"))
        .Step("dequeue", queue => queue.TryDequeue(out _))
        .Step("enqueue c", queue => queue.Enqueue("c"))
        .Observe(queue => $"{queue.Count}: {string.Join(", ", queue.Messages())}")
        .Then(queue =>
        {
            queue.Enqueue("after the crash");
            while (queue.TryDequeue(out string message))
                Assert.NotEmpty(message);
        })
        .FailOnLint(LintSeverity.Warning);

    private static CrashTest<MessageQueue> Queue([CallerMemberName] string name = "") => CrashTest
        .For(map => MessageQueue.Create(map, s_hasBug), map => MessageQueue.Open(map, s_hasBug), name)
        .OnMap(Size);
}
