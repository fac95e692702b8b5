using Microsoft.Win32.SafeHandles;
using Pmem.Emulation.Modules;
using Pmem.Platform.Dsm;
using Pmem.Platform.Labels;

namespace Pmem.Emulation;

/// <content>
/// Commands to the firmware of modules. What a command changes is saved before its answer is given. An erasure is saved as an intention first, and done again at the next
/// opening if it was interrupted: a passphrase that is gone never leaves content behind.
/// </content>
public sealed partial class VirtualPlatform
{
    private readonly Dictionary<int, FirmwareUpdate> _updates = [];
    private bool _hasUnsavedLog;

    /// <summary>
    /// Sends a command to a module, as <c>_DSM</c> does: Intel's functions 1 to 30, or those of <see cref="VirtualDimm.Family"/>. Durable at return.
    /// </summary>
    /// <param name="dimm">Number of the DIMM.</param>
    /// <param name="family">GUID of the family; of one that the module does not know the answer is one byte, 0.</param>
    /// <param name="function">Number of the function; 0 answers which there are.</param>
    /// <param name="payload">Its input, any bytes.</param>
    /// <returns>Its output: a status and what belongs to it.</returns>
    /// <exception cref="PmemException">There is no such DIMM, or it is lost, or a guest has the platform, or the power is off.</exception>
    public byte[] Execute(int dimm, Guid family, int function, ReadOnlySpan<byte> payload = default)
    {
        lock (_gate)
        {
            DemandMemory();
            FinishOverwrites();
            VirtualDimm before = DimmOf(dimm);
            if (before.IsLost)
                throw new PmemException($"nmem{dimm} is not there: it answers no commands");
            if (!_updates.TryGetValue(dimm, out FirmwareUpdate? update))
                _updates[dimm] = update = new FirmwareUpdate();
            var module = new ModuleCommands(before, _labels[dimm], update, IsInUse(dimm), Clock.GetUtcNow());
            byte[] answer = module.Execute(family, function, payload);
            Keep(dimm, before, module.Module, module.Erase);
            return answer;
        }
    }

    /// <summary>Sends a command to a module, with typed input and output.</summary>
    /// <typeparam name="T">The output of the function.</typeparam>
    /// <exception cref="PmemException">As the other overload.</exception>
    public T Execute<T>(int dimm, Guid family, int function, DsmPayload? input = null)
        where T : DsmPayload, new() => DsmPayload.Parse<T>(Execute(dimm, family, function, input is null ? [] : input.ToBytes()));

    /// <summary>
    /// Activates firmware that modules are armed with while the system runs, as Intel's function 2 of the root device does. Durable at return.
    /// </summary>
    /// <returns>Numbers of the DIMMs whose version changed.</returns>
    /// <exception cref="PmemException">A guest has the platform, or the power is off.</exception>
    public IReadOnlyList<int> ActivateFirmware()
    {
        const int Succeeded = 2;
        lock (_gate)
        {
            DemandMemory();
            int[] armed = [.. Enumerable.Range(0, _state.Dimms.Count).Where(i => _state.Dimms[i] is { IsActivationArmed: true, StagedFirmware: not null })];
            if (armed.Length > 0)
                Rebuild(_state with { Dimms = [.. _state.Dimms.Select((dimm, i) => armed.Contains(i) ? WithStaged(dimm) with { ActivationResult = Succeeded } : dimm)] });
            return armed;
        }
    }

    private static VirtualDimm WithStaged(VirtualDimm dimm) => dimm with { FirmwareVersion = dimm.StagedFirmware ?? dimm.FirmwareVersion, StagedFirmware = null, IsActivationArmed = false };

    private void Keep(int number, VirtualDimm before, VirtualDimm after, ModuleErase erase)
    {
        if (ReferenceEquals(before, after))
            return;
        VirtualDimm[] dimms = [.. _state.Dimms];
        dimms[number] = after with { PendingErase = erase };
        if (after with { CommandLog = before.CommandLog } == before && erase == ModuleErase.None)
        {
            // A question: its place in the log is saved with the next change.
            lock (_stateGate)
                _state = _state with { Dimms = dimms };
            _hasUnsavedLog = true;
            return;
        }

        Rebuild(_state with { Dimms = dimms });
        _hasUnsavedLog = false;
        if (erase != ModuleErase.None)
            FinishErasures();
    }

    /// <summary>Does what was intended: at once, or after a crash.</summary>
    private void FinishErasures()
    {
        if (_state.Dimms.All(dimm => dimm.PendingErase == ModuleErase.None))
            return;
        foreach (VirtualDimm dimm in _state.Dimms.Where(dimm => dimm.PendingErase != ModuleErase.None && !dimm.IsLost))
            EraseContent(dimm);
        Rebuild(_state with { Dimms = [.. _state.Dimms.Select(dimm => dimm.IsLost || dimm.PendingErase == ModuleErase.None ? dimm : dimm with { PendingErase = ModuleErase.None, Poison = [], Reported = null })] });
    }

    /// <summary>Opens modules again whose overwrite is over: it takes the time that its speed makes of its capacity, by the clock, as a scrub does. Nothing of the content is left from its start.</summary>
    private void FinishOverwrites()
    {
        // What a guest was not given is not opened while it runs: it would be written back over.
        if (HasGuest || !_state.Dimms.Any(IsOverwritten))
            return;
        lock (_gate)
        {
            if (!_isOff && !HasGuest && _state.Dimms.Any(IsOverwritten))
                Rebuild(_state with { Dimms = [.. _state.Dimms.Select(dimm => IsOverwritten(dimm) ? dimm with { Security = dimm.Security with { OverwriteStarted = null } } : dimm)] });
        }
    }

    private bool IsOverwritten(VirtualDimm dimm) => OverwriteProgress(dimm) >= 1;

    private double? OverwriteProgress(VirtualDimm dimm) => dimm.Security.OverwriteStarted is { } started
        ? Math.Clamp(ScrubElapsed(started) / TimeFor((double)dimm.Capacity + dimm.LabelSize), 0, 1)
        : null;

    private void EraseContent(VirtualDimm dimm)
    {
        string path = Path.Combine(_folder, dimm.File);
        long end = dimm.Capacity + (dimm.PendingErase == ModuleErase.Everything ? dimm.LabelSize : 0);
        using SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using PersistentMap map = PersistentMap.Open(path);
        byte[] buffer = new byte[1 << 20];
        for (long at = FileSpace.NextData(file, 0); at < end; at = FileSpace.NextData(file, at))
        {
            int read = RandomAccess.Read(file, buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - at)), at);
            if (read == 0)
                break;
            if (buffer.AsSpan(0, read).ContainsAnyExcept((byte)0))
                map.Fill(at, 0, read);
            at += read;
        }
    }

    private bool IsInUse(int dimm)
    {
        lock (_volumeGate)
            return _volumes.Any(volume => volume.Map.Length > 0 && volume.Set.Dimms.Contains(dimm)) || _windows.Exists(windows => windows.Dimm == dimm && windows.IsOpen);
    }
}
