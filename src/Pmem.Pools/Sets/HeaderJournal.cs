using System.Buffers.Binary;
using Pmem.Tracing;

namespace Pmem.Pools.Sets;

/// <summary>
/// Makes changes of several headers, of several files, one step: the new headers are written to a file beside the set file first, then to the
/// parts, then the file goes. Whoever works on the set next finishes what the file says. A torn header is so overwritten by the whole one.
/// </summary>
/// <remarks>
/// The file, little-endian: for each header the numbers of its replica and part in the set file, 32 bits each, and its 4096 bytes; at the end
/// the Fletcher-64 of everything before. Without a valid end it was never complete, and nothing was changed.
/// </remarks>
internal static class HeaderJournal
{
    private const int EntrySize = (2 * sizeof(int)) + PoolHeader.Size;

    /// <summary>A header of a part.</summary>
    internal readonly record struct Entry(int Replica, int Part, PoolHeader Header);

    /// <summary>The journal that belongs to a set file.</summary>
    public static string PathOf(SetLayout layout) => layout.Path + "_headers.journal";

    /// <summary>Writes headers of open parts: all of them, or after a crash and <see cref="Finish"/> all of them too. Durable at return.</summary>
    public static void Write(SetLayout layout, IReadOnlyList<OpenReplica> replicas, IReadOnlyList<Entry> entries)
    {
        if (entries.Count == 0)
            return;
        string journal = PathOf(layout);
        using (FileStream file = new(journal, FileMode.Create, FileAccess.Write))
        {
            file.Write(Encode(entries));
            file.Flush(flushToDisk: true);
        }

        PersistentMap.SyncDirectory(Path.GetDirectoryName(journal)!);
        PersistenceTrace.Mark("headers in the journal");
        foreach (Entry entry in entries)
            Apply(replicas[entry.Replica].HeaderMap(entry.Part), entry.Header);
        PersistenceTrace.Mark("journal about to go");
        Remove(journal);
    }

    /// <summary>Finishes what an interrupted run began; does nothing when there is no journal.</summary>
    public static void Finish(SetLayout layout)
    {
        string journal = PathOf(layout);
        if (!File.Exists(journal))
            return;
        foreach (Entry entry in Decode(File.ReadAllBytes(journal)))
        {
            // A part that is still being made is made again.
            if (entry.Replica >= layout.Replicas.Count || entry.Part >= layout.Replicas[entry.Replica].Parts.Count || !IsComplete(layout.Replicas[entry.Replica].Parts[entry.Part].Path))
                continue;
            using PersistentMap map = PersistentMap.Open(layout.Replicas[entry.Replica].Parts[entry.Part].Path, new PersistentMapOptions { Lock = true });
            Apply(map, entry.Header);
        }

        Remove(journal);
    }

    /// <summary>The file's bytes.</summary>
    internal static byte[] Encode(IReadOnlyList<Entry> entries)
    {
        byte[] bytes = new byte[(entries.Count * EntrySize) + sizeof(ulong)];
        for (int i = 0; i < entries.Count; i++)
        {
            Span<byte> at = bytes.AsSpan(i * EntrySize);
            BinaryPrimitives.WriteInt32LittleEndian(at, entries[i].Replica);
            BinaryPrimitives.WriteInt32LittleEndian(at[sizeof(int)..], entries[i].Part);
            PoolHeader header = entries[i].Header;
            PoolHeader.Bytes(in header).CopyTo(at[(2 * sizeof(int))..]);
        }

        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(bytes.Length - sizeof(ulong)), Fletcher64.Compute(bytes.AsSpan(0, bytes.Length - sizeof(ulong))));
        return bytes;
    }

    /// <summary>The headers in a file; none when it is not complete. Any bytes give a value.</summary>
    internal static IReadOnlyList<Entry> Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length <= sizeof(ulong) || (bytes.Length - sizeof(ulong)) % EntrySize != 0)
            return [];
        ReadOnlySpan<byte> body = bytes[..^sizeof(ulong)];
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes[body.Length..]) != Fletcher64.Compute(body))
            return [];
        var entries = new List<Entry>();
        for (; !body.IsEmpty; body = body[EntrySize..])
        {
            int replica = BinaryPrimitives.ReadInt32LittleEndian(body);
            int part = BinaryPrimitives.ReadInt32LittleEndian(body[sizeof(int)..]);
            if (replica >= 0 && part >= 0)
                entries.Add(new Entry(replica, part, PoolHeader.Read(body.Slice(2 * sizeof(int), PoolHeader.Size))));
        }

        return entries;
    }

    /// <summary>Durably: a journal that came back after a power failure would undo what was written since.</summary>
    private static void Remove(string journal)
    {
        File.Delete(journal);
        PersistentMap.SyncDirectory(Path.GetDirectoryName(journal)!);
    }

    private static bool IsComplete(string path) => File.Exists(path) && (OperatingSystem.IsWindows() || File.GetUnixFileMode(path) != UnixFileMode.None);

    private static void Apply(PersistentMap map, PoolHeader header)
    {
        map.Copy(0, PoolHeader.Bytes(in header));
        map.DeepFlush(0, PoolHeader.Size);
    }
}
