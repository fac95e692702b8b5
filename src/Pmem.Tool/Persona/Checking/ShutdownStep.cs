using Pmem.Pools;

namespace Pmem.Tool.Persona.Checking;

/// <summary>The shutdown state of each replica.</summary>
internal sealed class ShutdownStep(Conversation talk, CheckedPool pool)
{
    private int _healthy;

    /// <summary>Whether only some replicas are healthy.</summary>
    public bool SyncRequired { get; private set; }

    public IEnumerable<Pause> Run()
    {
        int replicas = pool.Replicas.Count;
        _healthy = Enumerable.Range(0, replicas).Count(IsHealthy);
        if (_healthy == replicas)
        {
            for (int r = 0; r < replicas; r++)
            {
                talk.Say($"{Prefix(r)}checking shutdown state");
                talk.Say($"{Prefix(r)}shutdown state correct");
            }

            yield break;
        }

        SyncRequired = _healthy > 0;
        for (int r = 0; r < replicas && _healthy == 0; r++)
        {
            int replica = r;
            talk.Say($"{Prefix(r)}checking shutdown state");
            bool isTracked = pool.ReadHeader(r, 0).Incompat.HasFlag(IncompatFeatures.ShutdownState);
            string problem = isTracked ? "an ADR failure was detected - your pool might be corrupted" : "shutdown state is dirty";
            if (!talk.Request.Repair)
            {
                talk.End(CheckState.NotConsistent, Prefix(r) + problem);
                yield break;
            }

            const string Reset = "Do you want to reset shutdown state at your own risk? If you have more then one replica you will have to synchronize your pool after this operation.";
            talk.Ask($"{Prefix(r)}{problem}.|{(isTracked ? Reset : "Do you want to zero shutdown state?")}", () => Mend(replica));
            if (talk.State == CheckState.AskQuestions)
                yield return default;
            if (!talk.Carry(stopsOnNo: false))
                yield break;
        }

        if (_healthy == 0)
            talk.Fail(CheckState.NotConsistent, "cannot complete repair, reverting changes");
        else
            SyncRequired |= _healthy < replicas;
    }

    private string Prefix(int replica) => pool.Replicas.Count > 1 ? $"replica {replica}: " : string.Empty;

    private bool IsHealthy(int replica)
    {
        PoolHeader header = pool.ReadHeader(replica, 0);
        if (!header.Incompat.HasFlag(IncompatFeatures.ShutdownState))
            return header.ShutdownState.IsZero();
        return header.ShutdownState.Judge(pool.CurrentShutdownState(replica)) != ShutdownVerdict.AdrFailure;
    }

    private bool Mend(int replica)
    {
        talk.Say($"{Prefix(replica)}resetting pool_hdr.sds");
        byte[] header = pool.ReadHeaderBytes(replica, 0);
        header.AsSpan(PoolHeader.ShutdownStatePosition, ShutdownState.Size).Clear();
        pool.WriteHeader(replica, 0, header);
        _healthy++;
        return true;
    }
}
