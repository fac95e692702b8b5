namespace Pmem.CrashTesting.Concurrency;

/// <summary>An operation of a history.</summary>
/// <param name="Operation">What was asked for.</param>
/// <param name="Result">What it answered; means nothing unless it ended.</param>
/// <param name="Begin">When it began, as a position in the order of visibility.</param>
/// <param name="End">When it ended, or null when the crash came first.</param>
public sealed record HistoryOperation<TOperation, TResult>(TOperation Operation, TResult? Result, int Begin, int? End);

/// <summary>
/// Durable linearizability (Izraelevitz, Mendes, Scott 2016): what a crash left must be what some one-after-another execution leaves, of all
/// operations that had ended and any of those that had not, in which no operation comes before one that had ended when it began, and every
/// ended one answers what it answered.
/// </summary>
public static class DurableLinearizability
{
    /// <summary>Most operations of a history.</summary>
    public const int MaximumOperations = 64;

    /// <summary>Whether the recovered state is explained by the history; searches all orders, each state once (Wing and Gong).</summary>
    /// <param name="initial">The state before the first operation.</param>
    /// <param name="history">At most 64 operations.</param>
    /// <param name="apply">The sequential model: state and operation give the next state and the answer. States need equality.</param>
    /// <param name="recovered">The state that recovery found.</param>
    /// <exception cref="ArgumentException">The history is too long.</exception>
    public static bool IsExplained<TState, TOperation, TResult>(
        TState initial, IReadOnlyList<HistoryOperation<TOperation, TResult>> history, Func<TState, TOperation, (TState State, TResult Result)> apply, TState recovered)
    {
        ArgumentNullException.ThrowIfNull(history);
        ArgumentNullException.ThrowIfNull(apply);
        if (history.Count > MaximumOperations)
            throw new ArgumentException($"a history of {history.Count} operations is too long to be checked; at most {MaximumOperations} are", nameof(history));
        ulong ended = 0;
        for (int i = 0; i < history.Count; i++)
            ended |= history[i].End is null ? 0 : 1UL << i;
        var search = new Search<TState, TOperation, TResult>(history, apply, recovered, ended);
        return search.Find(initial, 0);
    }

    private sealed class Search<TState, TOperation, TResult>(
        IReadOnlyList<HistoryOperation<TOperation, TResult>> history, Func<TState, TOperation, (TState State, TResult Result)> apply, TState recovered, ulong ended)
    {
        private readonly HashSet<(ulong Done, TState State)> _seen = [];

        public bool Find(TState state, ulong done)
        {
            if ((done & ended) == ended && EqualityComparer<TState>.Default.Equals(state, recovered))
                return true;
            if (!_seen.Add((done, state)))
                return false;
            for (int i = 0; i < history.Count; i++)
            {
                if ((done & (1UL << i)) != 0 || !MayBeNext(i, done))
                    continue;
                (TState next, TResult result) = apply(state, history[i].Operation);
                if (history[i].End is not null && !EqualityComparer<TResult>.Default.Equals(result, history[i].Result))
                    continue;
                if (Find(next, done | (1UL << i)))
                    return true;
            }

            return false;
        }

        // Nothing that ended before it began is left behind it.
        private bool MayBeNext(int index, ulong done)
        {
            for (int i = 0; i < history.Count; i++)
            {
                if (i != index && (done & (1UL << i)) == 0 && history[i].End is { } end && end < history[index].Begin)
                    return false;
            }

            return true;
        }
    }
}
