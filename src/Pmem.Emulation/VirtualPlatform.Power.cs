using Pmem.CrashTesting;
using Pmem.CrashTesting.Model;
using Pmem.Emulation.Modules;
using Pmem.Tracing;

namespace Pmem.Emulation;

/// <content>
/// Power. Volumes of a process that traces (<see cref="PersistenceTrace.IsEnabled"/>) are recorded from the moment they are tracked, and a power cut leaves of
/// each line what the persistence domain guarantees and, by a seed, some of what was under way. Of other volumes everything stored is taken as written.
/// </content>
public sealed partial class VirtualPlatform
{
    private const long MostCompared = 1 << 12;

    /// <summary>A line of a volume, and what a power cut leaves of it.</summary>
    private sealed record LostLine(PersistentMap Map, long Offset, byte[] Content);

    private sealed record Volume(PersistentMap Map, VirtualSet Set, long Offset)
    {
        public TraceRecorder? Recorder { get; init; }

        /// <summary>What it has in the write queues of its set; null where a deep flush drains no queue.</summary>
        public WriteQueue.Share? Queued { get; init; }
    }

    // By the address of the set; under the lock of the volumes.
    private readonly Dictionary<ulong, WriteQueue> _queues = [];

    /// <summary>Whether a deep flush is a write to a flush hint, or PCOMMIT, and so drains whole queues.</summary>
    private bool DrainsQueues => _state.FlushHints > 0 || Domain is null;

    /// <summary>Maps the data of a namespace and records what is done to it, so that a power cut can take back what was not durable.</summary>
    /// <param name="name">Such as <c>namespace0.0</c>.</param>
    /// <param name="rawRanges">Ranges that the program writes directly, through spans and references; the whole volume if none is given.</param>
    /// <exception cref="InvalidOperationException">Tracing is off in this process.</exception>
    /// <exception cref="PmemException">As <see cref="OpenNamespace"/>.</exception>
    public PersistentMap OpenTracked(string name, params (long Offset, int Length)[] rawRanges)
    {
        if (!PersistenceTrace.IsEnabled)
            throw new InvalidOperationException("tracing is off in this process: set the AppContext switch Pmem.Tracing, or start it with PMEM_TRACING=1");
        lock (_gate)
        {
            DemandMemory();
            BeginWear();
        }

        PersistentMap map = OpenNamespace(name);
        if (map.Length > Array.MaxLength)
        {
            map.Dispose();
            throw new PmemException($"{name} is too large to be tracked: at most {Array.MaxLength} bytes");
        }

        lock (_volumeGate)
        {
            int i = _volumes.FindIndex(volume => ReferenceEquals(volume.Map, map));
            if (i < 0)
                throw new PmemException(Off);
            (long, int)[] ranges = rawRanges.Length > 0 ? rawRanges : [(0, checked((int)map.Length))];
            var recorder = new TraceRecorder(map, ranges);
            _volumes[i] = _volumes[i] with { Recorder = recorder, Queued = _queues.GetValueOrDefault(_volumes[i].Set.Start)?.Add(recorder) };
            _wear.Add(new WearCounter(map, _volumes[i].Set, _volumes[i].Offset, _volumes[i].Set.Dimms.ToDictionary(dimm => dimm, OpenWearFile), _wearGate));
        }

        return map;
    }

    /// <summary>
    /// Cuts the power: tracked volumes keep what is durable and, by the seed, a legal part of the rest; all volumes are unmapped, and the platform is off. If ADR fails,
    /// write queues are lost too, and every DIMM counts a dirty shutdown. On a platform without ADR they always are: there the DIMMs count one if something was lost from a queue.
    /// What was disabled is enabled at the next start.
    /// </summary>
    /// <remarks>
    /// A write to a flush hint, and PCOMMIT before there were hints, drains the whole queue: where there is either, a deep flush of a tracked volume (or a sync of it) keeps
    /// all that was flushed and fenced before in any tracked volume of its set. On a platform with ADR and no hints, it keeps its own range.
    /// </remarks>
    /// <param name="seed">Chooses what survives of what was not durable.</param>
    /// <param name="adrFails">Whether write queues (with eADR: caches) are lost.</param>
    /// <exception cref="PmemException">The power is off, or a guest runs on the platform: stop it, which to it is a power cut. Or a guest has the memory of DIMMs that the cut would lock.</exception>
    public void PowerCut(int seed, bool adrFails = false)
    {
        lock (_gate)
        {
            // What is locked cannot be written back: it would be lost with the guest's memory.
            if (_state.Machine is not null || _state.Dimms.Any(dimm => dimm.Security.Passphrase is not null))
                DemandMemory();
            DemandPower();
            KeepWear();
            CloseWindows();
            List<LostLine> lost = LoseVolumes(new Random(seed), adrFails || Domain is null ? CrashKind.PowerLossWithoutAdr : CrashKind.PowerLoss, out HashSet<int> harmed);

            // Saved first: a process that is killed before the lines are written leaves a power cut in which all of them survived, and never a loss without a power cut.
            Save(_state with
            {
                PowerCuts = _state.PowerCuts + 1,
                DisabledNamespaces = [],
                IsWearOpen = false,
                ScrubStarted = null,
                ScrubsFinished = 0,
                Dimms = [.. _state.Dimms.Select((dimm, i) => AfterCut(dimm, adrFails || harmed.Contains(i) || dimm.Pretended?.UnsafeShutdown == true))],
            }, numbers: []);
            Unmap(lost);
            Close();
        }
    }

    // What the start of a system finds: the scrub at boot reports every error, and no other.
    private static VirtualDimm AfterCut(VirtualDimm dimm, bool isDirty) => WithStaged(dimm) with
    {
        Security = dimm.Security.AfterPowerCycle(),
        LastShutdownWasDirty = isDirty,
        DirtyShutdowns = dimm.DirtyShutdowns + (isDirty ? 1 : 0),
        TornLabels = null,
        Pretended = dimm.Pretended is { } pretended ? pretended with { UnsafeShutdown = false } : null,
        Reported = null,
    };

    /// <summary>What the cut leaves of lines that were under way, and the DIMMs that lost something from their write queues. No volume is opened any more.</summary>
    private List<LostLine> LoseVolumes(Random random, CrashKind kind, out HashSet<int> harmed)
    {
        harmed = [];
        var lost = new List<LostLine>();
        lock (_volumeGate)
        {
            _areVolumesClosed = true;

            // What is taken back from lines wears nothing.
            ForgetWear();
            foreach (Volume volume in _volumes)
            {
                if (volume.Recorder is { } recorder && volume.Map.Length > 0 && Lose(volume, recorder.Stop(), kind, random, lost))
                    harmed.UnionWith(volume.Set.Dimms);
            }
        }

        return lost;
    }

    /// <summary>Writes what is left of lines, and unmaps all volumes.</summary>
    private void Unmap(List<LostLine> lost)
    {
        lock (_volumeGate)
        {
            foreach (LostLine line in lost)
                line.Map.Copy(line.Offset, line.Content);
            foreach (Volume volume in _volumes)
            {
                volume.Recorder?.Dispose();
                volume.Map.Dispose();
            }

            ForgetVolumes();
        }
    }

    private void ForgetVolumes()
    {
        _areVolumesClosed = true;
        _volumes.Clear();
        foreach (WriteQueue queue in _queues.Values)
            queue.Dispose();
        _queues.Clear();
        ForgetWear();
    }

    private void ForgetWear()
    {
        foreach (WearCounter counter in _wear)
            counter.Dispose();
        _wear.Clear();
    }

    private void Opened(PersistentMap map, VirtualSet set, long offset)
    {
        lock (_volumeGate)
        {
            // Views read at any time; what may write is opened while the platform is on, and its own.
            if (_areVolumesClosed || _isOff || HasGuest || _state.Machine is not null)
            {
                map.Dispose();
                DemandMemory();
                throw new PmemException(Off);
            }

            foreach (Volume closed in _volumes.Where(volume => volume.Map.Length == 0))
                closed.Recorder?.Dispose();
            _volumes.RemoveAll(volume => volume.Map.Length == 0);
            _volumes.Add(new Volume(map, set, offset));
            if (PersistenceTrace.IsEnabled && DrainsQueues)
            {
                if (!_queues.TryGetValue(set.Start, out WriteQueue? queue))
                    _queues[set.Start] = queue = new WriteQueue();
                queue.Add(map);
            }

            WatchPoison(map, set, offset);
        }
    }

    /// <summary>Leaves of each line with stores under way one of the contents it may have. Returns whether something is lost that a queue would have kept, had it been written back.</summary>
    private static bool Lose(Volume volume, Trace trace, CrashKind kind, Random random, List<LostLine> lost)
    {
        // With a queue that is lost but was drained, the guarantee is that of the queue at its last drain, and no flush or fence adds to it later. Byte granularity (eADR)
        // has no such queue to look at: there the model without ADR falls back to flushes.
        int drained = volume.Queued is { } queued && kind == CrashKind.PowerLossWithoutAdr && trace.Granularity == StoreGranularity.CacheLine
            ? Math.Max(queued.Drained - 1, trace.Events.ToList().FindLastIndex(item => item.Kind == TraceEventKind.DeepFlush))
            : -1;
        var model = new PersistencyModel(trace.Initial, trace.Granularity, drained < 0 ? kind : CrashKind.PowerLoss);
        PersistencyModel? kept = kind == CrashKind.PowerLossWithoutAdr ? new PersistencyModel(trace.Initial, trace.Granularity) : null;
        for (int i = 0; i < trace.Events.Count; i++)
        {
            TraceEvent item = trace.Events[i];
            kept?.Apply(item);
            if (drained < 0 || i <= drained)
                model.Apply(item);
            else if (item.Kind == TraceEventKind.Store)
                model.Apply(item.Store == StoreKind.ReadModifyWrite ? item with { Store = StoreKind.Ordered } : item);
        }

        bool isHarmed = false;
        Dictionary<long, PendingLine>? open = kept?.Pending.ToDictionary(line => line.Offset);
        foreach (PendingLine line in model.Pending)
        {
            ReadOnlySpan<byte> content = line.GetContent(random.NextInt64(line.Choices));
            isHarmed |= kept is not null && !(open!.TryGetValue(line.Offset, out PendingLine? other) ? MayBe(other, content) : content.SequenceEqual(kept.Guaranteed.Slice((int)line.Offset, line.Length)));
            lost.Add(new LostLine(volume.Map, line.Offset, content.ToArray()));
        }

        return isHarmed;
    }

    // Of a line with more contents than these it is not known, and harm is what to be wary of.
    private static bool MayBe(PendingLine line, ReadOnlySpan<byte> content)
    {
        for (long choice = 0; choice < Math.Min(line.Choices, MostCompared); choice++)
        {
            if (line.GetContent(choice).SequenceEqual(content))
                return true;
        }

        return false;
    }
}
