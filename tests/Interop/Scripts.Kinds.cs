namespace Interop;

internal static partial class Scripts
{
    /// <summary>An object of each size, every third freed again.</summary>
    public static IEnumerable<string> EverySize()
    {
        for (int i = 0; i < Sizes.Length; i++)
            yield return $"{(i % 2 == 0 ? "alloc" : "zalloc")} {i} {Sizes[i]} {i % 7}";
        for (int i = 0; i < Sizes.Length; i += 3)
            yield return $"free {i}";
    }

    /// <summary>Transactions in transactions, committed, and aborted from within and from without.</summary>
    public static IEnumerable<string> Transactions() =>
    [
        "alloc 1 200 1", "alloc 2 3000 2", "alloc 3 300000 3", "alloc 4 64 4",
        "begin", "set 0 100 1", "begin", "set 50 100 2", "talloc 10 100 1", "commit", "tfree 1", "set 1000 3000 3", "commit",
        "begin", "set 0 200 9", "talloc 11 5000 1", "tfree 2", "abort",
        "begin", "set 0 100 7", "begin", "set 5000 64 8", "talloc 12 300000 1", "tfree 3", "abort", "end",
        "begin", "begin", "begin", "set 8000 8 5", "commit", "commit", "talloc 13 77 5", "tfree 13", "commit",
        "begin", "trealloc 4 70000 4", "set 0 8 11", "abort",
        "begin", "trealloc 4 70000 4", "set 0 8 12", "commit",
        "begin", "commit", "begin", "abort",
    ];

    /// <summary>Transactions that need more log than a lane has: snapshots beyond 2 KiB, and more allocations than the redo log has words.</summary>
    public static IEnumerable<string> Extensions()
    {
        yield return "begin";
        yield return "set 0 40000 1";
        yield return "commit";
        yield return "begin";
        yield return "set 0 120000 2";
        yield return "set 130000 100000 3";
        yield return "abort";
        yield return "begin";
        for (int i = 0; i < 150; i++)
            yield return $"talloc {i} {100 + (i * 13)} {i % 5}";
        yield return "commit";
        yield return "begin";
        for (int i = 0; i < 150; i += 2)
            yield return $"tfree {i}";
        yield return "set 60000 100000 4";
        yield return "commit";
        yield return "begin";
        for (int i = 200; i < 300; i++)
            yield return $"talloc {i} 500 1";
        yield return "abort";
    }

    /// <summary>Allocation classes of the program's own, with each kind of object header, and alignment.</summary>
    public static IEnumerable<string> CustomClasses()
    {
        // unit, alignment, units, header: 0 legacy, 1 compact, 2 none
        (string Class, int Size)[] classes =
        [
            ("class 136 0 1000 1", 100), ("class 1024 0 100 0", 900), ("class 200 0 500 2", 200), ("class 4096 4096 50 2", 4096),
            ("class 72 0 3000 2", 72), ("class 100096 0 4 1", 100000), ("class 512 256 64 2", 512),
        ];
        for (int i = 0; i < classes.Length; i++)
        {
            yield return classes[i].Class;
            for (int j = 0; j < 40; j++)
                yield return $"xalloc {(i * 40) + j} {classes[i].Size} {i}";
            for (int j = 0; j < 40; j += 3)
                yield return $"free {(i * 40) + j}";
        }
    }
}
