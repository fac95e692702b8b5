using Pmem.Objects;

namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>10. A field is changed, and then added: what comes back is the changed value. As in PMTest's hash map.</summary>
internal static class FieldChangedBefore
{
    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => Pair.Run(nameof(FieldChangedBefore), granularity, store =>
    {
        ref Pair pair = ref store.Root<Pair>();
        using Transaction tx = store.BeginTransaction();
        if (isBroken)
            pair.First = 1;
        tx.Snapshot(ref pair.First); // <- PMC010, done
        pair.First = 1;
        tx.Snapshot(ref pair.Second);
        pair.Second = 1;
        tx.Commit();
    });
}
