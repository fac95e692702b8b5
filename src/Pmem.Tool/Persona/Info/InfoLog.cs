namespace Pmem.Tool.Persona.Info;

/// <summary>A log: header, statistics, data.</summary>
internal static class InfoLog
{
    private const int Descriptor = 4096;
    private const int DescriptorSize = 80;

    public static int Write(Terminal terminal, LeveledOutput output, InfoOptions options, PersistentMap map)
    {
        byte[] bytes = new byte[DescriptorSize];
        if (map.Length < Descriptor + DescriptorSize)
            return terminal.Fail("cannot read pmemlog header");
        map.CheckedRead(Descriptor, bytes);
        ulong start = BitConverter.ToUInt64(bytes, 0);
        ulong end = BitConverter.ToUInt64(bytes, 8);
        ulong write = BitConverter.ToUInt64(bytes, 16);
        bool isValid = write >= start && write <= end;
        output.Title(1, "PMEM LOG Header");
        output.HexDump(options.LevelOf('x'), bytes, Descriptor, separate: true);
        output.Field(1, "Start offset", $"0x{start:x}");
        output.Field(1, "Write offset", $"0x{write:x} [{(isValid ? "OK" : "ERROR")}]");
        output.Field(1, "End offset", $"0x{end:x}");
        if (!isValid)
            return 0;
        ulong used = write - start;
        WriteStatistics(output, options, end - start, used);
        if (options.Has('d') && used > 0)
            WriteData(output, options, map, start, used);
        return 0;
    }

    private static void WriteStatistics(LeveledOutput output, InfoOptions options, ulong total, ulong used)
    {
        if (!options.Has('s') || total == 0)
            return;
        double percent = used / (double)total * 100.0;
        output.Title(1, "PMEM LOG Statistics");
        output.Field(1, "Total", InfoText.Size(total, options.Human));
        output.Field(1, "Available", $"{InfoText.Size(total - used, options.Human)} [{InfoText.Percent(100.0 - percent)}]");
        output.Field(1, "Used", $"{InfoText.Size(used, options.Human)} [{InfoText.Percent(percent)}]");
    }

    private static void WriteData(LeveledOutput output, InfoOptions options, PersistentMap map, ulong start, ulong used)
    {
        ulong walk = (ulong)options.Walk;
        if (walk == 0)
        {
            output.Title(1, "PMEMLOG data");
            ulong left = used;
            foreach ((ulong first, ulong last) in options.Ranges.InOrder)
            {
                // What was shown shortens the log for the ranges that follow, as in pmempool, which reads on behind the log when a range starts there.
                ulong end = Math.Min(last, left - 1);
                if (first > end)
                    continue;
                ulong count = end - first + 1;
                Dump(output, map, start + first, count);
                left -= count;
                if (left == 0)
                    break;
            }

            return;
        }

        ulong chunks = used / walk;
        output.Title(1, $"PMEMLOG data [chunks: total = {chunks} size = {options.Walk}]");
        foreach ((ulong first, ulong last) in options.Ranges.InOrder)
        {
            for (ulong i = first; i <= last && i < chunks; i++)
            {
                output.Write(1, $"Chunk {i,10}:\n");
                Dump(output, map, start + (i * walk), walk);
            }
        }
    }

    private static void Dump(LeveledOutput output, PersistentMap map, ulong at, ulong length)
    {
        if (length > (ulong)map.Length || at > (ulong)map.Length - length || length > int.MaxValue)
            throw new PmemFormatException("log data", (long)at, $"{length} bytes inside the pool", $"0x{at:x}");
        byte[] bytes = new byte[length];
        map.CheckedRead((long)at, bytes);
        output.HexDump(1, bytes, at, separate: true);
    }
}
