using System.Text.RegularExpressions;
using Pmem.Blocks;
using Pmem.Emulation;
using Pmem.Logs;
using Pmem.Objects;
using Pmem.Objects.Types;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;
using Pmem.Pools;
using Pmem.Pools.Checking;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Platforms;

/// <summary>
/// A namespace of a virtual platform where a pool file could be: <c>vm1:namespace0.0</c>. The pool takes the whole namespace, as on a device-DAX node. Verbs that only look
/// work on a private copy, the others on the DIMMs.
/// </summary>
internal sealed partial record NamespacePath(string Platform, string Namespace)
{
    private const int Piece = 1 << 20;

    /// <inheritdoc/>
    public override string ToString() => $"{Platform}:{Namespace}";

    /// <summary>The namespace that a text names; null if it is something else, such as a file.</summary>
    /// <exception cref="PmemException">It names a platform, and no namespace of it.</exception>
    public static NamespacePath? Parse(string text)
    {
        if (File.Exists(text))
            return null;
        if (Form().Match(text) is { Success: true } match)
            return new NamespacePath(match.Groups["platform"].Value, match.Groups["name"].Value);
        int colon = text.LastIndexOf(':');
        return colon > 0 && VirtualPlatform.FolderOf(Path.Combine(text[..colon], "any")) is not null
            ? throw new PmemException($"{text} is no namespace of {text[..colon]}: write one such as {text[..colon]}:namespace0.0; 'pmem namespace list --platform {text[..colon]}' shows those there are")
            : null;
    }

    /// <summary>Whether a text is a name such as <c>namespace0.0</c>, whether or not there is one.</summary>
    public static bool IsName(string text) => Name().IsMatch(text);

    /// <summary>Maps the namespace for a pool; sector mode is refused, whose memory is not the user's.</summary>
    public PersistentMap Open(PlatformSource source, Func<VirtualPlatform, string, PersistentMap>? open = null)
    {
        NamespaceView space = source.Platform.GetRegions().SelectMany(region => region.Namespaces).FirstOrDefault(candidate => candidate.Name == Namespace)
            ?? throw new PmemException($"{Platform} has no {Namespace}: 'pmem namespace list --platform {Platform}' shows those that there are");
        if (space.Mode == NamespaceMode.Sector)
            throw new PmemException($"{this} is in sector mode: its memory is written through a block translation table, and pools and copies of raw bytes need it directly; take one in fsdax, devdax or raw mode");
        VirtualPlatform platform = source.DemandVirtual();
        return open is null ? platform.OpenNamespace(Namespace) : open(platform, Namespace);
    }

    /// <summary>Creates a pool on the namespace, which must begin with 4096 bytes of zeros; a dry run on a private copy.</summary>
    public PoolSummary Create(PoolKind kind, string layout, int blockSize, bool force, PoolRepairOptions options) => Change(options, map =>
    {
        byte[] begin = new byte[PoolHeader.Size];
        map.CheckedRead(0, begin);
        if (begin.AsSpan().ContainsAnyExcept((byte)0))
        {
            if (!force)
                throw new PmemException($"{this} holds something already: --force replaces it");
            map.Fill(0, 0, begin.Length);
        }

        switch (kind)
        {
            case PoolKind.Log:
                using (var log = PersistentLog.Create(map))
                    return PoolSummary.Of(log, ToString());
            case PoolKind.Block:
                using (var pool = BlockPool.Create(map, blockSize))
                    return PoolSummary.Of(pool, ToString());
            default:
                using (ObjectStore store = ObjectStore.Create(map, layout))
                    return PoolSummary.Of(store, ToString());
        }
    });

    /// <summary>What is on the namespace, from a private copy.</summary>
    public PoolSummary Summarize()
    {
        using PersistentMap copy = Copy();
        PoolHeader header = HeaderOf(copy);
        var summary = new PoolSummary { Path = ToString(), Size = copy.Length, Header = header, NeedsRecovery = PoolSummary.IsDirty(in header) };
        if (PoolValidation.FindProblem(in header, kind: null) is { } problem)
            return summary with { HeaderProblem = problem.Message };
        try
        {
            switch (header.Kind)
            {
                case PoolKind.Log:
                    using (PersistentLog log = PersistentLog.Open(copy))
                        return PoolSummary.Of(log, ToString()) with { Header = header, NeedsRecovery = summary.NeedsRecovery };
                case PoolKind.Block:
                    using (BlockPool pool = BlockPool.Open(copy))
                        return PoolSummary.Of(pool, ToString()) with { Header = header, NeedsRecovery = pool.Table.RecoveredWrites + pool.Table.RestoredInfoBlocks > 0 };
                default:
                    using (ObjectStore store = ObjectStore.Open(copy))
                    {
                        bool pending = store.RecoveredOperations > 0 || store.RecoveredTransactions > 0;
                        return PoolSummary.Of(store, ToString()) with { Header = header, NeedsRecovery = summary.NeedsRecovery || pending, RunId = store.RunId - 2 };
                    }
            }
        }
        catch (PmemException e)
        {
            return summary with { ContentProblem = e.Message };
        }
    }

    /// <summary>Checks the pool on the namespace, on a private copy.</summary>
    public (PoolCheckResult Result, bool NeedsRecovery) Check(ObjectTypes? types, PoolCheckOptions? options = null)
    {
        using PersistentMap copy = Copy();
        PoolHeader header = HeaderOf(copy);
        bool dirty = PoolSummary.IsDirty(in header);
        switch (header.Kind)
        {
            case PoolKind.Log:
                return (PersistentLog.Check(copy), dirty);
            case PoolKind.Block:
                return (BlockPool.Check(copy, options), dirty);
            default:
                return (ObjectStore.Check(copy, types), dirty);
        }
    }

    /// <summary>Recovers the pool on the namespace, and closes it cleanly; a dry run on a private copy.</summary>
    public PoolRecovery Recover(PoolRepairOptions options) => Change(options, map =>
    {
        switch (HeaderOf(map).Kind)
        {
            case PoolKind.Log:
                return PersistentLog.Recover(map);
            case PoolKind.Block:
                return BlockPool.Recover(map);
            default:
                return ObjectStore.Recover(map);
        }
    });

    /// <summary>The header of the pool at a path, a namespace or a file; null if it is too short for one.</summary>
    public static PoolHeader? ReadHeader(string path)
    {
        if (Parse(path) is not { } space)
            return PoolFile.ReadHeader(path);
        using var source = PlatformSource.Open(space.Platform);
        using PersistentMap map = space.Open(source, (platform, name) => platform.OpenNamespace(name, readOnly: true));
        return HeaderOf(map);
    }

    /// <summary>Refuses a namespace where only files make sense.</summary>
    /// <param name="path">The path that was given.</param>
    /// <param name="remedy">Why not, and what to do instead, for the platform and the name of the namespace.</param>
    /// <exception cref="PmemException">It names a namespace.</exception>
    public static void Refuse(string path, Func<NamespacePath, string> remedy)
    {
        if (Parse(path) is { } space)
            throw new PmemException($"{space} is a namespace: {remedy(space)}");
    }

    /// <summary>Mends the pool on the namespace; a dry run on a private copy.</summary>
    public PoolRepairResult Repair(PoolKind kind, PoolRepairOptions options, LinkRepair? links) => Change(options, map =>
    {
        switch (kind)
        {
            case PoolKind.Log:
                return PersistentLog.Repair(map);
            case PoolKind.Block:
                return BlockPool.Repair(map, options);
            default:
                PoolRepairResult result = ObjectStore.Repair(map, options, links);
                if (result.IsConsistent)
                    PoolFile.Attach(map, PoolKind.Object).Dispose();
                return result;
        }
    });

    /// <summary>Toggles a feature of the pool on the namespace; a dry run on a private copy.</summary>
    /// <returns>False when it was so before.</returns>
    public bool SetFeature(PoolFeature feature, bool enabled, PoolRepairOptions options) => Change(options, map => PoolFeatureSwitch.Set(map, feature, enabled));

    /// <summary>A private copy. Holes stay holes: memory that was never touched takes none.</summary>
    public PersistentMap Copy()
    {
        using var source = PlatformSource.Open(Platform);
        using PersistentMap map = Open(source, (platform, name) => platform.OpenNamespace(name, readOnly: true));
        PersistentMap copy = PersistentMap.CreateAnonymous(map.Length, modules: map.Modules);
        byte[] piece = new byte[Piece];
        for (long at = 0; at < map.Length; at += Piece)
        {
            Span<byte> bytes = piece.AsSpan(0, (int)Math.Min(Piece, map.Length - at));
            map.CheckedRead(at, bytes);
            if (bytes.ContainsAnyExcept((byte)0))
                copy.Copy(at, bytes);
        }

        return copy;
    }

    private T Change<T>(PoolRepairOptions options, Func<PersistentMap, T> change)
    {
        if (options.DryRun)
        {
            using PersistentMap copy = Copy();
            return change(copy);
        }

        using var source = PlatformSource.Open(Platform);
        using PersistentMap map = Open(source);
        return PoolBackup.Finishing(ToString(), options.BackupPath, "change", () =>
        {
            PoolBackup.Begin(map, ToString(), options.BackupPath, "change", options.Progress, options.Cancellation);
            return change(map);
        });
    }

    private static PoolHeader HeaderOf(PersistentMap map)
    {
        byte[] bytes = new byte[PoolHeader.Size];
        map.CheckedRead(0, bytes);
        return PoolHeader.Read(bytes);
    }

    [GeneratedRegex(@"^(?<platform>.+):(?<name>namespace\d+\.\d+)$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Form();

    [GeneratedRegex(@"^namespace\d+\.\d+$", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Name();
}
