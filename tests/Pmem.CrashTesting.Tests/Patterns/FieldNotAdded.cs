using Pmem.Objects;

namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>10. A transaction changes a field that was not added to it. As in PMTest's trees.</summary>
internal static class FieldNotAdded
{
    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => Pair.Run(nameof(FieldNotAdded), granularity, store =>
    {
        ref Pair pair = ref store.Root<Pair>();
        using Transaction tx = store.BeginTransaction();
        tx.Snapshot(ref pair.First);
        if (!isBroken)
            tx.Snapshot(ref pair.Second);
        pair.First = 1;
        pair.Second = 1;
        tx.Commit(); // <- PMC010, done
    });
}
