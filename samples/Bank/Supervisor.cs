using System.Diagnostics;
using Pmem;

namespace Bank;

/// <summary>Starts the worker, kills it, opens the pool and counts the money; again and again.</summary>
internal sealed class Supervisor(BankOptions options)
{
    private const long InitialBalance = 1000;
    private const long PoolSize = 256L << 20;

    private readonly Random _random = new(options.Seed);
    private long[] _expected = [];
    private ulong[] _verified = [];

    public int Run()
    {
        Prepare();
        Say($"bank of {options.Accounts} accounts with {InitialBalance} each in {options.Pool}, {options.Threads} threads");
        var rounds = new List<RoundResult>();
        for (int round = 1; round <= options.Rounds; round++)
        {
            RoundResult result = RunRound(round);
            rounds.Add(result);
            Say(
                $"round {round,2}: killed after {result.Worked.TotalSeconds:0.00} s, {result.Transfers,9:n0} transfers ({result.PerSecond,9:n0}/s), recovered in {result.Recovery.TotalMilliseconds,5:0.0} ms"
                + $" ({result.RolledBack} rolled back), " + (result.Problem ?? "all money and every acknowledged transfer there"));
            if (result.Problem is not null)
                break;
        }

        File.Delete(options.AckFile);
        bool ok = rounds.TrueForAll(r => r.Problem is null);
        Report(rounds, ok);
        return ok ? 0 : 1;
    }

    private void Prepare()
    {
        File.Delete(options.Pool);
        File.Delete(options.AckFile);
        BankStore.Create(options.Pool, options.Accounts, InitialBalance, PoolSize).Dispose();
        PersistentMap.Create(options.AckFile, 4096).Dispose();
        _expected = new long[options.Accounts];
        Array.Fill(_expected, InitialBalance);
        _verified = new ulong[options.Threads];
    }

    private RoundResult RunRound(int round)
    {
        using Process worker = Start(round);
        if (worker.StandardOutput.ReadLine() != "working")
        {
            worker.WaitForExit();
            return new RoundResult(default, 0, default, 0, $"the worker ended by itself with exit code {worker.ExitCode}");
        }

        long started = Stopwatch.GetTimestamp();
        Thread.Sleep(300 + _random.Next(2200));
        worker.Kill(); // SIGKILL: no handler runs, nothing is flushed
        worker.WaitForExit();
        TimeSpan worked = Stopwatch.GetElapsedTime(started);

        long opened = Stopwatch.GetTimestamp();
        using BankStore bank = BankStore.Open(options.Pool);
        TimeSpan recovery = Stopwatch.GetElapsedTime(opened);
        ulong before = Sum(_verified);
        string? problem = Verify(bank);
        return new RoundResult(worked, (long)(Sum(_verified) - before), recovery, bank.Store.RecoveredTransactions, problem);
    }

    private static ulong Sum(ulong[] values)
    {
        ulong sum = 0;
        foreach (ulong value in values)
            sum += value;
        return sum;
    }

    /// <summary>Replays the journals on the balances of the last round and compares; returns what is wrong, or null.</summary>
    private string? Verify(BankStore bank)
    {
        using PersistentMap acks = PersistentMap.Open(options.AckFile);
        for (int thread = 0; thread < options.Threads; thread++)
        {
            foreach (Transfer transfer in bank.Transfers(thread))
            {
                if (transfer.Sequence < _verified[thread])
                    continue;
                if (transfer.Sequence != _verified[thread])
                    return $"LOST: journal {thread} goes from {_verified[thread]} to {transfer.Sequence}";
                _expected[transfer.From] -= transfer.Amount;
                _expected[transfer.To] += transfer.Amount;
                _verified[thread]++;
            }

            ulong acknowledged = acks.ReadUInt64(thread * Worker.AckStride);
            if (_verified[thread] < acknowledged)
                return $"LOST: thread {thread} acknowledged {acknowledged} transfers, {_verified[thread]} are there";
        }

        long total = 0;
        foreach ((ulong number, long balance) in bank.Balances())
        {
            total += balance;
            if (balance != _expected[number])
                return $"WRONG: account {number} has {balance}, its transfers say {_expected[number]}";
        }

        long should = (long)options.Accounts * InitialBalance;
        return total == should ? null : $"WRONG: the bank holds {total} instead of {should}";
    }

    private Process Start(int round)
    {
        string[] arguments =
        [
            typeof(Supervisor).Assembly.Location, "--worker", $"{round}", "--pool", options.Pool, "--threads", $"{options.Threads}",
            "--accounts", $"{options.Accounts}", "--seed", $"{options.Seed}",
        ];
        return Process.Start(new ProcessStartInfo(Environment.ProcessPath!, WithHost(arguments)) { RedirectStandardOutput = true, UseShellExecute = false })!;
    }

    /// <summary>Started as "dotnet Bank.dll" the process is dotnet and needs the assembly; started as "Bank" it is the program itself.</summary>
    private static string[] WithHost(string[] arguments) =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? arguments : arguments[1..];

    private void Say(string line)
    {
        if (!options.Json)
            Console.WriteLine(line);
    }

    private void Report(List<RoundResult> rounds, bool ok)
    {
        long transfers = rounds.Sum(r => r.Transfers);
        double seconds = rounds.Sum(r => r.Worked.TotalSeconds);
        double slowest = rounds.Max(r => r.Recovery.TotalMilliseconds);
        if (options.Json)
        {
            Console.WriteLine(
                $$"""{"ok": {{(ok ? "true" : "false")}}, "rounds": {{rounds.Count}}, "transfers": {{transfers}}, "transfersPerSecond": {{transfers / Math.Max(seconds, 0.001):0}}, "slowestRecoveryMs": {{slowest:0.0}}, "pool": "{{options.Pool}}"}""");
            return;
        }

        Console.WriteLine(
            ok
                ? $"{rounds.Count} kills, {transfers:n0} transfers, {transfers / Math.Max(seconds, 0.001):n0} transactions per second, slowest recovery {slowest:0.0} ms: no money made or lost."
                : "FAILED; the pool is kept as it is.");
        Console.WriteLine($"The pool is {options.Pool}; look at it with: ./pmem pool info {options.Pool}");
    }

    private sealed record RoundResult(TimeSpan Worked, long Transfers, TimeSpan Recovery, int RolledBack, string? Problem)
    {
        public double PerSecond => Transfers / Math.Max(Worked.TotalSeconds, 0.001);
    }
}
