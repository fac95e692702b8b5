using Pmem.Native;

namespace Pmem;

/// <content>Maps of several files, one behind the other.</content>
public sealed unsafe partial class PersistentMap
{
    private PersistentMapOptions? _partOptions;

    /// <summary>Makes the names in a folder durable: files that were created, renamed or removed there. Does nothing where the system has no such call.</summary>
    public static void SyncDirectory(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!OperatingSystem.IsWindows())
            MapSources.SyncFolder(path);
    }

    /// <summary>
    /// Maps several files or devices back to back: offsets run through all of them. With <paramref name="reservation"/> larger than the parts,
    /// more can be added later by <see cref="Append"/> without the addresses of what is there changing. Linux only.
    /// </summary>
    /// <param name="parts">The parts in order; all of them on persistent memory, or none. Those that are created are removed again on failure.</param>
    /// <param name="reservation">Bytes of address space to reserve; less than the parts means just as much as they need.</param>
    /// <param name="options">How to map; a length that is not 0 and less than the parts makes the map end there.</param>
    /// <exception cref="FileNotFoundException">A part does not exist.</exception>
    /// <exception cref="IOException">A part to be created exists.</exception>
    /// <exception cref="PmemException">A part has another size, cannot be opened, locked or mapped.</exception>
    /// <exception cref="PlatformNotSupportedException">The system is not Linux.</exception>
    public static PersistentMap OpenParts(IReadOnlyList<PersistentMapPart> parts, long reservation = 0, PersistentMapOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(parts);
        if (parts.Count == 0)
            throw new ArgumentException("a map has at least one part", nameof(parts));
        if (!OperatingSystem.IsLinux())
            throw new PlatformNotSupportedException("maps of several files need Linux: elsewhere files cannot be mapped page by page side by side");
        options ??= PersistentMapOptions.Default;
        LinuxPartsRegion region = LinuxPartsRegion.Map(parts, reservation, options);
        PersistentMap map = Create(region, parts[0].Path, options);
        map._partOptions = options;
        return map;
    }

    /// <summary>
    /// Maps the first bytes of a part's file by itself: what lies before <see cref="PersistentMapPart.Offset"/> is not in this map. Works on files
    /// that were created without permissions, too. To be disposed before this map.
    /// </summary>
    /// <param name="part">Number of the part, from 0.</param>
    /// <param name="length">Bytes; a multiple of 4096.</param>
    /// <exception cref="InvalidOperationException">The map is not made of parts.</exception>
    public PersistentMap OpenPartStart(int part, long length)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        return _region is LinuxPartsRegion region
            ? Create(region.MapStart(part, length, _partOptions!.Access), region.PathOf(part), _partOptions)
            : throw new InvalidOperationException("only a map that OpenParts made has parts");
    }

    /// <summary>
    /// Adds a part at the end of a map that <see cref="OpenParts"/> made with a reservation; the map is longer at return. May run while other
    /// threads use the map, but not twice at once. On failure the map is as before, and a file that was created is gone.
    /// </summary>
    /// <exception cref="InvalidOperationException">The map is not made of parts.</exception>
    /// <exception cref="PmemException">The reservation is used up, or the part cannot be opened, created or mapped.</exception>
    public void Append(PersistentMapPart part)
    {
        ArgumentNullException.ThrowIfNull(part);
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (_region is not LinuxPartsRegion region)
            throw new InvalidOperationException("only a map that OpenParts made takes more parts");
        region.Append(part, _partOptions!);
        Volatile.Write(ref _length, region.Length);
    }
}
