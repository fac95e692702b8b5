using static Pmem.CrashTesting.Tests.TraceBuilder;

namespace Pmem.CrashTesting.Tests;

/// <summary>The model against an independent one that simulates the machine step by step.</summary>
public sealed class ModelTests
{
    private const int PastCache = 256;
    private const int PastCacheBesideOrdinary = A + 16;

    private static readonly int[] s_ordinary = [X, Y, A, B];
    private static readonly int[] s_pastCache = [PastCache, PastCacheBesideOrdinary];
    private static readonly int[] s_places = [.. s_ordinary, .. s_pastCache];

    private enum Act
    {
        Store,
        Flush,
        Fence,
        NonTemporal,
        Wide,
        Exchange,
        Clflush,
    }

    [Theory]
    [InlineData(0, 400, 7, 3)]
    [InlineData(1000, 400, 6, 7)]
    [InlineData(2000, 100, 8, 7)]
    public void Random_programs_leave_what_a_simulated_machine_leaves(int firstSeed, int programs, int length, int acts)
    {
        for (int seed = firstSeed; seed < firstSeed + programs; seed++)
        {
            List<Step> program = Make(new Random(seed), length, acts);
            var builder = new TraceBuilder();
            foreach (Step step in program)
                Append(builder, step);
            string expected = string.Join(' ', Simulate(program));
            Assert.True(expected == builder.Reachable(s_places), $"seed {seed}: {string.Join("; ", program)}\nmachine: {expected}\nmodel:   {builder.Reachable(s_places)}");
        }
    }

    private static void Append(TraceBuilder builder, Step step)
    {
        _ = step.Act switch
        {
            Act.Store => builder.Store(step.Place, step.Value, step.Thread),
            Act.Flush => builder.Flush(step.Place, step.Thread),
            Act.Fence => builder.Fence(step.Thread),
            Act.NonTemporal => builder.NonTemporal(step.Place, step.Value, step.Thread),
            Act.Wide => builder.StoreWide(A, 16, step.Value, step.Thread),
            Act.Exchange => builder.Exchange(step.Place, step.Value, step.Thread),
            _ => builder.Clflush(step.Place, step.Thread),
        };
    }

    private static List<Step> Make(Random random, int length, int acts)
    {
        var program = new List<Step>();
        for (int i = 0; i < length; i++)
        {
            var act = (Act)random.Next(acts);
            int place = act == Act.NonTemporal ? s_pastCache[random.Next(s_pastCache.Length)] : s_ordinary[random.Next(s_ordinary.Length)];
            program.Add(new Step(act, place, (byte)(i + 1), 1 + random.Next(2)));
        }

        return program;
    }

    /// <summary>
    /// Runs the program with every choice of when memory is written: a machine has caches, buffers for stores past the cache, and a medium. At
    /// any time any line may be written back whole, and any buffered word may go out; a fence first writes back the lines that its thread
    /// flushed, as they were when it flushed them, or newer, and empties its buffers. A wide store is two stores in either order. Power may
    /// fail after every one. Breadth first over all states.
    /// </summary>
    private static SortedSet<string> Simulate(List<Step> program)
    {
        var results = new SortedSet<string>(StringComparer.Ordinal);
        List<Machine> machines = Settle([new Machine()], results);
        foreach (Step step in program)
        {
            if (step.Act == Act.Wide)
            {
                List<Machine> low = Settle(machines.ConvertAll(m => m.Store(A, step.Value)), results);
                List<Machine> high = Settle(machines.ConvertAll(m => m.Store(B, step.Value)), results);
                machines = Settle([.. low.ConvertAll(m => m.Store(B, step.Value)), .. high.ConvertAll(m => m.Store(A, step.Value))], results);
            }
            else
            {
                machines = Settle(machines.ConvertAll(m => m.Execute(step)), results);
            }
        }

        return results;
    }

    private static List<Machine> Settle(List<Machine> machines, SortedSet<string> results)
    {
        var next = new Dictionary<string, Machine>(StringComparer.Ordinal);
        foreach (Machine machine in machines)
        {
            foreach (Machine evicted in machine.WithEvictions())
                next[evicted.Key()] = evicted;
        }

        foreach (Machine machine in next.Values)
            results.Add(machine.Medium());
        return [.. next.Values];
    }

    private sealed record Step(Act Act, int Place, byte Value, int Thread)
    {
        public override string ToString() => $"T{Thread}: {Act} [{Place}]={Value}";
    }

    /// <summary>Caches, medium, what each thread asked to be written back (copies of lines, newest wins), and words on their way past the cache.</summary>
    private sealed class Machine
    {
        private const int Lines = TraceBuilder.Length / 64;

        private readonly byte[] _cache = new byte[TraceBuilder.Length];
        private readonly byte[] _medium = new byte[TraceBuilder.Length];
        private readonly int[] _cacheVersion = new int[Lines];
        private readonly int[] _mediumVersion = new int[Lines];
        private readonly SortedDictionary<(int Thread, int Line), (int Version, byte[] Bytes)> _asked = [];
        private readonly List<(int Thread, int Place, byte Value, int Serial)> _buffered = [];
        private int _serial;

        // Of two words on their way to one place, the newer wins whatever the order in which they go out.
        private readonly int[] _arrived = new int[TraceBuilder.Length];

        public string Medium() => string.Concat(s_places.Select(p => _medium[p]));

        public string Key() =>
            Convert.ToHexString(_cache) + Convert.ToHexString(_medium) + string.Join(',', _mediumVersion) + string.Join(';', _asked.Select(a => $"{a.Key}{a.Value.Version}"))
            + string.Join(';', _buffered) + string.Join(',', s_pastCache.Select(p => _arrived[p]));

        public Machine Store(int place, byte value)
        {
            Machine copy = Clone();
            copy._cache[place] = value;
            copy._cacheVersion[place / 64]++;
            return copy;
        }

        public Machine Execute(Step step)
        {
            int line = step.Place / 64;
            Machine copy = Clone();
            switch (step.Act)
            {
                case Act.Store:
                    return Store(step.Place, step.Value);
                case Act.Flush:
                    copy._asked[(step.Thread, line)] = (copy._cacheVersion[line], copy._cache.AsSpan(line * 64, 64).ToArray());
                    break;
                case Act.Clflush:
                    copy.WriteBack(line, copy._cacheVersion[line], copy._cache.AsSpan(line * 64, 64).ToArray());
                    break;
                case Act.NonTemporal:
                    copy._buffered.Add((step.Thread, step.Place, step.Value, ++copy._serial));
                    break;
                case Act.Exchange:
                    copy.Fence(step.Thread);
                    return copy.Store(step.Place, step.Value);
                default:
                    copy.Fence(step.Thread);
                    break;
            }

            return copy;
        }

        public IEnumerable<Machine> WithEvictions()
        {
            var dirty = new List<int>();
            for (int line = 0; line < Lines; line++)
            {
                if (_cacheVersion[line] > _mediumVersion[line])
                    dirty.Add(line);
            }

            for (int mask = 0; mask < 1 << (dirty.Count + _buffered.Count); mask++)
            {
                Machine copy = Clone();
                for (int i = 0; i < dirty.Count; i++)
                {
                    if ((mask & (1 << i)) != 0)
                        copy.WriteBack(dirty[i], copy._cacheVersion[dirty[i]], copy._cache.AsSpan(dirty[i] * 64, 64).ToArray());
                }

                for (int i = _buffered.Count - 1; i >= 0; i--)
                {
                    if ((mask & (1 << (dirty.Count + i))) != 0)
                        copy.Arrive(i);
                }

                yield return copy;
            }
        }

        private void Fence(int thread)
        {
            foreach (((int asker, int line), (int version, byte[] bytes)) in _asked.Where(a => a.Key.Thread == thread).ToArray())
            {
                WriteBack(line, version, bytes);
                _asked.Remove((asker, line));
            }

            for (int i = _buffered.Count - 1; i >= 0; i--)
            {
                if (_buffered[i].Thread == thread)
                    Arrive(i);
            }
        }

        private void Arrive(int index)
        {
            (_, int place, byte value, int serial) = _buffered[index];
            _buffered.RemoveAt(index);
            if (serial < _arrived[place])
                return;
            _arrived[place] = serial;
            _medium[place] = value;
        }

        private void WriteBack(int line, int version, byte[] bytes)
        {
            if (version <= _mediumVersion[line])
                return;
            for (int i = 0; i < 64; i++)
            {
                if (!s_pastCache.Contains((line * 64) + i))
                    _medium[(line * 64) + i] = bytes[i];
            }

            _mediumVersion[line] = version;
        }

        private Machine Clone()
        {
            var copy = new Machine { _serial = _serial };
            _cache.CopyTo(copy._cache, 0);
            _medium.CopyTo(copy._medium, 0);
            _cacheVersion.CopyTo(copy._cacheVersion, 0);
            _mediumVersion.CopyTo(copy._mediumVersion, 0);
            _arrived.CopyTo(copy._arrived, 0);
            foreach (((int, int) key, (int, byte[]) value) in _asked)
                copy._asked[key] = value;
            copy._buffered.AddRange(_buffered);
            return copy;
        }
    }
}
