using Pmem.Pools;

namespace Pmem.Tool.Persona.Info;

/// <summary><c>pmempool info</c>: what it shows of which file, in its order.</summary>
internal static class PmempoolInfo
{
    public static int Run(Terminal terminal, string[] arguments)
    {
        if (InfoOptions.Parse(terminal, arguments, out int code) is not { } options)
            return code;
        PoolFileHeader? file = null;
        PoolTypes type = options.Forced ?? PoolTypes.Unknown;
        if (options.Forced is null)
        {
            file = PoolFileHeader.Read(terminal, options.File, out string failure);
            if (file is null)
            {
                terminal.Error.Write($"{failure}\n");
                return 1;
            }

            type = file.Type;
            if (type == PoolTypes.Unknown)
                return terminal.Fail($"{options.File}: unknown pool type -- '{file.Signature}'");
            if (!file.IsChecksumRight)
                return terminal.Fail($"{options.File}: invalid checksum");
        }

        if (options.FindProblem(type) is { } problem)
            return terminal.Fail(problem);
        if (!File.Exists(options.File))
        {
            terminal.Error.Write($"{Pmempool.Name}: {options.File}: No such file or directory\n{options.File}: No such file or directory\n");
            return 1;
        }

        using PoolView pool = PoolView.Open(options.File);
        if (options.Replica != 0)
        {
            if (pool.Maps.Count == 1)
                return terminal.Fail("only master replica available");
            if ((ulong)options.Replica >= (ulong)pool.Maps.Count)
                return terminal.Fail($"replica number out of range (valid range is: 0-{pool.Maps.Count - 1})");
        }

        var output = new LeveledOutput(terminal.Out) { Level = options.Has('v') ? 2 : 1 };
        return new Shown(terminal, output, options, pool, file, pool.Maps[(int)options.Replica]).Run(type);
    }

    private sealed record Shown(Terminal Terminal, LeveledOutput Output, InfoOptions Options, PoolView Pool, PoolFileHeader? File, PersistentMap Map)
    {
        public int Run(PoolTypes type)
        {
            if (type != PoolTypes.Btt)
            {
                InfoFiles.Write(Output, Options, Pool, File is { IsSet: true });
                InfoHeader.Write(Output, Options, Map, File is { IsPart: true });
            }

            if (File is { IsPart: true })
                return 0;
            try
            {
                return type switch
                {
                    PoolTypes.Log => InfoLog.Write(Terminal, Output, Options, Map),
                    PoolTypes.Block => InfoTable.WritePool(Terminal, Output, Options, Map),
                    PoolTypes.Btt => InfoTable.WriteBare(Terminal, Output, Options, Map),
                    _ => new InfoObjects(Output, Options, Map).Write(),
                };
            }
            catch (PmemFormatException wrong)
            {
                // pmempool says so when it follows a damaged offset; where it would hang or abort, so do we.
                return Terminal.Fail($"Invalid offset 0x{wrong.Offset:x}");
            }
        }
    }
}
