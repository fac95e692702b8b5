namespace Pmem.Tracing;

/// <summary>What a program can say about its own stores, so that tests and lints know what was meant.</summary>
public enum TraceNote
{
    /// <summary>An operation begins; the text is its name.</summary>
    OperationBegin,

    /// <summary>The calling thread's operation ended: from now on it must survive.</summary>
    OperationEnd,

    /// <summary>A transaction begins on this thread.</summary>
    TransactionBegin,

    /// <summary>A range belongs to the thread's transaction: it may be changed, and comes back if the transaction does not commit.</summary>
    TransactionAdd,

    /// <summary>The thread's transaction is committed.</summary>
    TransactionCommit,

    /// <summary>The thread's transaction is taken back.</summary>
    TransactionAbort,

    /// <summary>A range was given to the program.</summary>
    Allocate,

    /// <summary>A range was taken back from the program.</summary>
    Free,

    /// <summary>The range decides whether other data counts: it must be stored in one piece, after that data is durable.</summary>
    CommitWord,

    /// <summary>Findings of a lint rule are meant from here on; the text is the rule and why.</summary>
    AcceptBegin,

    /// <summary>The latest acceptance of this thread ends.</summary>
    AcceptEnd,
}
