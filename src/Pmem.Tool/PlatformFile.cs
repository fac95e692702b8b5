using Pmem.Emulation;
using Pmem.Platform.Captures;

namespace Pmem.Tool;

/// <summary>Files that verbs change in place, any of which may be a DIMM's of a virtual platform.</summary>
internal static class PlatformFile
{
    // Other files in the folder are their users'.
    private static readonly string[] s_names = ["dimm-", "platform.", "guest."];

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

    /// <summary>Refuses the files of a platform, for who would change their length, write over their labels, or take them away.</summary>
    /// <param name="path">The file, which need not be there.</param>
    /// <param name="instead">What to do, with the folder of the platform in place of <c>DIR</c>.</param>
    /// <exception cref="PmemException">It is one.</exception>
    public static void DemandForeign(string path, string instead)
    {
        string name = Path.GetFileName(LinkedFile.RealPath(path));
        if (File.Exists(path) && s_names.Any(own => name.StartsWith(own, StringComparison.Ordinal)) && VirtualPlatform.FolderOf(path) is { } folder)
            throw new PmemException($"{path} is a file of the platform in {folder}, which would be lost: {instead.Replace("DIR", folder, StringComparison.Ordinal)}");
    }

    private sealed class Reservation : IDisposable
    {
        public List<IDisposable> Locks { get; } = [];

        public void Dispose() => Locks.ForEach(each => each.Dispose());
    }
}
