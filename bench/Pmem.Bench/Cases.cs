namespace Pmem.Bench;

/// <summary>What is measured, and the ratio to C that it should reach.</summary>
/// <param name="Name">The name that both sides know.</param>
/// <param name="Parameter">Bytes, snapshots, threads.</param>
/// <param name="Count">Operations of one repetition.</param>
/// <param name="Target">Most that ours may take, as a part of C's time.</param>
/// <param name="Unit">What the parameter is.</param>
internal sealed record Case(string Name, long Parameter, int Count, double? Target, string Unit)
{
    public static IReadOnlyList<Case> All { get; } = Create();

    public string Label => Unit switch
    {
        "B" => Parameter >= 1 << 20 ? $"{Parameter >> 20} MiB" : Parameter >= 1024 ? $"{Parameter >> 10} KiB" : $"{Parameter} B",
        "" => "-",
        _ => $"{Parameter} {Unit}",
    };

    /// <summary>Whether one thread does all the work.</summary>
    public bool IsSingleThreaded => !Name.EndsWith("-2t", StringComparison.Ordinal) && !(Name.StartsWith("threads-", StringComparison.Ordinal) && Parameter > 1);

    private static List<Case> Create()
    {
        var cases = new List<Case>();
        foreach (long size in (long[])[64, 256, 4096])
            cases.Add(new Case("persist", size, 100_000, 1.05, "B"));
        cases.Add(new Case("persist-bare", 64, 100_000, null, "B"));
        foreach (long size in (long[])[64, 256, 1024, 4096, 65536, 1 << 20, 16 << 20])
            cases.Add(new Case("copy", size, (int)Math.Clamp((128L << 20) / size, 8, 100_000), 1.05, "B"));
        foreach (string name in (string[])["alloc", "free", "alloc-to-pool", "reserve-publish"])
        {
            foreach (long size in (long[])[64, 1024, 65536])
                cases.Add(new Case(name, size, size > 4096 ? 1000 : 20_000, 0.9, "B"));
        }

        foreach (string name in (string[])["tx-snapshots", "tx-snapshots-random", "tx-snapshots-batched"])
        {
            cases.Add(new Case(name, 1, 20_000, 0.8, "x 64 B"));
            cases.Add(new Case(name, 4, 10_000, 0.6, "x 64 B"));
            cases.Add(new Case(name, 16, 4_000, 0.5, "x 64 B"));
            cases.Add(new Case(name, 64, 1_000, 0.5, "x 64 B"));
        }

        foreach (long size in (long[])[256, 4096, 65536, 262144])
            cases.Add(new Case("tx-range", size, size > 4096 ? 500 : 5000, null, "B"));
        cases.Add(new Case("tx-alloc", 1, 20_000, 0.9, "per tx"));
        cases.Add(new Case("tx-alloc", 10, 20_000, 0.9, "per tx"));
        cases.Add(new Case("tx-free", 64, 20_000, 0.9, "B"));
        cases.Add(new Case("tx-abort", 4, 10_000, null, "x 64 B"));
        cases.Add(new Case("open-empty", 0, 5, 1.0, string.Empty));
        cases.Add(new Case("open-full", 0, 5, 1.0, string.Empty));
        foreach (long threads in (long[])[1, 2])
        {
            cases.Add(new Case("threads-alloc-free", threads, 10_000, 0.9, "threads"));
            cases.Add(new Case("threads-tx", threads, 20_000, 0.8, "threads"));
        }

        LogSide.AddCases(cases);
        BlockSide.AddCases(cases);
        return cases;
    }
}
