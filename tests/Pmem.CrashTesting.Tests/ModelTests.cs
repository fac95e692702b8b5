using static Pmem.CrashTesting.Tests.TraceBuilder;

namespace Pmem.CrashTesting.Tests;

/// <summary>The model against an independent one that simulates the machine step by step.</summary>
public sealed class ModelTests
{
    private static readonly int[] s_places = [X, Y, A, B];

    [Fact]
    public void Random_programs_leave_what_a_simulated_machine_leaves()
    {
        for (int seed = 0; seed < 400; seed++)
        {
            List<Step> program = Make(new Random(seed));
            var builder = new TraceBuilder();
            foreach (Step step in program)
                Append(builder, step);
            string expected = string.Join(' ', Simulate(program));
            Assert.True(expected == builder.Reachable(s_places), $"seed {seed}: {string.Join("; ", program)}\nmachine: {expected}\nmodel:   {builder.Reachable(s_places)}");
        }
    }

    private static void Append(TraceBuilder builder, Step step)
    {
        switch (step.Kind)
        {
            case 0:
                builder.Store(step.Place, step.Value, step.Thread);
                break;
            case 1:
                builder.Flush(step.Place, step.Thread);
                break;
            default:
                builder.Fence(step.Thread);
                break;
        }
    }

    private static List<Step> Make(Random random)
    {
        var program = new List<Step>();
        for (int i = 0; i < 7; i++)
            program.Add(new Step(random.Next(3), s_places[random.Next(4)], (byte)(i + 1), 1 + random.Next(2)));
        return program;
    }

    /// <summary>
    /// Runs the program with every choice of when lines are written back: a machine has caches and a medium; at any time any line may be written
    /// back whole; a fence first writes back the lines that its thread flushed, as they were when it flushed them, or newer. Power may fail
    /// after every step. Breadth first over all states.
    /// </summary>
    private static SortedSet<string> Simulate(List<Step> program)
    {
        var results = new SortedSet<string>(StringComparer.Ordinal);
        var machines = new List<Machine> { new() };
        foreach (Step step in program.Prepend(null!))
        {
            var next = new Dictionary<string, Machine>(StringComparer.Ordinal);
            foreach (Machine machine in machines)
            {
                foreach (Machine after in step is null ? [machine] : machine.Execute(step))
                {
                    foreach (Machine evicted in after.WithEvictions())
                        next[evicted.Key()] = evicted;
                }
            }

            machines = [.. next.Values];
            foreach (Machine machine in machines)
                results.Add(machine.Medium());
        }

        return results;
    }

    private sealed record Step(int Kind, int Place, byte Value, int Thread)
    {
        public override string ToString() => Kind == 0 ? $"T{Thread}: [{Place}]={Value}" : Kind == 1 ? $"T{Thread}: flush {Place / 64}" : $"T{Thread}: fence";
    }

    /// <summary>Caches, medium, and for each thread what it asked to be written back (as copies of lines, newest wins).</summary>
    private sealed class Machine
    {
        private readonly byte[] _cache = new byte[TraceBuilder.Length];
        private readonly byte[] _medium = new byte[TraceBuilder.Length];

        // Version of each line in the cache and on the medium, and versions that each thread's flushes captured.
        private readonly int[] _cacheVersion = new int[5];
        private readonly int[] _mediumVersion = new int[5];
        private readonly SortedDictionary<(int Thread, int Line), (int Version, byte[] Bytes)> _asked = [];

        public string Medium() => string.Concat(s_places.Select(p => _medium[p]));

        public string Key() =>
            Convert.ToHexString(_cache) + Convert.ToHexString(_medium) + string.Join(',', _mediumVersion) + string.Join(';', _asked.Select(a => $"{a.Key}{a.Value.Version}"));

        public List<Machine> Execute(Step step)
        {
            Machine copy = Clone();
            int line = step.Place / 64;
            switch (step.Kind)
            {
                case 0:
                    copy._cache[step.Place] = step.Value;
                    copy._cacheVersion[line]++;
                    break;
                case 1:
                    copy._asked[(step.Thread, line)] = (copy._cacheVersion[line], copy._cache.AsSpan(line * 64, 64).ToArray());
                    break;
                default:
                    foreach (((int thread, int asked), (int version, byte[] bytes)) in copy._asked.Where(a => a.Key.Thread == step.Thread).ToArray())
                    {
                        copy.WriteBack(asked, version, bytes);
                        copy._asked.Remove((thread, asked));
                    }

                    break;
            }

            return [copy];
        }

        public IEnumerable<Machine> WithEvictions()
        {
            var dirty = new List<int>();
            for (int line = 0; line < 5; line++)
            {
                if (_cacheVersion[line] > _mediumVersion[line])
                    dirty.Add(line);
            }

            for (int mask = 0; mask < 1 << dirty.Count; mask++)
            {
                Machine copy = Clone();
                for (int i = 0; i < dirty.Count; i++)
                {
                    if ((mask & (1 << i)) != 0)
                        copy.WriteBack(dirty[i], copy._cacheVersion[dirty[i]], copy._cache.AsSpan(dirty[i] * 64, 64).ToArray());
                }

                yield return copy;
            }
        }

        private void WriteBack(int line, int version, byte[] bytes)
        {
            if (version <= _mediumVersion[line])
                return;
            bytes.CopyTo(_medium, line * 64);
            _mediumVersion[line] = version;
        }

        private Machine Clone()
        {
            var copy = new Machine();
            _cache.CopyTo(copy._cache, 0);
            _medium.CopyTo(copy._medium, 0);
            _cacheVersion.CopyTo(copy._cacheVersion, 0);
            _mediumVersion.CopyTo(copy._mediumVersion, 0);
            foreach (((int, int) key, (int, byte[]) value) in _asked)
                copy._asked[key] = value;
            return copy;
        }
    }
}
