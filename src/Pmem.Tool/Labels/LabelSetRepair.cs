using Pmem.Platform.Evidence;
using Pmem.Platform.Labels;
using Pmem.Tool.Platforms;

namespace Pmem.Tool.Labels;

/// <summary>Repairs all areas of a set together: files in mapping order, or the DIMMs of a virtual platform.</summary>
internal static class LabelSetRepair
{
    /// <summary>What is done to a set of areas.</summary>
    /// <param name="Restore">A namespace to bring back, or null.</param>
    /// <param name="Moves">Labels are made to belong to the set they are in now.</param>
    /// <param name="Cookie">Cookie of the set, or null.</param>
    public sealed record Request(Guid? Restore, bool Moves, ulong? Cookie)
    {
        public LabelRepair Plan(RegionDescription region, IReadOnlyList<LabelArea> areas) =>
            Moves ? LabelRepair.Move(region, areas) : Restore is { } uuid ? LabelRepair.Restore(region, areas, uuid) : LabelRepair.Mend(region, areas);
    }

    /// <summary>Files that are the DIMMs of one set.</summary>
    public static LabelRepair OfFiles(LabelFile[] files, Request request, bool dryRun)
    {
        using IDisposable? held = dryRun ? null : PlatformFile.ToChange([.. files.Select(file => file.Path)]);
        LabelArea[] areas = [.. files.Select(file => file.Read())];
        RegionDescription region = SetRepair.Guess(areas, [.. files.Select(file => file.IsImage ? (ulong?)file.Offset : null)], request.Cookie);
        LabelRepair repair = request.Plan(region, areas);
        if (!dryRun)
            Apply(repair.Update, files);
        return repair;
    }

    /// <summary>Sets of a virtual platform, which no other process has open meanwhile.</summary>
    public static (List<string> Actions, List<string> Unresolved, int Writes) OfPlatform(string? path, string? region, Request request, bool dryRun)
    {
        using PlatformSource source = PlatformSource.Open(path);
        IReadOnlyList<SetRepair> sets;
        LabelFile[] files;

        // Evidence has the files open, and so is put away before they are written.
        using (PlatformEvidence evidence = source.DemandVirtual().GetEvidence())
        {
            sets = SetRepair.Plan(evidence, request.Plan, region);
            files = [.. evidence.Modules.Select(module => LabelFile.Of(module.File!, $"{module.Labels?.Size ?? LabelAreaGeometry.MinimumAreaSize}"))];
        }

        // A namespace is restored where labels of it are left, and is missed in no other set.
        if (request.Restore is not null && sets.Any(set => set.Repair.Actions.Count > 0))
            sets = [.. sets.Where(set => set.Repair.Actions.Count > 0)];
        foreach (SetRepair set in dryRun ? [] : sets)
            Apply(set.Repair.Update, [.. set.Modules.Select(module => files[module])]);
        return (
            [.. sets.SelectMany(set => set.Repair.Actions.Select(action => $"{set.Region}: {action}"))],
            [.. sets.SelectMany(set => set.Repair.Unresolved.Select(line => $"{set.Region}: {line}"))],
            sets.Sum(set => set.Repair.Update.Writes.Count));
    }

    private static void Apply(LabelUpdate update, LabelFile[] files)
    {
        if (update.Writes.Count == 0)
            return;
        var maps = new List<PersistentMap>();
        try
        {
            maps.AddRange(files.Select(file => PersistentMap.Open(file.Path, new PersistentMapOptions { Lock = true })));
            update.Apply([.. files.Select((file, i) => new MappedLabelStorage(maps[i], file.Offset, file.Size))]);
        }
        finally
        {
            maps.ForEach(map => map.Dispose());
        }
    }
}
