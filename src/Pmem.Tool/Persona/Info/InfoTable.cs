using System.Runtime.InteropServices;
using Pmem.Blocks.Layout;
using Pmem.Pools;

namespace Pmem.Tool.Persona.Info;

/// <summary>A block pool or a bare block translation table: info blocks, blocks, map, flog, statistics.</summary>
internal sealed class InfoTable
{
    private const int Descriptor = 4096;
    private const int DescriptorSize = 104;

    private readonly Terminal _terminal;
    private readonly LeveledOutput _output;
    private readonly InfoOptions _options;
    private readonly PersistentMap _map;
    private uint _total;
    private uint _zero;
    private uint _bad;
    private uint _plain;
    private ulong _shownBlocks;

    private InfoTable(Terminal terminal, LeveledOutput output, InfoOptions options, PersistentMap map)
    {
        _terminal = terminal;
        _output = output;
        _options = options;
        _map = map;
    }

    public static int WritePool(Terminal terminal, LeveledOutput output, InfoOptions options, PersistentMap map)
    {
        byte[] bytes = new byte[DescriptorSize];
        if (map.Length < Descriptor + DescriptorSize)
            return terminal.Fail("cannot read pmemblk header");
        map.CheckedRead(Descriptor, bytes);
        output.Title(1, "PMEM BLK Header");
        output.HexDump(options.LevelOf('x'), bytes, Descriptor, separate: true);
        output.Field(1, "Block size", InfoText.Size(BitConverter.ToUInt32(bytes), options.Human));
        output.Field(1, "Is zeroed", BitConverter.ToInt32(bytes, 4) != 0 ? "true" : "false");

        // Where the table is, by the pointers that the last program left in the pool.
        long table = BitConverter.ToInt64(bytes, 32) - BitConverter.ToInt64(bytes, 8);
        return new InfoTable(terminal, output, options, map).Write(table);
    }

    public static int WriteBare(Terminal terminal, LeveledOutput output, InfoOptions options, PersistentMap map)
    {
        output.Write(1, "\nBTT Device");
        return new InfoTable(terminal, output, options, map).Write(PoolFile.PageSize);
    }

    private int Write(long start)
    {
        if (start <= 0)
            return _terminal.Fail("wrong BTT layout offset");
        ulong offset = (ulong)start;
        ulong block = 0;
        for (int arena = 0; ; arena++)
        {
            if (!TryRead(offset, BttInfo.Size, out byte[] bytes))
                return _terminal.Fail("cannot read BTT Info header");
            if (!bytes.AsSpan().ContainsAnyExcept((byte)0))
            {
                _output.Write(1, "\n<No BTT layout>\n");
                break;
            }

            _output.Write(1, $"\n[ARENA {arena}]");
            _output.Title(1, "PMEM BLK BTT Info Header");
            _output.HexDump(_options.LevelOf('x'), bytes, offset, separate: true);
            BttInfo info = BttInfo.Read(bytes);
            WriteInfo(1, in info, bytes);
            if (WriteArena(offset, in info, block) is { } failure)
                return _terminal.Fail(failure);
            block += info.ExternalBlocks;
            if (!TryRead(offset + info.InfoOffset, BttInfo.Size, out byte[] copy))
                return _terminal.Fail("wrong BTT Info Backup size or offset");
            WriteCopy(offset + info.InfoOffset, copy);
            if (info.NextOffset == 0)
                break;

            // A damaged chain could lead back: pmempool would go round for ever.
            if (offset + info.NextOffset <= offset)
                return _terminal.Fail("cannot read BTT Info header");
            offset += info.NextOffset;
        }

        WriteStatistics();
        return 0;
    }

    private string? WriteArena(ulong arena, in BttInfo info, ulong firstBlock)
    {
        if (_options.Has('d') || _options.Has('m') || _options.Has('s'))
        {
            if (!TryRead(arena + info.MapOffset, (ulong)info.ExternalBlocks * BttLayout.MapEntrySize, out byte[] map))
                return "wrong BTT Map size or offset";
            if (_options.Has('d') && WriteBlocks(arena, in info, firstBlock, map) is { } failure)
                return failure;
            if (_options.Has('m') || _options.Has('s'))
                WriteMap(in info, firstBlock, map);
        }

        return _options.Has('g') ? WriteFlog(arena, in info) : null;
    }

    private void WriteCopy(ulong offset, byte[] copy)
    {
        int level = _options.LevelOf('B');
        _output.Title(level, "PMEM BLK BTT Info Header Backup");
        if (_output.Shows(level))
            _output.HexDump(_options.LevelOf('x'), copy, offset, separate: true);
        BttInfo info = BttInfo.Read(copy);
        WriteInfo(level, in info, copy);
    }

    private void WriteInfo(int level, in BttInfo info, ReadOnlySpan<byte> bytes)
    {
        int end = bytes[..16].IndexOf((byte)0);
        _output.Field(level, "Signature", Terminal.Text(bytes[..(end < 0 ? 16 : end)]));
        _output.Field(level, "UUID of container", $"{new Guid(bytes.Slice(32, 16))}");
        _output.Field(level, "Flags", $"0x{info.Flags:x}");
        _output.Field(level, "Major", $"{info.Major}");
        _output.Field(level, "Minor", $"{info.Minor}");
        _output.Field(level, "External LBA size", InfoText.Size(info.ExternalBlockSize, _options.Human));
        _output.Field(level, "External LBA count", $"{info.ExternalBlocks}");
        _output.Field(level, "Internal LBA size", InfoText.Size(info.InternalBlockSize, _options.Human));
        _output.Field(level, "Internal LBA count", $"{info.InternalBlocks}");
        _output.Field(level, "Free blocks", $"{info.FreeBlocks}");
        _output.Field(level, "Info block size", InfoText.Size(info.InfoSize, _options.Human));
        _output.Field(level, "Next arena offset", $"0x{info.NextOffset:x}");
        _output.Field(level, "Arena data offset", $"0x{info.DataOffset:x}");
        _output.Field(level, "Area map offset", $"0x{info.MapOffset:x}");
        _output.Field(level, "Area flog offset", $"0x{info.FlogOffset:x}");
        _output.Field(level, "Info block backup offset", $"0x{info.InfoOffset:x}");
        _output.Field(level, "Checksum", InfoText.Checksum(info.Checksum, info.ComputeChecksum()));
    }

    private string? WriteBlocks(ulong arena, in BttInfo info, ulong firstBlock, byte[] map)
    {
        foreach (uint i in Wanted(info.ExternalBlocks, firstBlock))
        {
            uint entry = Entry(map, i);
            if (IsSkipped(entry))
                continue;
            ulong offset = arena + info.DataOffset + ((ulong)MapEntry.BlockOf(entry, i) * info.InternalBlockSize);
            if (!TryRead(offset, info.ExternalBlockSize, out byte[] bytes))
                return $"cannot read {i} block";
            if (_shownBlocks++ == 0)
                _output.Title(1, "PMEM BLK blocks data");
            _output.Write(1, $"Block {firstBlock + i,10}: offset: {InfoText.EntryState(entry)}\n");
            _output.HexDump(1, bytes, offset, separate: true);
        }

        return null;
    }

    private void WriteMap(in BttInfo info, ulong firstBlock, byte[] map)
    {
        int level = _options.LevelOf('m');
        bool isFirst = true;
        foreach (uint i in Wanted(info.ExternalBlocks, firstBlock))
        {
            uint entry = Entry(map, i);
            if (IsSkipped(entry))
                continue;
            if (isFirst)
                _output.Title(level, "PMEM BLK BTT Map");
            isFirst = false;
            _total++;
            if (IsZero(entry))
                _zero++;
            else if (MapEntry.IsError(entry))
                _bad++;
            else
                _plain++;
            if (level != 0)
                _output.Write(level, $"{firstBlock + i:d10}: {InfoText.EntryState(entry)}\n");
        }
    }

    private string? WriteFlog(ulong arena, in BttInfo info)
    {
        ulong size = ((ulong)info.FreeBlocks * BttLayout.FlogEntrySize) + BttLayout.Alignment - 1 & ~(ulong)(BttLayout.Alignment - 1);
        if (!TryRead(arena + info.FlogOffset, size, out byte[] flog))
            return "cannot read BTT FLOG";
        _output.Title(1, "PMEM BLK BTT FLOG");
        for (int i = 0; i < (int)info.FreeBlocks; i++)
        {
            _output.Write(1, $"{i:d10}:\n");
            WriteHalf(MemoryMarshal.Read<FlogHalf>(flog.AsSpan(i * BttLayout.FlogEntrySize)), string.Empty);
            WriteHalf(MemoryMarshal.Read<FlogHalf>(flog.AsSpan((i * BttLayout.FlogEntrySize) + BttLayout.FlogHalfSize)), "'");
        }

        return null;
    }

    private void WriteHalf(FlogHalf half, string mark)
    {
        _output.Field(1, "LBA" + mark, $"0x{half.Block:x8}");
        _output.Field(1, "Old map" + mark, $"0x{half.OldMap:x8}: {InfoText.EntryState(half.OldMap)}");
        _output.Field(1, "New map" + mark, $"0x{half.NewMap:x8}: {InfoText.EntryState(half.NewMap)}");
        _output.Field(1, "Seq" + mark, $"0x{half.Sequence:x}");
    }

    private void WriteStatistics()
    {
        if (!_options.Has('s') || _total == 0)
            return;
        _output.Title(1, "PMEM BLK Statistics");
        _output.Field(1, "Total blocks", $"{_total}");
        _output.Field(1, "Zeroed blocks", Share(_zero));
        _output.Field(1, "Error blocks", Share(_bad));
        _output.Field(1, "Blocks without flag", Share(_plain));
    }

    private string Share(uint count) => $"{count} [{InfoText.Percent(count / (double)_total * 100.0)}]";

    /// <summary>The blocks of an arena that the ranges name, in their order.</summary>
    private IEnumerable<uint> Wanted(uint blocks, ulong firstBlock)
    {
        if (blocks == 0)
            yield break;
        ulong most = blocks - 1;
        foreach ((ulong first, ulong last) in _options.Ranges.InOrder)
        {
            if (first > firstBlock + most || last < firstBlock)
                continue;
            ulong from = first >= firstBlock ? first - firstBlock : 0;
            ulong to = last <= firstBlock + most ? last - firstBlock : most;
            for (ulong i = from; i <= to; i++)
                yield return (uint)i;
        }
    }

    private bool IsSkipped(uint entry)
    {
        bool zero = IsZero(entry);
        bool bad = MapEntry.IsError(entry);
        return (zero && _options.Has('z')) || (bad && _options.Has('e')) || (!zero && !bad && _options.Has('u'));
    }

    private static bool IsZero(uint entry) => MapEntry.IsZero(entry) || MapEntry.IsInitial(entry);

    private static uint Entry(byte[] map, uint index) => BitConverter.ToUInt32(map, (int)(index * BttLayout.MapEntrySize));

    private bool TryRead(ulong offset, ulong length, out byte[] bytes)
    {
        bytes = [];
        ulong size = (ulong)_map.Length;
        if (length > size || offset > size - length || length > int.MaxValue)
            return false;
        bytes = new byte[length];
        return _map.TryRead((long)offset, bytes);
    }
}
