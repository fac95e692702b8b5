using Pmem.Pools;

namespace Pmem.Tool.Persona.Checking;

/// <summary>The backup before a repair.</summary>
internal sealed class BackupStep(Conversation talk, CheckedPool pool)
{
    public IEnumerable<Pause> Run()
    {
        if (talk.Request.Backup is not { } backup)
            yield break;
        (string From, string To)[]? files = pool.IsSet ? PartsOf(backup) : [(pool.Replicas[0][0].Path, backup)];
        if (files is null)
        {
            talk.Fail(CheckState.Error, "unable to backup poolset");
            yield break;
        }

        bool overwrites = false;
        foreach ((string from, string to) in files.Where(file => File.Exists(file.To)))
        {
            overwrites = true;
            if (LinkedFile.LengthOf(to) == LinkedFile.LengthOf(from))
                continue;
            if (pool.IsSet)
                talk.Say($"destination of the backup part does not match size of the source part file: {to}");
            talk.Fail(CheckState.Error, pool.IsSet ? "unable to backup poolset" : $"destination of the backup does not match the size of the source pool file: {to}");
            yield break;
        }

        if (overwrites)
        {
            talk.Ask(
                pool.IsSet
                    ? "part files of the destination poolset of the backup already exist.|Do you want to overwrite them?"
                    : "destination of the backup already exists.|Do you want to overwrite it?",
                () => Copy(files, says: false));
            if (talk.State == CheckState.AskQuestions)
                yield return default;
            if (talk.Carry())
                talk.State = CheckState.Consistent;
            yield break;
        }

        _ = Copy(files, says: true);
    }

    private (string From, string To)[]? PartsOf(string backup)
    {
        if (pool.Replicas.Count > 1)
        {
            talk.Say("backup of a poolset with multiple replicas is not supported");
            return null;
        }

        PoolSetFile set;
        try
        {
            set = PoolSetFile.Read(backup);
        }
        catch (Exception e) when (e is PmemException or IOException)
        {
            talk.Say($"invalid poolset backup file: {backup}: {(e is FileNotFoundException ? "No such file or directory" : "Invalid argument")}");
            return null;
        }

        if (set.Replicas.Count > 1)
        {
            talk.Say("backup to a poolset with multiple replicas is not supported");
            return null;
        }

        IReadOnlyList<PoolPart> sources = pool.Replicas[0];
        IReadOnlyList<PoolSetPart> targets = set.Replicas[0].Parts;
        if (sources.Count != targets.Count)
        {
            talk.Say("number of part files in the backup poolset must match number of part files in the source poolset");
            return null;
        }

        for (int p = 0; p < sources.Count; p++)
        {
            if (sources[p].Size == targets[p].Size)
                continue;
            talk.Say($"size of the part {p} of the backup poolset does not match source poolset");
            return null;
        }

        return [.. sources.Zip(targets, (source, target) => (source.Path, target.Path))];
    }

    private bool Copy((string From, string To)[] files, bool says)
    {
        try
        {
            foreach ((string from, string to) in files)
            {
                if (says)
                    talk.Say($"creating backup file: {to}");
                Copy(from, to);
            }

            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or PmemException)
        {
            talk.Fail(CheckState.Error, "cannot perform backup");
            return false;
        }
    }

    private static void Copy(string from, string to)
    {
        const int Block = 1 << 20;
        using PersistentMap map = PersistentMap.Open(from, new PersistentMapOptions { Access = MapAccess.ReadOnly });
        using var target = new FileStream(to, FileMode.Create, FileAccess.Write);
        byte[] block = new byte[Block];
        for (long at = 0; at < map.Length; at += Block)
        {
            Span<byte> part = block.AsSpan(0, (int)Math.Min(Block, map.Length - at));
            map.CheckedRead(at, part);
            target.Write(part);
        }

        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(to, File.GetUnixFileMode(from));
        target.Flush(flushToDisk: true);
    }
}
