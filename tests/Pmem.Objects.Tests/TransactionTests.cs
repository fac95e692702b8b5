namespace Pmem.Objects.Tests;

/// <summary>What a transaction promises while the process lives.</summary>
public sealed class TransactionTests : IDisposable
{
    private readonly ObjectStore _store = ObjectStore.Create(PersistentMap.CreateAnonymous(32 << 20), "tests");

    private ref Fields Root => ref _store.Root<Fields>();

    public void Dispose() => _store.Dispose();

    [Fact]
    public void Commit_keeps_and_dispose_without_commit_restores()
    {
        using (Transaction tx = _store.BeginTransaction())
        {
            tx.Set(ref Root.A, 1);
            tx.Commit();
        }

        using (Transaction tx = _store.BeginTransaction())
        {
            tx.Set(ref Root.A, 2);
            tx.Snapshot(ref Root);
            Root.B = 3;
        }

        Assert.Equal(1, Root.A);
        Assert.Equal(0, Root.B);
    }

    [Fact]
    public void An_exception_in_the_body_restores_and_goes_on()
    {
        var cause = new InvalidDataException("x");
        Assert.Same(cause, Assert.Throws<InvalidDataException>(() => _store.Run(tx =>
        {
            tx.Set(ref Root.A, 2);
            throw cause;
        })));
        Assert.Equal(0, Root.A);
        _store.Run(tx => tx.Set(ref Root.A, 3));
        Assert.Equal(3, Root.A);
        Assert.Equal(30, _store.Run(10, (tx, state) => state * Root.A));
    }

    [Fact]
    public void An_abort_carries_its_cause()
    {
        using Transaction tx = _store.BeginTransaction();
        var cause = new InvalidDataException("not enough money");
        TransactionAbortedException aborted = Assert.Throws<TransactionAbortedException>(() => tx.Abort(cause));
        Assert.Same(cause, aborted.InnerException);
        Assert.Contains("not enough money", aborted.Message, StringComparison.Ordinal);
        Assert.Same(cause, Assert.Throws<TransactionAbortedException>(() => tx.Allocate(10)).InnerException);
        Assert.Throws<TransactionAbortedException>(() => tx.Commit());
    }

    [Fact]
    public void An_inner_abort_aborts_all()
    {
        using (Transaction outer = _store.BeginTransaction())
        {
            outer.Set(ref Root.A, 5);
            using (Transaction inner = _store.BeginTransaction())
                inner.Set(ref Root.B, 6);
            Assert.Throws<TransactionAbortedException>(() => outer.Set(ref Root.A, 7));
            Assert.Throws<TransactionAbortedException>(() => outer.Commit());
            Assert.Throws<TransactionAbortedException>(() => _store.BeginTransaction());
        }

        Assert.Equal((0, 0), (Root.A, Root.B));
    }

    [Fact]
    public void Misuse_is_an_exception_that_says_so()
    {
        Transaction ended = _store.BeginTransaction();
        ended.Commit();
        Assert.Contains("has ended", Assert.Throws<TransactionException>(() => ended.Allocate(10)).Message, StringComparison.Ordinal);
        Assert.Contains("has ended", Assert.Throws<TransactionException>(() => ended.Commit()).Message, StringComparison.Ordinal);
        ended.Dispose();
        Assert.Equal(TransactionStage.None, ended.Stage);
        Assert.Throws<TransactionException>(() => default(Transaction).Commit());
        default(Transaction).Dispose();

        using Transaction outer = _store.BeginTransaction();
        using (Transaction inner = _store.BeginTransaction())
        {
            Assert.Contains("nested", Assert.Throws<TransactionException>(() => outer.Commit()).Message, StringComparison.Ordinal);
            inner.Commit();
        }

        Exception? other = null;
        var thread = new Thread(() => other = Record.Exception(() => outer.Allocate(10)));
        thread.Start();
        thread.Join();
        Assert.Contains("thread", Assert.IsType<TransactionException>(other).Message, StringComparison.Ordinal);

        Assert.Throws<ArgumentOutOfRangeException>(() => outer.Snapshot(0, 100));
        Assert.Throws<ArgumentOutOfRangeException>(() => outer.Snapshot(long.MaxValue, 100));
        Assert.Throws<ArgumentOutOfRangeException>(() => outer.Allocate(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => outer.Allocate(ObjectStore.MaximumObjectSize + 1));
        long local = 0;
        Assert.Throws<ArgumentException>(() => outer.Snapshot(ref local));
        outer.Commit();
    }

    [Fact]
    public void Freed_twice_is_an_exception()
    {
        ObjectId id = _store.Allocate(100);
        using (Transaction tx = _store.BeginTransaction())
        {
            tx.Free(id);
            Assert.Throws<TransactionException>(() => tx.Free(id));
            tx.Free(ObjectId.Null);
            tx.Commit();
        }

        Assert.Throws<ArgumentException>(() => _store.Free(id));
        using Transaction again = _store.BeginTransaction();
        Assert.Throws<TransactionException>(() => again.Free(id));
        Assert.Throws<TransactionException>(() => again.Free(id with { Offset = id.Offset + 1 }));
    }

    [Fact]
    public void Allocations_and_frees_happen_at_commit()
    {
        ObjectId old = _store.Allocate(100, 1);
        using (Transaction tx = _store.BeginTransaction())
        {
            tx.Free(old);
            tx.Allocate(200, 2);
        }

        Assert.Equal([1UL], Types());
        using (Transaction tx = _store.BeginTransaction())
        {
            tx.Free(old);
            ObjectId gone = tx.Allocate(300, 3);
            tx.Free(gone);
            tx.Allocate(200, 2);
            tx.Commit();
        }

        Assert.Equal([2UL], Types());
    }

    [Fact]
    public void Reallocation_keeps_the_content()
    {
        ObjectId id = _store.Allocate(100, 1);
        _store.Map.Fill((long)id.Offset, 7, 100);
        using (Transaction tx = _store.BeginTransaction())
        {
            id = tx.Reallocate(id, 5000, 1, AllocationOptions.Zero);
            tx.Commit();
        }

        Assert.Equal(-1, _store.GetSpan(id)[..100].IndexOfAnyExcept((byte)7));
        Assert.Equal(-1, _store.GetSpan(id)[112..].IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void Strings_come_back()
    {
        ObjectId id;
        using (Transaction tx = _store.BeginTransaction())
        {
            id = tx.DuplicateString("Grüße, 世界", 4);
            tx.Commit();
        }

        Assert.Equal("Grüße, 世界", _store.ReadString(id));
        ObjectId other = default;
        _store.DuplicateString(ref other, "plain");
        Assert.Equal("plain", _store.ReadString(other));
    }

    [Fact]
    public void Atomic_operations_inside_a_large_transaction_do_not_take_its_log_away()
    {
        var ids = new ObjectId[200];
        for (int i = 0; i < ids.Length; i++)
            ids[i] = _store.Allocate(800, 1);
        using (Transaction tx = _store.BeginTransaction())
        {
            foreach (ObjectId id in ids)
                tx.Free(id);
            _store.Allocate(ref Root.Id, 100, 2);
            _store.Free(ref Root.Id);
            tx.Commit();
        }

        Assert.Empty(Types());
    }

    [Fact]
    public unsafe void A_misaligned_id_in_the_pool_is_refused_before_anything_happens()
    {
        long at = (long)_store.GetRoot(4096).Offset + 4;
        Assert.Throws<ArgumentException>(() => _store.Allocate(ref _store.Map.GetRef<ObjectId>(at), 100));
        Assert.Empty(Types());
        _store.Allocate(100, 7);
        Assert.Equal([7UL], Types());
    }

    [Fact]
    public void Closing_the_store_aborts_the_transaction_of_the_thread()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(16 << 20);
        ObjectStore store = ObjectStore.Create(map, "closing");
        long root = (long)store.GetRoot(4096).Offset;
        Transaction tx = store.BeginTransaction();
        tx.Snapshot(root, 8);
        store.Map.GetRef<ulong>(root) = 5;
        store.Dispose();
        Assert.Contains("has ended", Assert.Throws<TransactionException>(() => tx.Commit()).Message, StringComparison.Ordinal);
        tx.Dispose();
        Assert.Throws<ObjectDisposedException>(() => store.BeginTransaction());
        Assert.Throws<ObjectDisposedException>(() => store.Allocate(100));
        Assert.Throws<ObjectDisposedException>(() => map.ReadUInt64(root));
    }

    [Fact]
    public void Actions_that_a_transaction_took_over_cannot_be_cancelled_or_published_again()
    {
        PersistentAction[] actions = new PersistentAction[1];
        using Transaction tx = _store.BeginTransaction();
        _store.Reserve(100, 5, AllocationOptions.None, out actions[0]);
        tx.Publish(actions);
        Assert.Throws<ArgumentException>(() => tx.Publish(actions));
        _store.Cancel(actions);
        tx.Commit();
        ObjectId second = _store.Allocate(100, 6);
        Assert.Equal([5UL, 6UL], Types().Order());
        _store.Free(second);
    }

    [Fact]
    public void Reallocating_what_was_freed_allocates_nothing()
    {
        ObjectId id = _store.Allocate(100, 1);
        using (Transaction tx = _store.BeginTransaction())
        {
            tx.Free(id);
            Assert.Throws<TransactionException>(() => tx.Reallocate(id, 500, 2));
            tx.Commit();
        }

        Assert.Empty(Types());
    }

    [Fact]
    public void Many_stores_to_one_word_happen_in_order()
    {
        long root = (long)_store.GetRoot(4096).Offset;
        var actions = new PersistentAction[60];
        for (int i = 0; i < actions.Length; i++)
            _store.SetValue(ref _store.Map.GetRef<ulong>(root + (i % 2 * 8)), (ulong)i, out actions[i]);
        _store.Publish(actions);
        Assert.Equal((58UL, 59UL), (_store.Map.ReadUInt64(root), _store.Map.ReadUInt64(root + 8)));
    }

    [Fact]
    public void Stages_are_called_back_in_order()
    {
        var stages = new List<TransactionStage>();
        using (Transaction tx = _store.BeginTransaction())
        {
            tx.OnStage(stages.Add);
            tx.UserData = "mine";
            Assert.Equal("mine", tx.UserData);
            tx.Commit();
        }

        Assert.Equal([TransactionStage.Work, TransactionStage.OnCommit, TransactionStage.Finally], stages);
        stages.Clear();
        using (Transaction tx = _store.BeginTransaction())
        {
            Assert.Null(tx.UserData);
            tx.OnStage(stages.Add);
        }

        Assert.Equal([TransactionStage.OnAbort, TransactionStage.Finally], stages);
    }

    [Fact]
    public void A_callback_that_throws_before_the_commit_aborts()
    {
        Assert.Throws<InvalidDataException>(() => _store.Run(tx =>
        {
            tx.Set(ref Root.A, 9);
            tx.OnStage(stage =>
            {
                if (stage == TransactionStage.Work)
                    throw new InvalidDataException();
            });
        }));
        Assert.Equal(0, Root.A);
    }

    [Fact]
    public void Locks_are_held_to_the_end()
    {
        using (Transaction tx = _store.BeginTransaction())
        {
            tx.Lock(ref Root.Mutex);
            tx.Lock(ref Root.Mutex);
            tx.Snapshot(ref Root); // the lock is inside: an abort must not restore its state
            bool taken = true;
            var thread = new Thread(() => taken = _store.TryLock(ref Root.Mutex));
            thread.Start();
            thread.Join();
            Assert.False(taken);
        }

        _store.Lock(ref Root.Mutex);
        Assert.Throws<LockRecursionException>(() => _store.Lock(ref Root.Mutex));
        _store.Unlock(ref Root.Mutex);
        Assert.Throws<SynchronizationLockException>(() => _store.Unlock(ref Root.Mutex));
    }

    [Fact]
    public void Out_of_space_aborts_and_leaves_the_store_usable()
    {
        using (Transaction tx = _store.BeginTransaction())
        {
            tx.Set(ref Root.A, 4);
            Assert.Contains("no free space", Assert.Throws<OutOfSpaceException>(() => tx.Allocate(64 << 20)).Message, StringComparison.Ordinal);
            Assert.Throws<TransactionAbortedException>(() => tx.Commit());
        }

        Assert.Equal(0, Root.A);
        _store.Allocate(100);
    }

    [Fact]
    public void Random_ranges_are_restored_byte_for_byte()
    {
        const int Size = 200_000;
        _store.GetRoot(Size);
        long root = _store.RootOffset;
        var random = new Random(7);
        for (int round = 0; round < 60; round++)
        {
            byte[] before = _store.Map.GetSpan(root, Size).ToArray();
            byte[] after = [.. before];
            bool commit = random.Next(2) == 0;
            using (Transaction tx = _store.BeginTransaction())
            {
                for (int i = random.Next(400); i > 0; i--)
                {
                    int length = 1 + random.Next(random.Next(20) == 0 ? 30_000 : 300);
                    int at = random.Next(Size - length);
                    byte value = (byte)random.Next(256);
                    if (random.Next(4) == 0)
                        tx.Snapshot([new PoolRange(root + at, length), new PoolRange(root + random.Next(Size - 64), 64)]);
                    else
                        tx.Snapshot(root + at, length);
                    _store.Map.GetSpan(root + at, length).Fill(value);
                    after.AsSpan(at, length).Fill(value);
                }

                if (commit)
                    tx.Commit();
            }

            Assert.True(_store.Map.GetSpan(root, Size).SequenceEqual(commit ? after : before), $"round {round}");
        }
    }

    [Fact]
    public void A_warm_transaction_allocates_nothing()
    {
        var ids = new ObjectId[10];
        Work(50);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Work(50);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Work(int rounds)
        {
            Span<PoolRange> ranges = stackalloc PoolRange[2];
            long root = _store.RootOffset == 0 ? (long)_store.GetRoot(4096).Offset : _store.RootOffset;
            for (int i = 0; i < rounds; i++)
            {
                using (Transaction tx = _store.BeginTransaction())
                {
                    tx.Snapshot(root, 8);
                    ranges[0] = new PoolRange(root + 64, 8);
                    ranges[1] = new PoolRange(root + 256, 100);
                    tx.Snapshot(ranges);
                    for (int j = 0; j < ids.Length; j++)
                        ids[j] = tx.Allocate(100);
                    tx.Commit();
                }

                using (Transaction tx = _store.BeginTransaction())
                {
                    foreach (ObjectId id in ids)
                        tx.Free(id);
                    tx.Commit();
                }

                using (Transaction tx = _store.BeginTransaction())
                    tx.Snapshot(root, 500);
                _store.Free(_store.Allocate(200));
            }
        }
    }

    [Fact]
    public void Many_threads_change_what_is_theirs()
    {
        const int Threads = 8;
        const int Rounds = 2000;
        _store.GetRoot(Threads * 4096);
        long root = _store.RootOffset;
        Exception? failure = null;
        var threads = new Thread[Threads];
        for (int t = 0; t < Threads; t++)
        {
            long mine = root + (t * 4096);
            int seed = t;
            threads[t] = new Thread(() =>
            {
                try
                {
                    Churn(mine, new Random(seed), Rounds);
                }
                catch (Exception e)
                {
                    failure = e;
                }
            });
            threads[t].Start();
        }

        foreach (Thread thread in threads)
            thread.Join();
        Assert.Null(failure);
        for (int t = 0; t < Threads; t++)
            Assert.Equal((ulong)Rounds, _store.Map.ReadUInt64(root + (t * 4096)));
        Assert.Equal(Threads * 10, _store.EnumerateObjects().Count(o => !o.IsInternal));
    }

    private void Churn(long mine, Random random, int rounds)
    {
        var live = new Queue<ObjectId>();
        for (int i = 0; i < rounds; i++)
        {
            using Transaction tx = _store.BeginTransaction();
            tx.Snapshot(mine, 8);
            _store.Map.GetRef<ulong>(mine) = (ulong)i + 1;
            live.Enqueue(tx.Allocate(1 + random.Next(2000), 1));
            if (live.Count > 10)
                tx.Free(live.Dequeue());
            tx.Commit();
        }
    }

    private IEnumerable<ulong> Types() => _store.EnumerateObjects().Where(o => !o.IsInternal).Select(o => o.TypeNumber);

    private struct Fields
    {
        public long A;
        public long B;
        public PersistentMutex Mutex;
        public ObjectId Id;
    }
}
