using Pmem.Objects;

namespace Bank;

/// <summary>A bank in a pool: accounts in a persistent hash table, transfers in persistent lists.</summary>
internal sealed class BankStore(ObjectStore store) : IDisposable
{
    private const ulong AccountType = 1;
    private const ulong JournalPageType = 2;

    public ObjectStore Store { get; } = store;

    private ref BankRoot Root => ref Store.Root<BankRoot>();

    public static BankStore Create(string path, ulong accounts, long initialBalance, long poolSize)
    {
        ObjectStore store = ObjectStore.Create(path, "bank", poolSize);
        ref BankRoot root = ref store.Root<BankRoot>();
        ulong buckets = Math.Max(64, accounts);
        using (Transaction tx = store.BeginTransaction())
        {
            ObjectId table = tx.Allocate((long)buckets * 8, options: AllocationOptions.Zero);
            tx.Snapshot(ref root.Accounts);
            tx.Set(ref root.Table, new ObjectRef<ObjectRef<Account>>(table.Offset));
            tx.Set(ref root.Buckets, buckets);
            tx.Set(ref root.InitialBalance, initialBalance);
            tx.Commit();
        }

        // A few hundred accounts a transaction; Accounts counts those that are there, so a crash here would lose none and double none.
        for (ulong next = 0; next < accounts;)
        {
            using Transaction tx = store.BeginTransaction();
            for (int i = 0; i < 200 && next < accounts; i++, next++)
            {
                ObjectRef<Account> account = tx.New<Account>(AccountType);
                ref ObjectRef<Account> head = ref Bucket(store, next);
                ref Account fresh = ref store.Get(account);
                fresh.Number = next;
                fresh.Balance = initialBalance;
                fresh.Next = head;
                tx.Set(ref head, account);
            }

            tx.Set(ref root.Accounts, next);
            tx.Commit();
        }

        return new BankStore(store);
    }

    public static BankStore Open(string path) => new(ObjectStore.Open(path, "bank"));

    public ulong Accounts => Root.Accounts;

    public long InitialBalance => Root.InitialBalance;

    /// <summary>Moves money and writes it down, all or nothing. Durable at return.</summary>
    public bool TryTransfer(int thread, ulong from, ulong to, long amount)
    {
        ref BankRoot root = ref Root;
        int first = (int)(BucketOf(from) % LockStripes.Length);
        int second = (int)(BucketOf(to) % LockStripes.Length);

        using Transaction tx = Store.BeginTransaction();
        // In ascending order, so that two threads never wait for each other.
        tx.Lock(ref root.Locks[Math.Min(first, second)]);
        tx.Lock(ref root.Locks[Math.Max(first, second)]);

        ref Account payer = ref Find(from);
        ref Account payee = ref Find(to);
        if (payer.Balance < amount)
            return false; // disposing without commit aborts

        ref Journal journal = ref root.Journals[thread];
        ref JournalPage page = ref WritablePage(tx, ref journal);

        // Three words change: one wait for all of them instead of one for each.
        tx.Snapshot([Range(ref payer.Balance), Range(ref payee.Balance), Range(ref page.Count)]);
        payer.Balance -= amount;
        payee.Balance += amount;

        ref Transfer entry = ref page.Entries[(int)page.Count];
        Store.TryGetOffset(ref entry, out long at);
        tx.AddWithoutSnapshot(at, 32); // behind Count: nothing to restore, but to be flushed
        entry = new Transfer { Sequence = page.FirstSequence + page.Count, From = from, To = to, Amount = amount };
        page.Count++;
        tx.Commit();
        return true;
    }

    /// <summary>Number of transfers that a thread has made.</summary>
    public ulong Transferred(int thread)
    {
        ulong count = Root.Journals[thread].Archived;
        foreach (Transfer _ in Transfers(thread))
            count++;
        return count;
    }

    public IEnumerable<Transfer> Transfers(int thread)
    {
        for (ObjectRef<JournalPage> at = Root.Journals[thread].First; !at.IsNull; at = Store.Get(at).Next)
        {
            for (int i = 0; i < (int)Store.Get(at).Count; i++)
                yield return Store.Get(at).Entries[i];
        }
    }

    public IEnumerable<(ulong Number, long Balance)> Balances()
    {
        for (ulong number = 0; number < Accounts; number++)
            yield return (number, Find(number).Balance);
    }

    /// <summary>Frees all pages of a journal but the last, one transaction a page.</summary>
    public void Archive(int thread)
    {
        ref Journal journal = ref Root.Journals[thread];
        while (!journal.First.IsNull && journal.First != journal.Last)
        {
            using Transaction tx = Store.BeginTransaction();
            ObjectRef<JournalPage> oldest = journal.First;
            tx.Set(ref journal.Archived, journal.Archived + Store.Get(oldest).Count);
            tx.Set(ref journal.First, Store.Get(oldest).Next);
            tx.Free(oldest);
            tx.Commit();
        }
    }

    public void Dispose() => Store.Dispose();

    private ref JournalPage WritablePage(Transaction tx, ref Journal journal)
    {
        if (!journal.Last.IsNull && Store.Get(journal.Last).Count < JournalPage.Capacity)
            return ref Store.Get(journal.Last);

        ObjectRef<JournalPage> fresh = tx.New<JournalPage>(JournalPageType);
        if (journal.Last.IsNull)
        {
            tx.Set(ref journal.First, fresh);
        }
        else
        {
            ref JournalPage last = ref Store.Get(journal.Last);
            tx.Set(ref last.Next, fresh);
            Store.Get(fresh).FirstSequence = last.FirstSequence + last.Count;
        }

        tx.Set(ref journal.Last, fresh);
        return ref Store.Get(fresh);
    }

    private PoolRange Range(ref long word)
    {
        Store.TryGetOffset(ref word, out long offset);
        return new PoolRange(offset, sizeof(long));
    }

    private PoolRange Range(ref ulong word)
    {
        Store.TryGetOffset(ref word, out long offset);
        return new PoolRange(offset, sizeof(ulong));
    }

    private ulong BucketOf(ulong number) => number * 0x9E3779B97F4A7C15 % Root.Buckets;

    private ref Account Find(ulong number)
    {
        for (ObjectRef<Account> at = Bucket(Store, number); !at.IsNull; at = Store.Get(at).Next)
        {
            if (Store.Get(at).Number == number)
                return ref Store.Get(at);
        }

        throw new KeyNotFoundException($"there is no account {number}");
    }

    private static ref ObjectRef<Account> Bucket(ObjectStore store, ulong number)
    {
        ref BankRoot root = ref store.Root<BankRoot>();
        ulong bucket = number * 0x9E3779B97F4A7C15 % root.Buckets;
        return ref store.Map.GetRef<ObjectRef<Account>>((long)(root.Table.Offset + (bucket * 8)));
    }
}
