using System.Runtime.CompilerServices;
using Pmem.Objects;

namespace Bank;

// What lies in the pool. Structures are plain and unmanaged; references are offsets, so they mean the same wherever the pool is mapped.

/// <summary>The root object.</summary>
internal struct BankRoot
{
    public ulong Accounts;
    public long InitialBalance;
    public ulong Buckets;

    /// <summary>The hash table: an object of so many bucket heads.</summary>
    public ObjectRef<ObjectRef<Account>> Table;

    /// <summary>Locks for the buckets, by bucket number modulo the count.</summary>
    public LockStripes Locks;

    /// <summary>One journal for each thread, so that threads do not wait for each other.</summary>
    public Journals Journals;
}

[InlineArray(Length)]
internal struct LockStripes
{
    public const int Length = 64;
    private PersistentMutex _first;
}

[InlineArray(Length)]
internal struct Journals
{
    public const int Length = 16;
    private Journal _first;
}

/// <summary>An account in a bucket's chain.</summary>
internal struct Account
{
    public ulong Number;
    public long Balance;
    public ObjectRef<Account> Next;
}

/// <summary>A list of pages of transfers, oldest first; pages that were verified and freed are only counted.</summary>
internal struct Journal
{
    public ulong Archived;
    public ObjectRef<JournalPage> First;
    public ObjectRef<JournalPage> Last;
    private unsafe fixed ulong _padding[5]; // a journal has cache lines of its own
}

/// <summary>Transfers of one thread; those from Count on do not exist.</summary>
internal struct JournalPage
{
    public const ulong Capacity = Transfers.Length;

    public ulong Count;

    /// <summary>Sequence number of the first transfer.</summary>
    public ulong FirstSequence;
    public ObjectRef<JournalPage> Next;
    public Transfers Entries;
}

[InlineArray(Length)]
internal struct Transfers
{
    public const int Length = 500;
    private Transfer _first;
}

/// <summary>Money that moved.</summary>
internal struct Transfer
{
    public ulong Sequence;
    public ulong From;
    public ulong To;
    public long Amount;
}
