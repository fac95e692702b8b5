using Pmem;

namespace Bank;

/// <summary>The process that works until it is killed: each thread moves money, and acknowledges each transfer after its commit.</summary>
internal static class Worker
{
    /// <summary>Bytes between the threads' words in the file of acknowledgements.</summary>
    public const int AckStride = 64;

    public static int Run(BankOptions options, int round)
    {
        using BankStore bank = BankStore.Open(options.Pool);
        using PersistentMap acks = PersistentMap.Open(options.AckFile);
        for (int i = 0; i < options.Threads; i++)
            bank.Archive(i);

        Console.WriteLine("working");
        var threads = new Thread[options.Threads];
        for (int i = 0; i < threads.Length; i++)
        {
            int index = i;
            threads[i] = new Thread(() => Work(bank, acks, index, new Random((((options.Seed * 1009) + round) * 31) + index)));
            threads[i].Start();
        }

        foreach (Thread thread in threads)
            thread.Join();
        return 1; // only a kill ends the work; coming here means that a thread failed
    }

    private static void Work(BankStore bank, PersistentMap acks, int index, Random random)
    {
        ulong done = bank.Transferred(index);
        while (true)
        {
            ulong from = (ulong)random.NextInt64((long)bank.Accounts);
            ulong to = (ulong)random.NextInt64((long)bank.Accounts);
            if (from == to || !bank.TryTransfer(index, from, to, 1 + random.Next(100)))
                continue;

            // A stored word survives the death of the process; that is all an acknowledgement has to do here.
            acks.StoreUInt64(index * AckStride, ++done);
        }
    }
}
