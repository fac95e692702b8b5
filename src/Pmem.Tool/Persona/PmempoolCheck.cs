using System.Runtime.InteropServices;
using Pmem.Pools;
using Pmem.Pools.Checking;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Persona;

/// <summary><c>pmempool check</c>: its questions and verdicts. Object pools are examined as far as pmempool does, which is the header; 'pmem pool check' sees more.</summary>
internal static class PmempoolCheck
{
    private static readonly Dictionary<string, char> s_names = new(StringComparer.Ordinal)
    {
        ["repair"] = 'r', ["yes"] = 'y', ["dry-run"] = 'd', ["no-exec"] = 'N', ["backup"] = 'b', ["advanced"] = 'a', ["quiet"] = 'q', ["verbose"] = 'v', ["help"] = 'h',
    };

    public static int Run(Terminal terminal, string[] arguments)
    {
        GetOpt parsed = GetOpt.Parse(arguments, "ahvrdNb:qy", s_names);
        var session = new Session(terminal);
        string? backup = null;
        foreach ((char option, string? value) in parsed.Options)
        {
            switch (option)
            {
                case GetOpt.Mistake:
                    return Pmempool.Usage(terminal, "check", value);
                case 'h':
                    return Pmempool.ShowHelp(terminal, "check");
                case 'r':
                    session.Repair = true;
                    break;
                case 'y':
                    session.Yes = true;
                    break;
                case 'd' or 'N':
                    session.DryRun = true;
                    break;
                case 'b':
                    backup = value;
                    break;
                case 'a':
                    session.Advanced = true;
                    break;
                case 'q':
                    session.Level = 0;
                    break;
                case 'v':
                    session.Level = 2;
                    break;
            }
        }

        if (parsed.Operands.Count == 0)
            return Pmempool.Usage(terminal, "check");
        if (!session.Repair && session.DryRun)
            return terminal.Fail("'-N' option requires '-r'");
        if (!session.Repair && backup is not null)
            return terminal.Fail("'-b' option requires '-r'");
        string path = parsed.Operands[0];
        if (session.DryRun && backup is not null)
            return Failed("Invalid argument", session);
        if (!File.Exists(path))
            return Failed("No such file or directory", session);
        return End(path, session, Check(path, backup, session));
    }

    private static int Failed(string why, Session session)
    {
        session.Terminal.Fail(why);
        return session.Terminal.Fail(session.Repair ? "repairing failed" : "checking consistency failed");
    }

    private static int End(string path, Session session, Verdict verdict)
    {
        (int level, string text) = verdict switch
        {
            Verdict.Consistent => (2, "consistent"),
            Verdict.Repaired => (1, "repaired"),
            Verdict.CannotRepair => (1, "cannot repair"),
            _ => (1, "not consistent"),
        };
        session.Say(level, $"{path}: {text}");
        return verdict is Verdict.Consistent or Verdict.Repaired ? 0 : 1;
    }

    private static Verdict Check(string path, string? backup, Session session)
    {
        using PersistentMap map = session.Repair && !session.DryRun
            ? RepairFile.Open(path, new PoolRepairOptions { BackupPath = backup })
            : PersistentMap.Open(path, new PersistentMapOptions { Access = MapAccess.CopyOnWrite });
        session.Say(2, "checking shutdown state");
        session.Say(2, "shutdown state correct");
        session.Say(2, "checking pool header");
        PoolHeader header = map.Read<PoolHeader>(0);
        bool zero = !map.GetSpan(0, PoolHeader.Size).ContainsAnyExcept((byte)0);
        bool valid = !zero && header.Checksum == header.ComputeChecksum();
        if (valid && header.Kind is not null)
        {
            session.Say(2, "pool header correct");
        }
        else
        {
            if (!session.Repair)
            {
                session.Say(1, zero ? "empty pool hdr" : valid ? "invalid signature" : "incorrect pool header");
                return Verdict.NotConsistent;
            }

            session.Say(2, valid ? "invalid signature" : "incorrect pool header");
            if (header.Kind is not { } known)
            {
                session.Say(1, "cannot determine pool type");
                return Verdict.CannotRepair;
            }

            if (known == PoolKind.Object)
            {
                session.Say(1, "the repair of pmemobj pools is not supported");
                return Verdict.CannotRepair;
            }

            if (RepairHeader(map, header, known, session) is { } end)
                return end;
        }

        return header.Kind switch
        {
            PoolKind.Log => CheckLog(map, session),
            PoolKind.Block => CheckBlocks(path, session),
            _ => session.Verdict,
        };
    }

    private static Verdict? RepairHeader(PersistentMap map, PoolHeader header, PoolKind kind, Session session)
    {
        var questions = new Questions(session);
        if (header.Major != PoolHeader.MajorOf(kind))
        {
            questions.Ask($"pool_hdr.major is not valid.|Do you want to set it to default value 0x{PoolHeader.MajorOf(kind):x}?", $"setting pool_hdr.major to 0x{PoolHeader.MajorOf(kind):x}", () => header.Major = PoolHeader.MajorOf(kind));
        }

        if (((uint)header.Incompat & ~(uint)PoolFeatures.KnownIncompat) != 0)
        {
            questions.Ask("pool_hdr.features.incompat is not valid.|Do you want to set it to default value 0x6?", "setting pool_hdr.features.incompat to 0x6", () => header.Incompat = PoolFeatures.DefaultIncompat);
        }

        if (header.ReadOnlyCompat != ReadOnlyCompatFeatures.None)
        {
            questions.Ask("pool_hdr.features.ro_compat is not valid.|Do you want to set it to default value 0x0?", "setting pool_hdr.features.ro_compat to 0x0", () => header.ReadOnlyCompat = ReadOnlyCompatFeatures.None);
        }

        // Behind the fields, before the half that the checksum does not cover.
        const int Unused = 144;
        if (map.GetSpan(Unused, PoolHeader.Checksum2KSize - Unused).ContainsAnyExcept((byte)0))
        {
            questions.Ask("unused area is not filled by zeros.|Do you want to fill it up?", "setting pool_hdr.unused to zeros", () =>
            {
                byte[] bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<PoolHeader>(in header)).ToArray();
                bytes.AsSpan(Unused, PoolHeader.Checksum2KSize - Unused).Clear();
                header = PoolHeader.Read(bytes);
            });
        }

        if (!questions.Carry())
            return Verdict.NotConsistent;
        if (header.Checksum != header.ComputeChecksum())
        {
            if (!session.Advanced)
            {
                session.Say(2, "the following error can be fixed using PMEMPOOL_CHECK_ADVANCED flag");
                session.Say(1, "invalid pool_hdr.checksum");
                return Verdict.CannotRepair;
            }

            questions = new Questions(session);
            questions.Ask("invalid pool_hdr.checksum.|Do you want to regenerate checksum?", $"setting pool_hdr.checksum to 0x{header.ComputeChecksum():x}", () => header.Checksum = header.ComputeChecksum());
            if (!questions.Carry())
                return Verdict.NotConsistent;
        }

        HeaderRepair.Write(map, in header);
        return null;
    }

    private static Verdict CheckLog(PersistentMap map, Session session)
    {
        const int Start = 4096;
        const int End = 4104;
        const int Write = 4112;
        const ulong Data = 8192;
        session.Say(2, "checking pmemlog header");
        ulong size = (ulong)map.Length;
        var questions = new Questions(session);
        ulong start = map.ReadUInt64(Start);
        if (start != Data && !questions.Ask($"invalid pmemlog.start_offset: 0x{start:x}.|Do you want to set pmemlog.start_offset to default 0x{Data:x}?", $"setting pmemlog.start_offset to 0x{Data:x}", () => Store(Start, Data)))
            return Verdict.NotConsistent;
        ulong end = map.ReadUInt64(End);
        if (end != size && !questions.Ask($"invalid pmemlog.end_offset: 0x{end:x}.|Do you want to set pmemlog.end_offset to 0x{size:x}?", $"setting pmemlog.end_offset to 0x{size:x}", () => Store(End, size)))
            return Verdict.NotConsistent;
        ulong write = map.ReadUInt64(Write);
        if ((write < Data || write > size)
            && !questions.Ask($"invalid pmemlog.write_offset: 0x{write:x}.|Do you want to set pmemlog.write_offset to pmemlog.end_offset?", "setting pmemlog.write_offset to pmemlog.end_offset", () => Store(Write, size)))
            return Verdict.NotConsistent;
        if (questions.Count == 0)
            session.Say(2, "pmemlog header correct");
        return questions.Carry() ? session.Verdict : Verdict.NotConsistent;

        void Store(long offset, ulong value)
        {
            map.StoreUInt64(offset, value);
            map.Persist(offset, sizeof(ulong));
        }
    }

    /// <summary>Blocks: what our own examination finds, with pmempool's verdicts.</summary>
    private static Verdict CheckBlocks(string path, Session session)
    {
        PoolCheckResult check = CheckVerb.Check(path, PoolFile.ReadHeader(path));
        foreach (PoolProblem problem in check.Problems)
            session.Say(1, CheckVerb.Describe(problem));
        if (check.IsConsistent)
            return session.Verdict;
        if (session.Repair)
            session.Say(1, "use 'pmem pool repair' for the blocks of this pool");
        return session.Repair ? Verdict.CannotRepair : Verdict.NotConsistent;
    }

    private enum Verdict
    {
        Consistent,
        NotConsistent,
        Repaired,
        CannotRepair,
    }

    private sealed class Session(Terminal terminal)
    {
        public Terminal Terminal { get; } = terminal;

        public bool Repair { get; set; }

        public bool Yes { get; set; }

        public bool DryRun { get; set; }

        public bool Advanced { get; set; }

        public int Level { get; set; } = 1;

        public Verdict Verdict { get; set; }

        public void Say(int level, string message)
        {
            if (level <= Level)
                Terminal.Out.Write($"{message}\n");
        }
    }

    /// <summary>Asks first, then does what was agreed to, as pmempool does.</summary>
    private sealed class Questions(Session session)
    {
        private readonly List<(string Doing, Action Fix)> _agreed = [];
        private readonly List<(string Text, string Doing, Action Fix)> _asked = [];

        public int Count => _asked.Count;

        /// <summary>Notes a question; false when nothing may be repaired, so that this is the verdict.</summary>
        public bool Ask(string message, string doing, Action fix)
        {
            string problem = message.Split(".|")[0];
            if (!session.Repair || session.Yes)
                session.Say(session.Repair ? 2 : 1, problem);
            _asked.Add((message.Replace(".|", ". ", StringComparison.Ordinal), doing, fix));
            return session.Repair;
        }

        public bool Carry()
        {
            foreach ((string text, string doing, Action fix) in _asked)
            {
                if (!session.Yes && !Answer(text))
                {
                    session.Say(1, "cannot complete repair, reverting changes");
                    return false;
                }

                _agreed.Add((doing, fix));
            }

            foreach ((string doing, Action fix) in _agreed)
            {
                session.Say(2, doing);
                fix();
                session.Verdict = Verdict.Repaired;
            }

            _asked.Clear();
            _agreed.Clear();
            return true;
        }

        private bool Answer(string text)
        {
            char answer = session.Terminal.Ask(text);
            if (answer == '?' && session.Level > 1)
                session.Terminal.Out.Write("Answer must be either yes or no\n");
            return answer == 'y';
        }
    }
}
