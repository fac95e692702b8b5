using Pmem.Pools;

namespace Pmem.Tool.Persona;

/// <summary><c>pmempool rm</c>.</summary>
internal static class PmempoolRemove
{
    private static readonly Dictionary<string, char> s_names = new(StringComparer.Ordinal)
    {
        ["help"] = 'h', ["verbose"] = 'v', ["only-pools"] = 's', ["all"] = 'a', ["local"] = 'l', ["remote"] = 'r', ["force"] = 'f', ["interactive"] = 'i',
    };

    public static int Run(Terminal terminal, string[] arguments)
    {
        GetOpt parsed = GetOpt.Parse(arguments, "hvsfialr", s_names);
        var removal = new Removal(terminal);
        foreach ((char option, string? value) in parsed.Options)
        {
            switch (option)
            {
                case GetOpt.Mistake:
                    return Pmempool.Usage(terminal, "rm", value);
                case 'h':
                    return Pmempool.ShowHelp(terminal, "rm");
                case 'v':
                    removal.Level++;
                    break;
                case 's':
                    removal.RemovesSets = false;
                    break;
                case 'a' or 'l':
                    removal.RemovesSets = true;
                    break;
                case 'f':
                    removal.Force = true;
                    removal.Asks = false;
                    break;
                case 'i':
                    removal.Asks = true;
                    break;
            }
        }

        if (parsed.Operands.Count == 0)
            return Pmempool.Usage(terminal, "rm");
        int result = 0;
        foreach (string path in parsed.Operands)
            result |= removal.Run(path);
        return result;
    }

    private sealed class Removal(Terminal terminal)
    {
        public int Level { get; set; }

        public bool Force { get; set; }

        public bool? Asks { get; set; }

        public bool RemovesSets { get; set; }

        public int Run(string path)
        {
            if (!File.Exists(path) && !Directory.Exists(path))
                return Force ? 0 : terminal.Fail($"cannot remove '{path}': No such file or directory");
            if (!PoolSetFile.IsPoolSet(path))
            {
                Say(2, $"pool file   : {path}");
                return Remove(path);
            }

            Say(2, $"poolset file: {path}");
            IReadOnlyList<string> files;
            try
            {
                files = PoolRemoval.FilesOf(path);
            }
            catch (PmemException)
            {
                return terminal.Fail($"parsing poolset failed: util_poolset_parse failed -- '{path}'");
            }

            bool failed = false;
            foreach (string file in files)
                failed |= RemovePart(file) != 0;
            if (failed && !Force)
                return terminal.Fail($"removing '{path}' failed: No such file or directory");
            return RemovesSets ? Remove(path) : 0;
        }

        private int RemovePart(string file)
        {
            Say(2, $"part file   : {file}");
            if (File.Exists(file))
                return Remove(file);
            return Force ? 0 : terminal.Fail($"cannot remove file '{file}': No such file or directory");
        }

        private int Remove(string file)
        {
            bool isProtected = IsWriteProtected(file);
            if ((Asks ?? isProtected) && terminal.Ask($"remove {(isProtected ? "write-protected " : string.Empty)}file '{file}' ?") != 'y')
                return 0;
            try
            {
                // As pmempool, which removes what others have open too. Of a device it zeroes the start.
                if (PersistentMap.IsDeviceDax(file))
                    PoolRemoval.Remove(file);
                else
                    File.Delete(file);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or PmemException)
            {
                return terminal.Fail($"cannot remove file '{file}'");
            }

            Say(1, $"removed '{file}'");
            return 0;
        }

        private void Say(int level, string text)
        {
            if (Level >= level)
                terminal.Out.Write($"{text}\n");
        }

        private static bool IsWriteProtected(string file)
        {
            try
            {
                using FileStream stream = new(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
                return false;
            }
            catch (UnauthorizedAccessException)
            {
                return true;
            }
            catch (IOException)
            {
                return false;
            }
        }
    }
}
