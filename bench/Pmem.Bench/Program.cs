using System.Diagnostics;
using System.Globalization;

namespace Pmem.Bench;

/// <summary>Every figure beside PMDK's in the same run; the two take turns, repetition by repetition.</summary>
internal static class Program
{
    private const string Help = """
        Pmem.Bench: our speed beside PMDK's.

        Usage: dotnet run -c Release --project bench/Pmem.Bench -- [options]

          --filter TEXT   only cases whose name contains TEXT
          --repeat N      repetitions of each case (default 7)
          --flush on|off|both   with flush instructions, without (as on eADR), or both (default both)
          --csv           comma-separated values instead of a table
          crash           instead of all that: what crash testing costs

        Needs gcc and the PMDK libraries for the other side (eng/install-peers.sh); without them only ours is measured.
        """;

    public static int Main(string[] args)
    {
        if (args is ["crash"])
            return CrashSide.Run();
        if (args is ["crash-price"])
            return CrashSide.Price();
        var options = new Dictionary<string, string>(StringComparer.Ordinal) { ["--filter"] = string.Empty, ["--repeat"] = "7", ["--flush"] = "both" };
        bool csv = false;
        for (int i = 0; i < args.Length; i++)
        {
            if (args[i] == "--csv")
                csv = true;
            else if (options.ContainsKey(args[i]) && i + 1 < args.Length)
                options[args[i]] = args[++i];
            else
            {
                Console.WriteLine(Help);
                return args[i] is "--help" or "-h" ? 0 : 2;
            }
        }

        if (options["--flush"] == "both")
        {
            // The environment decides when a process starts, so each mode is a process.
            int first = Self(args, "on");
            int second = Self(args, "off");
            return first | second;
        }

        bool flush = options["--flush"] == "on";
        if (Environment.GetEnvironmentVariable("PMEM_IS_PMEM_FORCE") != "1" || (Environment.GetEnvironmentVariable("PMEM_NO_FLUSH") == "1") == flush)
            return Self(args, options["--flush"]);
        return Measure(options["--filter"], int.Parse(options["--repeat"], CultureInfo.InvariantCulture), flush, csv);
    }

    private static int Self(string[] args, string flush)
    {
        string[] kept = [.. WithoutFlush(args), "--flush", flush];
        string host = Environment.ProcessPath!;
        string[] all = Path.GetFileNameWithoutExtension(host) == "dotnet" ? [typeof(Program).Assembly.Location, .. kept] : kept;
        var start = new ProcessStartInfo(host, all) { UseShellExecute = false };
        start.Environment["PMEM_IS_PMEM_FORCE"] = "1";
        start.Environment["PMEM_NO_FLUSH"] = flush == "off" ? "1" : "0";
        // Long loops in few methods: full optimisation from the start.
        start.Environment["DOTNET_TieredPGO"] = "0";
        start.Environment["DOTNET_TieredCompilation"] = "0";
        using Process process = Process.Start(start)!;
        process.WaitForExit();
        return process.ExitCode;
    }

    private static IEnumerable<string> WithoutFlush(string[] args)
    {
        for (int i = 0; i < args.Length; i++)
        {
            if (args[i] == "--flush")
                i++;
            else
                yield return args[i];
        }
    }

    private static int Measure(string filter, int repeat, bool flush, bool csv)
    {
        string parent = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
        string folder = Directory.CreateDirectory(Path.Combine(parent, $"pmem-bench-{Environment.ProcessId}")).FullName;
        try
        {
            using TheirSide? theirs = TheirSide.TryStart(folder, out string reason);
            if (theirs is null)
                Console.Error.WriteLine($"only our side: {reason}");
            using var ours = new OurSide(folder);
            Console.WriteLine(csv ? "flush,case,parameter,ours_ns,c_ns,ratio,target,allocated_bytes_per_op" : $"\nflush instructions {(flush ? "on" : "off")}, {folder}, {repeat} repetitions in turn\n");
            if (!csv)
                Console.WriteLine($"{"case",-22}{"",12}{"ours ns",12}{"C ns",12}{"ratio",8}{"target",8}{"",6}{"B/op",7}");
            foreach (Case item in Case.All.Where(c => c.Name.Contains(filter, StringComparison.Ordinal) && (flush || c.Name != "persist-bare")))
                MeasureCase(item, repeat, flush, csv, ours, theirs);
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void MeasureCase(Case item, int repeat, bool flush, bool csv, OurSide ours, TheirSide? theirs)
    {
        var our = new List<double>();
        var their = new List<double>();
        var ratios = new List<double>();
        Processors.Use(item, theirs);
        ours.Run(item);
        theirs?.Run(item);
        for (int i = 0; i < repeat; i++)
        {
            double a = ours.Run(item) / item.Count;
            our.Add(a);
            if (theirs is null)
                continue;
            double b = theirs.Run(item) / item.Count;
            their.Add(b);
            ratios.Add(a / b);
        }

        double ratio = Median(ratios);
        double allocated = ours.AllocatedBytes / (double)item.Count;
        if (csv)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{(flush ? "on" : "off")},{item.Name},{item.Label},{Median(our):0.0},{Median(their):0.0},{ratio:0.000},{item.Target},{allocated:0.0}"));
            return;
        }

        string verdict = item.Target is null || theirs is null ? string.Empty : ratio <= item.Target ? "ok" : "over";
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{item.Name,-22}{item.Label,12}{Median(our),12:0.0}{Median(their),12:0.0}{ratio,8:0.00}{item.Target,8:0.00}{verdict,6}{allocated,7:0.0}"));
    }

    private static double Median(List<double> values)
    {
        if (values.Count == 0)
            return double.NaN;
        values.Sort();
        return values[values.Count / 2];
    }
}
