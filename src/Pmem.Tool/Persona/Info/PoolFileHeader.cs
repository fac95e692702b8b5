using Pmem.Blocks.Layout;
using Pmem.Pools;

namespace Pmem.Tool.Persona.Info;

/// <summary>What pmempool learns of a file before it opens it: its kind, and whether it is a set, or a part of one.</summary>
internal sealed record PoolFileHeader
{
    private const int Pages = 2 * PoolFile.PageSize;

    public PoolTypes Type { get; private init; } = PoolTypes.Unknown;

    public string Signature { get; private init; } = string.Empty;

    public bool IsSet { get; private init; }

    public bool IsPart { get; private init; }

    public bool IsChecksumRight { get; private init; }

    public uint BlockSize { get; private init; }

    /// <summary>Reads the file; null when that fails, and then the last thing to say about it.</summary>
    public static PoolFileHeader? Read(Terminal terminal, string path, out string failure)
    {
        failure = string.Empty;
        if (Directory.Exists(path) || !File.Exists(path))
        {
            failure = $"{path}: {(Directory.Exists(path) ? "Is a directory" : "No such file or directory")}";
            return null;
        }

        if (PoolSetFile.IsPoolSet(path))
            return ReadSet(terminal, path, out failure);
        if (!PersistentMap.IsDeviceDax(path) && LinkedFile.LengthOf(path) < Pages)
        {
            terminal.Fail("read: Success");
            failure = $"error: {path}: cannot determine type of pool";
            return null;
        }

        using PersistentMap map = PersistentMap.Open(path, new PersistentMapOptions { Access = MapAccess.ReadOnly });
        byte[] pages = new byte[Pages];
        map.CheckedRead(0, pages);
        return Of(pages, isSet: false);
    }

    private static PoolFileHeader? ReadSet(Terminal terminal, string path, out string failure)
    {
        using PoolView? set = PoolAccess.OpenSet(terminal, path, out failure);
        if (set is null)
            return null;
        byte[] pages = new byte[Pages];
        set.Maps[0].CheckedRead(0, pages);
        return Of(pages, isSet: true);
    }

    private static PoolFileHeader Of(byte[] pages, bool isSet)
    {
        PoolHeader header = PoolHeader.Read(pages);
        BttInfo info = BttInfo.Read(pages.AsSpan(PoolFile.PageSize));
        bool isZero = !pages.AsSpan(0, PoolFile.PageSize).ContainsAnyExcept((byte)0);
        PoolTypes type = header.Kind switch { PoolKind.Log => PoolTypes.Log, PoolKind.Block => PoolTypes.Block, PoolKind.Object => PoolTypes.Object, _ => PoolTypes.Unknown };
        if (type == PoolTypes.Unknown && info.Signature == BttInfo.ExpectedSignature)
            type = PoolTypes.Btt;
        int end = pages.AsSpan(0, sizeof(ulong)).IndexOf((byte)0);
        return new PoolFileHeader
        {
            Type = type,
            Signature = Terminal.Text(pages.AsSpan(0, end < 0 ? sizeof(ulong) : end)),
            IsSet = isSet,
            IsPart = !isSet && !(header.Uuid == header.NextPartUuid && header.Uuid == header.PreviousPartUuid && header.Uuid == header.NextReplicaUuid && header.Uuid == header.PreviousReplicaUuid),
            IsChecksumRight = isZero ? info.Checksum == info.ComputeChecksum() : header.Checksum == header.ComputeChecksum(),
            BlockSize = BitConverter.ToUInt32(pages, PoolFile.PageSize),
        };
    }
}

/// <summary>Opens pools as pmempool does to look at them.</summary>
internal static class PoolAccess
{
    /// <summary>Opens a set whose headers must be valid; null when they are not, and then the last thing to say about it.</summary>
    public static PoolView? OpenSet(Terminal terminal, string path, out string failure)
    {
        failure = $"{path}: Invalid argument";
        PoolSetFile set;
        try
        {
            set = PoolSetFile.Read(path);
        }
        catch (PmemException)
        {
            terminal.Fail("parsing poolset file failed");
            return null;
        }

        try
        {
            PoolView view = PoolView.Open(path);
            if (view.Maps[0].Read<PoolHeader>(0).Kind is not { } kind)
            {
                view.Dispose();
                terminal.Fail("cannot determine pool type from poolset");
                failure = $"error: {path}: cannot determine type of pool";
                return null;
            }

            using PoolFile judged = PoolFile.Open(path, kind, new PoolOpenOptions { CopyOnWrite = true });
            return view;
        }
        catch (Exception e) when (e is PmemException or IOException)
        {
            bool isMissing = set.Replicas[0].Parts is [{ } first, ..] && !File.Exists(first.Path);
            terminal.Fail(isMissing ? "cannot read pool header from poolset" : "opening poolset failed");
            if (e is FileNotFoundException)
                failure = $"{path}: No such file or directory";
            return null;
        }
    }
}
