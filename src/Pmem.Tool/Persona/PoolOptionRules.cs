namespace Pmem.Tool.Persona;

/// <summary>Kinds of file as bits, with pmempool's values.</summary>
[Flags]
internal enum PoolTypes
{
    None = 0,
    Log = 1,
    Block = 2,
    Object = 4,
    Btt = 8,
    Tables = Block | Btt,
    All = Log | Block | Object | Btt,
    Unknown = 0x80,
}

/// <summary>An option of pmempool: its names, the kinds of pool that it is for, and what it needs beside it.</summary>
/// <param name="Name">The long name.</param>
/// <param name="Letter">The letter.</param>
/// <param name="Types">Kinds of pool that it is for.</param>
/// <param name="Needs">For kinds of pool: one of these letters must be given too.</param>
internal sealed record PoolOption(string Name, char Letter, PoolTypes Types, params (PoolTypes Types, string AnyOf)[] Needs);

/// <summary>Which options go with which kind of pool, and with each other.</summary>
internal static class PoolOptionRules
{
    public static string TypeName(PoolTypes type) => type switch
    {
        PoolTypes.Log => "log",
        PoolTypes.Block => "blk",
        PoolTypes.Object => "obj",
        PoolTypes.Btt => "btt",
        _ => "unknown",
    };

    /// <summary>The first rule that the options break, in pmempool's words; null when there is none.</summary>
    public static string? FindProblem(IReadOnlyList<PoolOption> table, IReadOnlySet<char> given, PoolTypes type)
    {
        foreach (PoolOption option in table.Where(option => given.Contains(option.Letter)))
        {
            if ((option.Types & type) == 0)
                return $"'--{option.Name}|-{option.Letter}' -- invalid option specified for pool type '{TypeName(type)}'";
            (PoolTypes Types, string AnyOf)[] needs = [.. option.Needs.Where(need => (need.Types & type) != 0)];
            if (needs.All(need => need.AnyOf.Any(given.Contains)))
                continue;
            IEnumerable<string> texts = needs.Select(need => $"[{string.Join('|', need.AnyOf.Select(letter => Names(table, letter)))}]");
            return $"option [{Names(table, option.Letter)}] requires: {string.Join(" and ", texts)}";
        }

        return null;
    }

    private static string Names(IReadOnlyList<PoolOption> table, char letter) => $"-{letter}|--{table.First(option => option.Letter == letter).Name}";
}
