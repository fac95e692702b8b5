using System.Buffers.Binary;
using Pmem.Tracing;

namespace Pmem.Pools.Sets;

/// <summary>
/// Makes changes of several headers, of several files, one step: the new headers are written to a file beside the set file first, then to the
/// parts, then the file goes. Whoever works on the set next finishes what the file says. A torn header is so overwritten by the whole one.
///
/// A header is overwritten only when each of its words is what it was or what it shall be. Anything else was put there since: the part of another
/// pool, a restored backup, a repair; then nothing is changed, and the user decides. The shutdown state is another matter: who opens the pool
/// changes it, so a change that has nothing to do with it leaves it alone.
/// </summary>
/// <remarks>
/// The file, little-endian: for each header the numbers of its replica and part in the set file, 32 bits each, its 4096 bytes before and its 4096
/// bytes afterwards; at the end the Fletcher-64 of everything before. Without a valid end it was never complete, and nothing was changed.
/// </remarks>
internal static class HeaderJournal
{
    private const int EntrySize = NumbersSize + (2 * PoolHeader.Size);
    private const int NumbersSize = 2 * sizeof(int);

    /// <summary>What to do with the header that is there.</summary>
    private enum Verdict
    {
        Write,
        KeepShutdownState,
        Done,
        Foreign,
    }

    /// <summary>A header of a part, as it is and as it shall be.</summary>
    internal readonly record struct Entry(int Replica, int Part, PoolHeader Before, PoolHeader Header);

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
    /// <exception cref="PmemException">A part has a header that the journal does not know, or is in use; nothing was changed.</exception>
    public static void Finish(SetLayout layout)
    {
        string journal = PathOf(layout);
        if (!File.Exists(journal))
            return;
        var open = new List<(PersistentMap Map, PoolHeader Header)>();
        try
        {
            foreach (Entry entry in Decode(File.ReadAllBytes(journal)))
            {
                if (entry.Replica >= layout.Replicas.Count || entry.Part >= layout.Replicas[entry.Replica].Parts.Count)
                    throw Foreign(layout, journal, $"replica {entry.Replica}, part {entry.Part}: the set file has no such part");

                // A part that is still being made is made again.
                string path = layout.Replicas[entry.Replica].Parts[entry.Part].Path;
                if (!IsComplete(path))
                    continue;
                var map = PersistentMap.Open(path, new PersistentMapOptions { Lock = true });
                PoolHeader header = entry.Header;
                open.Add((map, header));
                byte[] present = new byte[PoolHeader.Size];

                // What cannot be read is written anew.
                Verdict verdict = map.Length < PoolHeader.Size ? Verdict.Foreign : map.TryRead(0, present) ? Judge(in entry, present) : Verdict.Write;
                if (verdict == Verdict.Foreign)
                    throw Foreign(layout, journal, $"{layout.NameOf(entry.Replica, entry.Part)}: its header is neither what it was nor what it was to be, so somebody put another there since");
                if (verdict == Verdict.KeepShutdownState)
                    header.ShutdownState = PoolHeader.Read(present).ShutdownState;
                open[^1] = (map, header);
                if (verdict != Verdict.Done)
                    continue;
                map.Dispose();
                open.RemoveAt(open.Count - 1);
            }

            foreach ((PersistentMap map, PoolHeader header) in open)
                Apply(map, header);
        }
        finally
        {
            foreach ((PersistentMap map, _) in open)
                map.Dispose();
        }

        Remove(journal);
    }

    /// <summary>Whether the header that is there is the one before the change, behind it, or torn between.</summary>
    private static Verdict Judge(in Entry entry, ReadOnlySpan<byte> present)
    {
        PoolHeader old = entry.Before;
        PoolHeader @new = entry.Header;
        ReadOnlySpan<byte> before = PoolHeader.Bytes(in old);
        ReadOnlySpan<byte> after = PoolHeader.Bytes(in @new);
        Range state = PoolHeader.ShutdownStatePosition..(PoolHeader.ShutdownStatePosition + ShutdownState.Size);
        bool between = true;
        bool done = true;
        bool isStateKnown = true;
        for (int at = 0; at < PoolHeader.Size; at += sizeof(ulong))
        {
            ReadOnlySpan<byte> word = present.Slice(at, sizeof(ulong));
            bool isNew = word.SequenceEqual(after.Slice(at, sizeof(ulong)));
            bool isKnown = isNew || word.SequenceEqual(before.Slice(at, sizeof(ulong)));
            if (at >= PoolHeader.ShutdownStatePosition && at < PoolHeader.ShutdownStatePosition + ShutdownState.Size)
            {
                isStateKnown &= isKnown;
                continue;
            }

            between &= isKnown;
            done &= isNew;
        }

        if (!between)
            return Verdict.Foreign;
        if (isStateKnown)
            return Verdict.Write;
        return done ? Verdict.Done : before[state].SequenceEqual(after[state]) ? Verdict.KeepShutdownState : Verdict.Foreign;
    }

    private static PmemException Foreign(SetLayout layout, string journal, string what) =>
        new($"{layout.Path}: an interrupted change of headers cannot be finished: {what}; put the pool's own part there, or give the change up by removing {journal}; nothing was changed");

    /// <summary>The file's bytes.</summary>
    internal static byte[] Encode(IReadOnlyList<Entry> entries)
    {
        byte[] bytes = new byte[(entries.Count * EntrySize) + sizeof(ulong)];
        for (int i = 0; i < entries.Count; i++)
        {
            Span<byte> at = bytes.AsSpan(i * EntrySize);
            BinaryPrimitives.WriteInt32LittleEndian(at, entries[i].Replica);
            BinaryPrimitives.WriteInt32LittleEndian(at[sizeof(int)..], entries[i].Part);
            PoolHeader before = entries[i].Before;
            PoolHeader header = entries[i].Header;
            PoolHeader.Bytes(in before).CopyTo(at[NumbersSize..]);
            PoolHeader.Bytes(in header).CopyTo(at[(NumbersSize + PoolHeader.Size)..]);
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
                entries.Add(new Entry(replica, part, PoolHeader.Read(body.Slice(NumbersSize, PoolHeader.Size)), PoolHeader.Read(body.Slice(NumbersSize + PoolHeader.Size, PoolHeader.Size))));
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
