using System.Globalization;

namespace Bank;

/// <summary>The command line.</summary>
internal sealed record BankOptions
{
    public const string Help = """
        Bank: keeps money in persistent memory, and is killed again and again.

        Usage: Bank [options]

          --rounds N     how often to kill the worker (default 8)
          --threads N    threads that move money, 1 to 16 (default 2)
          --accounts N   accounts (default 1000)
          --pool FILE    the pool file (default: bank.pool in /dev/shm, else in the temporary folder)
          --seed N       makes the kills and transfers repeatable (default 1)
          --json         print the result as JSON
          --help         this text

        Exit code 0 if no money was made or lost and no acknowledged transfer was missing in any round, else 1.

        Examples:
          dotnet run -c Release --project samples/Bank
          dotnet run -c Release --project samples/Bank -- --rounds 20 --threads 4 --pool /mnt/pmem/bank.pool
        """;

    public int Rounds { get; init; } = 8;

    public int Threads { get; init; } = 2;

    public ulong Accounts { get; init; } = 1000;

    public string Pool { get; init; } = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), "bank.pool");

    public int Seed { get; init; } = 1;

    public bool Json { get; init; }

    public bool ShowHelp { get; init; }

    /// <summary>Set in the worker process: the round it works in.</summary>
    public int? WorkerRound { get; init; }

    public string AckFile => Pool + ".acks";

    public static BankOptions Parse(string[] args)
    {
        var options = new BankOptions();
        for (int i = 0; i < args.Length; i++)
        {
            string name = args[i];
            options = name switch
            {
                "--help" or "-h" => options with { ShowHelp = true },
                "--json" => options with { Json = true },
                "--rounds" => options with { Rounds = Number(1, 1_000_000) },
                "--threads" => options with { Threads = Number(1, Journals.Length) },
                "--accounts" => options with { Accounts = (ulong)Number(2, 1_000_000) },
                "--seed" => options with { Seed = Number(0, int.MaxValue) },
                "--pool" => options with { Pool = Path.GetFullPath(Value()) },
                "--worker" => options with { WorkerRound = Number(0, int.MaxValue) },
                _ => throw new FormatException($"unknown option {name}; try --help"),
            };

            string Value() => ++i < args.Length ? args[i] : throw new FormatException($"{name} needs a value; try --help");

            int Number(int least, int most) =>
                int.TryParse(Value(), NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value >= least && value <= most
                    ? value
                    : throw new FormatException($"{name} takes a number from {least} to {most}; try --help");
        }

        return options;
    }
}
