using System.Runtime.CompilerServices;

namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>How a bug shows.</summary>
[Flags]
internal enum Shows
{
    /// <summary>A lint rule names it.</summary>
    InLint = 1,

    /// <summary>Some image that a crash can leave fails the program's own check.</summary>
    InImages = 2,

    /// <summary>The same where caches survive a power failure: the bug is in the order or the logic, not in a flush.</summary>
    WithSafeCaches = 4,
}

/// <summary>A bug that persistent programs are known to have, as a program that has it and one that has not.</summary>
/// <param name="Name">Number in the list of known patterns, and what it is about.</param>
/// <param name="File">Source file of the programs.</param>
/// <param name="Shows">How the bug shows.</param>
/// <param name="Run">Tests the broken program, or the one that is not, on a persistence domain.</param>
internal sealed record BugPattern(string Name, string File, Shows Shows, Func<bool, StoreGranularity, CrashReport> Run)
{
    private const Shows Flushing = Shows.InImages;
    private const Shows Unflushed = Shows.InImages | Shows.InLint;
    private const Shows Logic = Shows.InImages | Shows.WithSafeCaches;

    public static IReadOnlyList<BugPattern> All { get; } =
    [
        new("01 token before payload", nameof(TokenBeforePayload), Flushing, TokenBeforePayload.Run),
        new("02 two words without a log", nameof(TwoWordsWithoutLog), Logic, TwoWordsWithoutLog.Run),
        new("03 flush at the wrong end of a shift", nameof(WrongEndOfShift), Flushing, WrongEndOfShift.Run),
        new("04 delete meets a transient duplicate", nameof(DuplicateAfterShift), Logic, DuplicateAfterShift.Run),
        new("05 capacity before its table", nameof(CapacityBeforeTable), Logic, CapacityBeforeTable.Run),
        new("06 pointer flushed, not pointee", nameof(PointerFlushed), Unflushed, PointerFlushed.Run),
        new("07 tail bucket not flushed", nameof(TailBucketNotFlushed), Unflushed, TailBucketNotFlushed.Run),
        new("08 compare-and-swap publishes what is not durable", nameof(CasBeforePersist), Flushing, CasBeforePersist.Run),
        new("09 move with two tokens", nameof(MoveWithTwoTokens), Logic, MoveWithTwoTokens.Run),
        new("10 field not added", nameof(FieldNotAdded), Logic | Shows.InLint, FieldNotAdded.Run),
        new("10 field changed before it is added", nameof(FieldChangedBefore), Logic | Shows.InLint, FieldChangedBefore.Run),
        new("10 field added twice", nameof(FieldAddedTwice), Shows.InLint, FieldAddedTwice.Run),
        new("11 tail of a copy not flushed", nameof(UnflushedTail), Unflushed, UnflushedTail.Run),
        new("12 primary and replica in one epoch", nameof(ReplicaWithoutFence), Flushing, ReplicaWithoutFence.Run),
        new("13 recovery frees again", nameof(RecoveryFreesAgain), Logic, RecoveryFreesAgain.Run),
        new("13 recovery before its index is rebuilt", nameof(RecoveryBeforeRebuild), Logic, RecoveryBeforeRebuild.Run),
        new("14 lock persisted as locked", nameof(PersistentLock), Logic, PersistentLock.Run),
        new("15 decision on a value that is not durable", nameof(DecisionOnVolatileValue), Flushing, DecisionOnVolatileValue.Run),
        new("16 pair assumed atomic", nameof(PairAssumedAtomic), Logic | Shows.InLint, PairAssumedAtomic.Run),
        new("17 checksum without the length", nameof(ChecksumWithoutLength), Flushing, ChecksumWithoutLength.Run),
        new("18 allocate, then link", nameof(AllocateThenLink), Logic, AllocateThenLink.Run),
        new("18 link before init", nameof(LinkBeforeInit), Logic, LinkBeforeInit.Run),
        new("19 fence on another thread", nameof(FenceOnOtherThread), Unflushed, FenceOnOtherThread.Run),
        new("20 no flush at all", nameof(NoFlushAtAll), Unflushed, NoFlushAtAll.Run),
        new("20 every flush, wrong order", nameof(WrongOrder), Logic, WrongOrder.Run),
    ];

    /// <summary>
    /// What the report must name, as comments in the source say it: <c>lost</c>, <c>there</c>, <c>torn</c>, <c>done</c> and <c>not done</c> for
    /// the stores of the story, <c>thrown</c> for the line of the check, <c>PMC001</c> for a finding.
    /// </summary>
    public IReadOnlyList<(string Role, string Place)> Expected()
    {
        string[] lines = System.IO.File.ReadAllLines(Path.Combine(Folder(), $"{File}.cs"));
        var expected = new List<(string, string)>();
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].Split("// <- ") is [_, var roles])
                expected.AddRange(roles.Split(", ").Select(role => (role, $"{File}.cs:{i + 1}")));
        }

        return expected;
    }

    private static string Folder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
