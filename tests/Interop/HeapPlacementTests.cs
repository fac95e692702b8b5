namespace Interop;

/// <summary>
/// Where objects go when runs fill up, wander through the recycler and become chunks again, when reservations are cancelled, and when the
/// pool is opened anew in the middle: as in libpmemobj, byte for byte.
/// </summary>
public sealed class HeapPlacementTests
{
    [Theory]
    [InlineData(11, 300, 20_000, false)]
    [InlineData(12, 300, 20_000, true)]
    [InlineData(13, 2200, 20_000, false)]
    [InlineData(14, 9000, 15_000, true)]
    [InlineData(15, 400_000, 3000, true)]
    public void Objects_go_where_libpmemobj_puts_them(int seed, int largest, int operations, bool reopen)
    {
        string program = Peers.Program("obj_script");
        string folder = Peers.NewFolder();
        try
        {
            List<string> script = Script(seed, largest, operations, reopen);
            string theirs = Path.Combine(folder, "c.obj");
            string ours = Path.Combine(folder, "net.obj");
            string expected = Peers.Succeed(program, [theirs], string.Join('\n', script) + "\n");
            Assert.Equal(expected, ScriptRunner.Run(ours, script));
            string? difference = PoolMask.Compare(PoolMask.Read(ours), PoolMask.Read(theirs));
            Assert.True(difference is null, $"seed {seed}: {difference}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Waves: most slots fill, then most are freed in random order, so that whole runs become empty.</summary>
    private static List<string> Script(int seed, int largest, int operations, bool reopen)
    {
        const long PoolSize = 192L << 20;
        var random = new Random(seed);
        var script = new List<string> { $"create {PoolSize}" };
        long[] sizes = new long[ScriptRunner.Slots];
        long budget = PoolSize / 4;
        bool growing = true;
        for (int i = 0; i < operations; i++)
        {
            if (i % 3000 == 2999)
                growing = !growing;
            int slot = random.Next(ScriptRunner.Slots);
            long size = 1 + random.Next(largest);
            if (sizes[slot] == 0 && budget > size && random.Next(10) < (growing ? 9 : 3))
            {
                script.Add(random.Next(2) == 0 ? $"alloc {slot} {size} 1" : $"publish {slot} {size} 2");
                sizes[slot] = size;
                budget -= size;
            }
            else if (sizes[slot] != 0 && random.Next(10) < (growing ? 3 : 9))
            {
                script.Add($"free {slot}");
                budget += sizes[slot];
                sizes[slot] = 0;
            }

            if (random.Next(50) == 0)
                Abort(script, random, sizes, largest);
            if (reopen && random.Next(2500) == 0)
                script.AddRange(["close", "open"]);
        }

        script.AddRange(["dump", "close"]);
        return script;
    }

    private static void Abort(List<string> script, Random random, long[] sizes, int largest)
    {
        script.Add("begin");
        int first = random.Next(sizes.Length - 10);
        for (int slot = first; slot < first + 10; slot++)
            script.Add(sizes[slot] == 0 ? $"talloc {slot} {1 + random.Next(largest)} 3" : $"tfree {slot}");
        script.Add("abort");
    }
}
