using Pmem.Objects;

namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>10. A field is added twice: harmless for its content, and a sign that nobody knows who is responsible. As in PMTest's trees.</summary>
internal static class FieldAddedTwice
{
    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => Pair.Run(nameof(FieldAddedTwice), granularity, store =>
    {
        ref Pair pair = ref store.Root<Pair>();
        using Transaction tx = store.BeginTransaction();
        tx.Snapshot(ref pair);
        pair.First = 1;
        if (isBroken)
            tx.Snapshot(ref pair.Second); // <- PMC011
        pair.Second = 1;
        tx.Commit();
    });
}
