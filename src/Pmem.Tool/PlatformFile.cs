using Pmem.Emulation;
using Pmem.Platform.Captures;

namespace Pmem.Tool;

/// <summary>Files that verbs change in place, any of which may be a DIMM's of a virtual platform.</summary>
internal static class PlatformFile
{
    /// <summary>
    /// Refuses what nobody may change - captures and states of platforms - and keeps the platforms whose files these are from being opened meanwhile.
    /// </summary>
    /// <param name="paths">The files; one that is not there is to be made.</param>
    /// <returns>What keeps them until it is disposed; null where there is no platform.</returns>
    /// <exception cref="PmemException">A file must not be changed, or its platform is in use.</exception>
    public static IDisposable? ToChange(params IEnumerable<string> paths)
    {
        var held = new Reservation();
        try
        {
            var folders = new SortedSet<string>(StringComparer.Ordinal);
            foreach (string path in paths)
            {
                if (LinkedFile.IsRegular(path) && Capture.LooksLike(path))
                    throw new PmemException($"{path} is a capture, which nobody may change: do it on the platform itself");
                if (VirtualPlatform.FolderOf(path) is not { } folder)
                    continue;
                if (VirtualPlatform.IsState(path))
                    throw new PmemException($"{path} is the state of the platform in {folder}, which the platform alone writes: name a DIMM's file, or the platform with --platform");
                folders.Add(folder);
            }

            foreach (string folder in folders)
                held.Locks.Add(VirtualPlatform.Reserve(folder));
            return folders.Count == 0 ? null : held;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    private sealed class Reservation : IDisposable
    {
        public List<IDisposable> Locks { get; } = [];

        public void Dispose() => Locks.ForEach(each => each.Dispose());
    }
}
