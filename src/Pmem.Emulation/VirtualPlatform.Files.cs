namespace Pmem.Emulation;

/// <content>The files of a platform, for commands that know a file and not its platform.</content>
public sealed partial class VirtualPlatform
{
    /// <summary>The folder of the platform beside whose state a file lies or would lie, symbolic links followed; null when it is in no such folder. Thread-safe.</summary>
    /// <param name="file">The file, which need not be there.</param>
    /// <exception cref="IOException">Links lead in a circle.</exception>
    public static string? FolderOf(string file)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        return Path.GetDirectoryName(LinkedFile.RealPath(file)) is { } folder && File.Exists(Path.Combine(folder, StateFile.Name)) ? folder : null;
    }

    /// <summary>Whether a file is what makes its folder a platform, symbolic links followed. Thread-safe.</summary>
    /// <param name="file">The file.</param>
    /// <exception cref="IOException">Links lead in a circle.</exception>
    public static bool IsState(string file)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        return Path.GetFileName(LinkedFile.RealPath(file)) == StateFile.Name && FolderOf(file) is not null;
    }

    /// <summary>
    /// Keeps everybody else from opening the platform, without opening it: for who changes a DIMM's file itself. A state that is damaged is no obstacle, since such files
    /// are what it is mended from. Nothing is changed.
    /// </summary>
    /// <param name="folder">The folder of the platform.</param>
    /// <returns>The lock, until it is disposed.</returns>
    /// <exception cref="PmemException">Another process has the platform, a guest runs on it, or what a guest wrote is not in the DIMMs' files yet.</exception>
    public static IDisposable Reserve(string folder)
    {
        string path = Path.Combine(folder, StateFile.Name);
        if (IsEmpty(path))
            throw new PmemException(NotMade(folder));
        StateFile file;
        try
        {
            file = new StateFile(PersistentMap.Open(path, new PersistentMapOptions { Lock = true }));
        }
        catch (PmemException inUse) when (inUse.IsBusy)
        {
            throw new PmemException($"the platform in {folder} is in use: a guest ('pmem vm run') or another command has it; wait for its end, or power the guest off", inUse) { IsBusy = true };
        }

        if (file.State is { Machine: { } machine } && machine.IsRunning())
        {
            file.Dispose();
            throw new PmemException($"a guest still runs on the platform in {folder}, though the command that started it was killed: wait for its end, or end QEMU with 'kill {machine.Id}'") { IsBusy = true };
        }

        if (file.State is { HasGuest: true })
        {
            file.Dispose();
            throw new PmemException($"what a guest wrote is not in the files of the platform in {folder} yet, and would replace this change: 'pmem platform show {folder}' writes it back");
        }

        return file;
    }
}
