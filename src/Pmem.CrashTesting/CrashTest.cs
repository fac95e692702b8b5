using System.Runtime.CompilerServices;

namespace Pmem.CrashTesting;

/// <summary>
/// Tests what crashes leave of a program's data: runs a workload once, then recovery and checks on every memory image that the death of the
/// process or a power failure can leave, at every moment of it.
/// </summary>
/// <example>
/// <code>
/// CrashTest.Run(
///     workload: map => { map.StoreUInt64(0, 42); map.Persist(0, 8); map.StoreUInt64(64, 1); map.Persist(64, 8); },
///     check: map => { if (map.ReadUInt64(64) == 1 &amp;&amp; map.ReadUInt64(0) != 42) throw new InvalidDataException("valid, but empty"); });
/// </code>
/// </example>
public static class CrashTest
{
    /// <summary>Environment variable with a replay line: the test with that trace tries only that image.</summary>
    public const string ReplayVariable = "PMEM_CRASH_REPLAY";

    /// <summary>Environment variable with the folder in which failures leave their trace, image and page.</summary>
    public const string OutputVariable = "PMEM_CRASH_OUTPUT";

    internal const long DefaultSize = 64 << 10;

    /// <summary>The simple case: a workload on zeroed memory, and a check that recovers and judges.</summary>
    /// <param name="workload">What is done to the memory. Runs once.</param>
    /// <param name="check">Recovers what a crash left, and throws when the result is not what it must be. Runs many times, on all processors at once.</param>
    /// <param name="size">Bytes of memory.</param>
    /// <param name="options">How far to explore; by default as <see cref="CrashTest{T}.DefaultOptions"/>.</param>
    /// <param name="name">The test's name in reports.</param>
    /// <param name="cancellation">Stops early.</param>
    /// <exception cref="CrashTestException">A crash can leave an image on which the check throws; the message says which, why, and how to see it again.</exception>
    public static CrashReport Run(
        Action<PersistentMap> workload,
        Action<PersistentMap> check,
        long size = DefaultSize,
        ExplorationOptions? options = null,
        [CallerMemberName] string name = "",
        CancellationToken cancellation = default) =>
        For(map => map, name).OnMap(size).Step("workload", workload).Check(check).Run(options, cancellation);

    /// <summary>A test of something that is opened the same way whether it is new or was left by a crash.</summary>
    /// <param name="open">Opens it on zeroed memory, or recovers what a crash left.</param>
    /// <param name="name">The test's name in reports.</param>
    public static CrashTest<T> For<T>(Func<PersistentMap, T> open, [CallerMemberName] string name = "") => new(open, open, name);

    /// <summary>A test of something that is created in one way and opened in another.</summary>
    /// <param name="create">Creates it on zeroed memory. Not part of the workload: the memory is durable when the workload begins.</param>
    /// <param name="open">Recovers what a crash left.</param>
    /// <param name="name">The test's name in reports.</param>
    public static CrashTest<T> For<T>(Func<PersistentMap, T> create, Func<PersistentMap, T> open, [CallerMemberName] string name = "") => new(create, open, name);
}

/// <summary>A crash test failed. The message tells the story: what was lost, what was there too early, where in the source, and how to see it again.</summary>
public sealed class CrashTestException : Exception
{
    /// <summary>Creates the exception.</summary>
    public CrashTestException()
    {
    }

    /// <summary>Creates the exception.</summary>
    public CrashTestException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    public CrashTestException(string message, Exception? inner)
        : base(message, inner)
    {
    }
}
