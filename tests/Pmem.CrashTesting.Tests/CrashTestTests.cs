using Pmem.CrashTesting.Linting;

namespace Pmem.CrashTesting.Tests;

/// <summary>The face: workloads, recoveries, checks, and what a failure says.</summary>
public sealed class CrashTestTests
{
    [Fact]
    public void A_missing_fence_is_told_with_both_places()
    {
        CrashTestException failure = Assert.Throws<CrashTestException>(() => CrashTest.Run(
            map =>
            {
                map.StoreUInt64(0, 42);
                map.Flush(0, 8);
                map.StoreUInt64(1024, 1);
                map.Persist(1024, 8);
            },
            map =>
            {
                if (map.ReadUInt64(1024) == 1 && map.ReadUInt64(0) != 42)
                    throw new InvalidDataException("valid, but empty");
            }));
        TestContext.Current.TestOutputHelper!.WriteLine(failure.Message);
        Assert.Contains("CrashTestTests.cs:", failure.Message, StringComparison.Ordinal);
        Assert.Contains("had to be ordered", failure.Message, StringComparison.Ordinal);
        Assert.IsType<InvalidDataException>(failure.InnerException);
    }
}
