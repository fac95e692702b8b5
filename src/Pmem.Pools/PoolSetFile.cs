using Pmem.Pools.Sets;

namespace Pmem.Pools;

/// <summary>Options of a pool set file.</summary>
[Flags]
public enum PoolSetOptions
{
    /// <summary>None: each part of a replica has a header.</summary>
    None = 0,

    /// <summary><c>SINGLEHDR</c>: only the first part of a replica has a header.</summary>
    SingleHeader = 1,

    /// <summary><c>NOHDRS</c>: no part has a header; PMDK allows it for remote replicas only, so no set on this machine can have it.</summary>
    NoHeaders = 2,
}

/// <summary>A line of a replica: a file or a device.</summary>
/// <param name="Path">Absolute path.</param>
/// <param name="Size">Bytes of the file; of a device with <c>AUTO</c> what the device has.</param>
/// <param name="Line">Where in the set file, from 1.</param>
public sealed record PoolSetPart(string Path, long Size, int Line);

/// <summary>A line of a replica: a folder in which parts are made as the pool grows.</summary>
/// <param name="Path">Absolute path.</param>
/// <param name="Reservation">Bytes of address space, and so of files, that it contributes at most.</param>
/// <param name="Line">Where in the set file, from 1.</param>
public sealed record PoolSetDirectory(string Path, long Reservation, int Line);

/// <summary>A replica on another machine (PMDK's librpmem, which later versions dropped). It can be read about, not opened.</summary>
/// <param name="Node">The machine.</param>
/// <param name="Descriptor">The set file there, a relative path.</param>
public sealed record PoolSetRemote(string Node, string Descriptor);

/// <summary>One copy of the pool: files, or folders, or another machine.</summary>
/// <param name="Parts">Files and devices in order.</param>
/// <param name="Directories">Folders in order; a replica has either parts or folders.</param>
/// <param name="Remote">The other machine, or null.</param>
public sealed record PoolSetReplica(IReadOnlyList<PoolSetPart> Parts, IReadOnlyList<PoolSetDirectory> Directories, PoolSetRemote? Remote);

/// <summary>
/// A pool set file as written: text that says of which files a pool consists (PMDK poolset(5), docs/formats/poolsets.md). Immutable.
/// </summary>
public sealed class PoolSetFile
{
    /// <summary>The first line of every set file, and what it is recognised by.</summary>
    public const string Signature = "PMEMPOOLSET";

    /// <summary>Longest set file that is read.</summary>
    public const int MaximumLength = 16 << 20;

    internal PoolSetFile(string path, PoolSetOptions options, IReadOnlyList<PoolSetReplica> replicas)
    {
        Path = path;
        Options = options;
        Replicas = replicas;
    }

    /// <summary>Path of the set file.</summary>
    public string Path { get; }

    /// <summary>The options, of all lines together.</summary>
    public PoolSetOptions Options { get; }

    /// <summary>The replicas; the first is the master.</summary>
    public IReadOnlyList<PoolSetReplica> Replicas { get; }

    /// <summary>Whether the parts are made in folders as the pool grows.</summary>
    public bool IsDirectoryBased => Replicas[0].Directories.Count > 0;

    /// <summary>Whether a replica lies on another machine.</summary>
    public bool HasRemoteReplicas => Replicas.Any(replica => replica.Remote is not null);

    /// <summary>Bytes of the pool that the set makes: those of its smallest replica; of folders the parts that are there now.</summary>
    /// <exception cref="PmemException">The set cannot be used on this machine.</exception>
    public long SizeOfPool()
    {
        SetLayout layout = SetLayout.Of(this);
        return layout.Replicas.Exists(replica => replica.Parts.Count == 0) ? 0 : layout.PoolSize;
    }

    /// <summary>The part files of each replica: as they are written, or those in its folders now.</summary>
    /// <exception cref="PmemException">The set cannot be used on this machine.</exception>
    public IReadOnlyList<IReadOnlyList<string>> PartFiles() => [.. SetLayout.Of(this).Replicas.Select(replica => (IReadOnlyList<string>)[.. replica.Parts.Select(part => part.Path)])];

    /// <summary>Whether the file starts as a set file does (PMDK <c>util_is_poolset_file</c>); false for everything else, a missing file too.</summary>
    public static bool IsPoolSet(string path)
    {
        if (!File.Exists(path) || PersistentMap.IsDeviceDax(path))
            return false;
        try
        {
            if (LinkedFile.LengthOf(path) < Signature.Length)
                return false;
            using PersistentMap map = Map(path);
            Span<byte> start = stackalloc byte[Signature.Length];
            return map.TryRead(0, start) && start.SequenceEqual("PMEMPOOLSET"u8);
        }
        catch (Exception e) when (e is PmemException or IOException or UnauthorizedAccessException)
        {
            // Whoever opens it as a pool says why it cannot be read.
            return false;
        }
    }

    /// <summary>Reads and parses a set file.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="PmemFormatException">A line is wrong; the message names it.</exception>
    /// <exception cref="PmemException">The file cannot be read.</exception>
    public static PoolSetFile Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
            throw Directory.Exists(path) ? new PmemException($"{path} is a directory; name a pool set file") : new FileNotFoundException($"there is no file {path}", path);
        long length = LinkedFile.LengthOf(path);
        if (length > MaximumLength)
            throw new PmemFormatException($"pool set file {path}", -1, $"at most {MaximumLength} bytes", $"{length}");
        byte[] text = new byte[length];
        if (length > 0)
        {
            using PersistentMap map = Map(path);
            map.CheckedRead(0, text);
        }

        return Parse(text, System.IO.Path.GetFullPath(path));
    }

    /// <summary>
    /// Parses the text of a set file. Any bytes give a value or a <see cref="PmemFormatException"/>. Looks at the file system for two things only:
    /// whether a path is a folder, and the size of a device that is written as <c>AUTO</c>.
    /// </summary>
    /// <param name="text">The bytes of the file.</param>
    /// <param name="path">What errors call the file.</param>
    /// <exception cref="PmemFormatException">A line is wrong; the message names it, and says what PMDK says.</exception>
    public static PoolSetFile Parse(ReadOnlySpan<byte> text, string path) => new PoolSetParser(path).Parse(text);

    // Through a map: streams take locks, and a set file is read by everybody who has the pool open.
    private static PersistentMap Map(string path) => PersistentMap.Open(path, new PersistentMapOptions { Access = MapAccess.ReadOnly });
}
