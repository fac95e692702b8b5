namespace Pmem.Emulation.Guest;

/// <summary>
/// The temporary folder of a virtual machine, which holds a lock in it for as long as the process lives. What a process left that was killed is removed when the next machine
/// starts: nobody holds its lock.
/// </summary>
internal sealed class MachineFolder : IDisposable
{
    private const string Prefix = "pmem-vm-";
    private const string LockName = "lock";

    private readonly FileStream _lock;

    private MachineFolder(string path)
    {
        Path = path;
        string made = System.IO.Path.Combine(path, "lock.new");
        _lock = new FileStream(made, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);

        // It gets its name once it is held: others take a lock that nobody holds for that of a dead process.
        File.Move(made, System.IO.Path.Combine(path, LockName));
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>Makes a folder, after those of dead processes are gone.</summary>
    public static MachineFolder Create()
    {
        RemoveAbandoned(System.IO.Path.GetTempPath());
        return new MachineFolder(Directory.CreateTempSubdirectory(Prefix).FullName);
    }

    /// <summary>Removes the folder with all that is in it.</summary>
    public void Dispose()
    {
        Directory.Delete(Path, recursive: true);
        _lock.Dispose();
    }

    private static void RemoveAbandoned(string parent)
    {
        foreach (string folder in Directory.EnumerateDirectories(parent, $"{Prefix}*"))
        {
            string held = System.IO.Path.Combine(folder, LockName);
            if (!File.Exists(held))
                continue;
            try
            {
                using var _ = new FileStream(held, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
                Directory.Delete(folder, recursive: true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Its process lives, or it is another user's.
            }
        }
    }
}
