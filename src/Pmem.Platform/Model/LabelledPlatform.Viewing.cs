using Pmem.Blocks.Layout;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;
using Pmem.Platform.Translation;

namespace Pmem.Platform.Model;

/// <content>From labels and info blocks to views.</content>
public partial class LabelledPlatform
{
    private RegionView View(int number, LabelArea?[] all)
    {
        PlatformRegion region = _regions[number];
        RegionDescription description = region.Description;
        LabelArea?[] areas = Of(region, all);
        RegionLabelVerdict verdict = Judge(region, all);
        var space = new RegionSpace(description, areas);
        bool isOff = IsRegionDisabled(number);
        bool isWhole = verdict.DimmEnabled.All(enabled => enabled) && !region.Dimms.Any(IsDimmDisabled);

        // Labels that keep a region from being enabled take their places all the same, and the kernel counts the others.
        bool divides = verdict.State == RegionState.Enabled || (verdict.State == RegionState.Disabled && region.Closed is null);
        return new RegionView
        {
            Name = $"region{number}",
            Start = description.SystemBase,
            Size = description.Size,
            Alignment = description.Alignment,
            AvailableSize = divides && isWhole ? space.Available : 0,
            MaximumExtent = divides ? space.MaximumExtent : 0,
            SetCookie = description.Cookie.For(verdict.DimmEnabled[0] && !IsDimmDisabled(region.Dimms[0]) ? areas[0]?.Format : LabelFormat.Efi11),
            State = isOff ? RegionState.Disabled : verdict.State,
            Reason = isOff ? "it was disabled" : verdict.Reason,
            Remedy = isOff ? "enable it: 'pmem region enable'" : verdict.Remedy,
            IsReadOnly = region.IsReadOnly,
            Domain = region.Domain,
            Mappings = [.. description.Mappings.Select((mapping, i) => new MappingView($"nmem{region.Dimms[i]}", mapping.DpaStart, mapping.Size, description.PositionOf(i)))],
            Namespaces = [.. Discover(number, verdict).Select(found => found.View)],
        };
    }

    private List<(NamespaceView View, NamespacePersonality Personality)> Discover(int number, RegionLabelVerdict verdict)
    {
        RegionDescription region = _regions[number].Description;
        DiscoveredNamespace[] found = verdict.State switch
        {
            _ when IsRegionDisabled(number) => [],
            RegionState.Enabled => [.. verdict.Namespaces],
            RegionState.LabelLess => [new DiscoveredNamespace(Guid.Empty, string.Empty, region.SystemBase, region.Size, 0, Guid.Empty, [])],
            _ => [],
        };
        int[] numbers = verdict.State == RegionState.Enabled ? NumbersOf(number, found) : [0];
        return [.. found.Zip(numbers).OrderBy(pair => pair.Second).Select(pair => View(number, pair.Second, pair.First))];
    }

    private (NamespaceView View, NamespacePersonality Personality) View(int number, int index, DiscoveredNamespace found)
    {
        byte[] head = ReadHead(number, found, out int badPages);
        NamespacePersonality personality = NamespacePersonality.Probe(head, NamespaceClasses.Of(found.Abstraction), found.Uuid, found.Start, found.Size, badPages);
        if (personality.Mode == NamespaceMode.Raw && NamespaceClasses.Of(found.Abstraction) is NamespaceClass.Btt or NamespaceClass.Btt2 && LacksTableCopy(number, found))
            personality = NamespacePersonality.Probe(head, NamespaceClasses.Of(found.Abstraction), found.Uuid, found.Start, found.Size, badPages, lacksTableCopy: true);
        string suffix = index == 0 ? string.Empty : $".{index}";
        var view = new NamespaceView
        {
            Name = $"namespace{number}.{index}",
            Region = $"region{number}",
            Mode = personality.Mode,
            Class = NamespaceClasses.Of(found.Abstraction),
            Size = found.Size,
            RawSize = found.Size,
            Start = found.Start,
            Uuid = found.Uuid,
            RawUuid = found.Uuid,
            FriendlyName = found.Name,
            SectorSize = found.LbaSize == 4096 ? 4096 : 512,
            Device = $"pmem{number}{suffix}",
            IsEnabled = personality.CanBeEnabled,
            CanBeEnabled = personality.CanBeEnabled,
            Reasons = personality.Reasons,
            Remedy = personality.Remedy,
        };
        if (personality.Pfn is { } block)
        {
            bool fits = block.DataOffset < found.Size && block.EndTruncate < found.Size - block.DataOffset;
            view = view with
            {
                Map = block.Mode,
                Size = fits ? found.Size - block.DataOffset - block.EndTruncate : 0,
                DataOffset = block.DataOffset,
                Uuid = block.Uuid,
                Alignment = block.Alignment,
                SectorSize = block.Kind == PfnKind.Dax ? 0 : view.SectorSize,
                Device = block.Kind == PfnKind.Dax ? $"dax{number}.{index}" : view.Device,
            };
        }
        else if (personality.Btt is { } info)
        {
            long initial = info.Major == 2 ? 0 : BttFormat.Linux11.InitialOffset;
            view = view with
            {
                Size = SectorBytes(number, found, initial),
                DataOffset = (ulong)initial,
                Uuid = NetworkGuid.Read(BttInfo.UuidOf(in info)),
                SectorSize = (int)info.ExternalBlockSize,
                Device = $"{view.Device}s",
            };
        }

        if (view.Mode == NamespaceMode.Sector && FindTableObstacle(number, view) is { } obstacle)
            view = view with { CanBeEnabled = false, Reasons = [.. view.Reasons, obstacle.Reason], Remedy = TableObstacle.Remedy };
        return (view with { IsEnabled = view.CanBeEnabled && !_disabled.Contains(KeyOf(view)) }, personality);
    }

    private byte[] ReadHead(int number, DiscoveredNamespace found, out int badPages)
    {
        const ulong Page = 4096;
        byte[] head = new byte[Math.Min((ulong)NamespacePersonality.HeadSize, found.Size)];
        ulong offset = found.Start - _regions[number].Description.SystemBase;
        badPages = 0;
        if (TryRead(number, offset, head))
            return head;
        // An error of the media takes the page that it is in; of media that are not there no page can be read.
        bool isThere = false;
        for (int page = 0; (ulong)page * Page < (ulong)head.Length; page++)
        {
            int at = page * (int)Page;
            if (TryRead(number, offset + (ulong)at, head.AsSpan(at, Math.Min((int)Page, head.Length - at))))
                isThere = true;
            else
                badPages |= 1 << page;
        }

        return isThere ? head : [];
    }

    private bool TryRead(int number, ulong offset, Span<byte> destination)
    {
        // A label may begin anywhere, and a map only at a page.
        const ulong Page = 4096;
        if (!_regions[number].Memory.IsReadable((long)offset, destination.Length))
            return false;
        ulong first = offset / Page * Page;
        ulong end = (offset + (ulong)destination.Length + Page - 1) / Page * Page;
        try
        {
            using PersistentMap map = _regions[number].Memory.Map((long)first, (long)(end - first), readOnly: true);
            return map.TryRead((long)(offset - first), destination);
        }
        catch (PmemException)
        {
            // A DIMM is missing: nothing is known of the content.
            return false;
        }
    }

    /// <summary>Sectors of all arenas: each says how many it has and where the next begins.</summary>
    private ulong SectorBytes(int number, DiscoveredNamespace found, long initial)
    {
        ulong bytes = 0;
        long offset = (long)(found.Start - _regions[number].Description.SystemBase) + initial;
        long end = offset - initial + (long)found.Size;
        for (int arena = 0; arena < BttLayout.ArenaCount((long)found.Size) && end - offset >= BttInfo.Size; arena++)
        {
            if (ReadInfo(number, offset) is not { IsIntact: true } info)
                break;
            bytes += (ulong)info.ExternalBlocks * (info.ExternalBlockSize >= 4096 ? 4096UL : 512UL);
            if (info.NextOffset != (ulong)BttLayout.MaximumArena)
                break;
            offset += BttLayout.MaximumArena;
        }

        return bytes;
    }

    /// <summary>Whether the page that has the copy of the first arena's info block can be read, and has none.</summary>
    private bool LacksTableCopy(int number, DiscoveredNamespace found)
    {
        long initial = NamespaceClasses.Of(found.Abstraction) == NamespaceClass.Btt2 ? 0 : BttFormat.Linux11.InitialOffset;
        long arena = Math.Min((long)found.Size - initial, BttLayout.MaximumArena) & -BttLayout.Alignment;
        return arena >= BttLayout.MinimumArena && ReadInfo(number, (long)(found.Start - _regions[number].Description.SystemBase) + initial + arena - BttInfo.Size) is { IsIntact: false };
    }

    // What cannot be read is an obstacle where errors are known; else it may just not be there, as in a capture.
    private TableObstacle? FindTableObstacle(int number, NamespaceView view)
    {
        ulong start = view.Start - _regions[number].Description.SystemBase;
        bool hasErrors = !_regions[number].Memory.IsReadable((long)start, (long)view.RawSize);
        TableObstacle? obstacle = new BttReader((offset, destination) => TryRead(number, start + offset, destination), view).FindObstacle(hasErrors);
        return obstacle is { IsUnread: true } && !hasErrors ? null : obstacle;
    }

    private BttInfo? ReadInfo(int number, long offset)
    {
        byte[] bytes = new byte[BttInfo.Size];
        return TryRead(number, (ulong)offset, bytes) ? BttInfo.Read(bytes) : null;
    }

    private (int Region, NamespaceView Space)? Find(string name, LabelArea?[] areas)
    {
        for (int i = 0; i < _regions.Count; i++)
        {
            NamespaceView? found = Discover(i, Judge(_regions[i], areas)).Find(space => space.View.Name == name).View;
            if (found is not null)
                return (i, found);
        }

        return null;
    }
}
