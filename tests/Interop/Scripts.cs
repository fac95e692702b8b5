namespace Interop;

/// <summary>Scripts of operations, the same for the same seed.</summary>
internal static partial class Scripts
{
    /// <summary>Sizes around every class boundary, and some of whole chunks.</summary>
    public static readonly long[] Sizes =
    [
        1, 16, 64, 112, 113, 128, 176, 177, 240, 300, 304, 400, 496, 600, 700, 832, 1000, 1008, 1200, 1472, 1700, 1856, 1984, 2300, 2368, 3000,
        3776, 4096, 4480, 5376, 5504, 6208, 6720, 7488, 7744, 9000, 9216, 9664, 10176, 11072, 12000, 12032, 12480, 14272, 16704, 17000, 23040,
        24384, 26048, 27776, 29120, 31296, 39936, 46592, 51776, 54464, 65536, 66560, 80640, 107520, 113344, 135296, 149760, 167744, 209664,
        220736, 246720, 262080, 262144, 349440, 400000, 700000, 1400000, 2621439, 2621440, 3000000,
    ];

    /// <summary>Random allocation, freeing and resizing, with transactions between.</summary>
    public static List<string> Churn(int seed, int operations, long poolSize, bool reopen)
    {
        var random = new Random(seed);
        var script = new List<string> { $"create {poolSize}" };
        const int Slots = 300;
        bool[] used = new bool[Slots];
        long budget = poolSize / 3;
        long[] sizes = new long[Slots];
        for (int i = 0; i < operations; i++)
        {
            int slot = random.Next(Slots);
            long size = random.Next(4) == 0 ? Sizes[random.Next(Sizes.Length)] : 1 + random.Next(1500);
            int type = random.Next(5);
            bool transactional = random.Next(3) == 0;
            if (used[slot] && (random.Next(2) == 0 || budget < size))
            {
                Add(transactional, $"tfree {slot}", $"free {slot}");
                used[slot] = false;
                budget += sizes[slot];
            }
            else if (budget < size)
            {
                continue;
            }
            else if (used[slot])
            {
                Add(transactional, $"trealloc {slot} {size} {type}", $"realloc {slot} {size} {type}");
                budget += sizes[slot] - size;
                sizes[slot] = size;
            }
            else
            {
                string[] atomic = ["alloc", "zalloc", "valloc", "publish"];
                Add(transactional, $"talloc {slot} {size} {type}", $"{atomic[random.Next(4)]} {slot} {size} {type}");
                used[slot] = true;
                sizes[slot] = size;
                budget -= size;
            }

            if (reopen && random.Next(200) == 0)
                script.AddRange(["close", "open"]);
        }

        script.AddRange(["dump", "close"]);
        return script;

        void Add(bool transactional, string inside, string atomic)
        {
            if (!transactional)
            {
                script.Add(atomic);
                return;
            }

            script.Add("begin");
            script.Add(inside);
            for (int j = random.Next(4); j > 0; j--)
                script.Add($"set {random.Next(200000)} {1 + random.Next(random.Next(10) == 0 ? 50000 : 200)} {random.Next(256)}");
            script.Add("commit");
        }
    }
}
