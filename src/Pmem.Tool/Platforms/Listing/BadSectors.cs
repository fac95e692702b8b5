using System.Text.Json.Nodes;
using Pmem.Platform.Model;

namespace Pmem.Tool.Platforms.Listing;

/// <summary>
/// Media errors of a region as Linux keeps them: runs of sectors of 512 bytes, of at most 512 sectors each; and what ndctl makes of them for what lies in the region.
/// </summary>
internal sealed class BadSectors
{
    private const ulong MaximumRun = 512;

    private readonly ulong _start;
    private readonly MediaErrors? _errors;
    private readonly List<(ulong First, ulong Count)> _runs = [];

    /// <param name="region">The region.</param>
    /// <param name="errors">Its errors; null when they are not known.</param>
    public BadSectors(RegionView region, MediaErrors? errors)
    {
        _start = region.Start;
        _errors = errors;
        foreach (BadSectorRange block in errors?.Blocks ?? [])
        {
            for (ulong done = 0; done < block.Count; done += MaximumRun)
                _runs.Add((block.Offset + done, Math.Min(MaximumRun, block.Count - done)));
        }
    }

    /// <summary>Adds the members for the whole region; ndctl has these for raw namespaces too, wherever they are in it.</summary>
    public void AddAll(JsonObject json, ListOptions options) => Add(json, [.. _runs.Select(run => (run.First, run.Count, Address: _start + (run.First * MediaErrors.SectorSize)))], options.MediaErrors);

    /// <summary>Adds the members for a range of system addresses.</summary>
    public void AddRange(JsonObject json, ulong begin, ulong size, bool isListed)
    {
        var found = new List<(ulong First, ulong Count, ulong Address)>();
        foreach ((ulong first, ulong count) in _runs)
        {
            ulong from = Math.Max(_start + (first * MediaErrors.SectorSize), begin);
            ulong to = Math.Min(_start + ((first + count) * MediaErrors.SectorSize), begin + size);
            if (from < to)
                found.Add(((from - begin) / MediaErrors.SectorSize, (to - from) / MediaErrors.SectorSize, from));
        }

        Add(json, found, isListed);
    }

    private void Add(JsonObject json, List<(ulong First, ulong Count, ulong Address)> runs, bool isListed)
    {
        if (runs.Count == 0)
            return;
        json["badblock_count"] = runs.Aggregate(0UL, (sum, run) => sum + run.Count);
        if (isListed)
            json["badblocks"] = new JsonArray([.. runs.Select(run => Element(run.First, run.Count, run.Address))]);
    }

    private JsonObject Element(ulong first, ulong count, ulong address)
    {
        var json = new JsonObject { ["offset"] = first, ["length"] = count };
        string[] dimms = [.. Dimms(address, count * MediaErrors.SectorSize).Distinct(StringComparer.Ordinal).OrderBy(NameFilter.NumberOf)];
        if (dimms.Length > 0)
            json["dimms"] = new JsonArray([.. dimms.Select(dimm => JsonValue.Create(dimm))]);
        return json;
    }

    private IEnumerable<string> Dimms(ulong address, ulong length)
    {
        foreach (BadRange range in _errors!.Ranges)
        {
            ulong at = range.Address;
            foreach (DimmRange part in range.Parts)
            {
                if (at < address + length && address < at + part.Length)
                    yield return part.Dimm;
                at += part.Length;
            }
        }
    }
}
