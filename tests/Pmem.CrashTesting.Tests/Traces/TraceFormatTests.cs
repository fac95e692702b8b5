using System.Buffers.Binary;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Pmem.CrashTesting.Exploration;
using Pmem.CrashTesting.Traces;
using Pmem.Tracing;

namespace Pmem.CrashTesting.Tests.Traces;

/// <summary>The bytes of trace files are those of docs/formats/pmtrace.md.</summary>
public sealed partial class TraceFormatTests
{
    [Fact]
    public void A_small_trace_is_these_bytes()
    {
        byte[] initial = new byte[64];
        initial[5] = 0xAB;
        var trace = new Trace(initial, StoreGranularity.CacheLine,
        [
            new TraceEvent(TraceEventKind.Store, 1, 8, 8, [1, 2, 3, 4, 5, 6, 7, 8], StoreKind.Ordered),
            new TraceEvent(TraceEventKind.Flush, 1, 8, 8, [], StoreKind.Ordered),
            new TraceEvent(TraceEventKind.Fence, 300, 0, 0, [], StoreKind.Ordered) { Fence = FenceKind.Full },
            new TraceEvent(TraceEventKind.Mark, 1, 0, 0, [], StoreKind.Ordered, "hi"),
        ]);
        var fingerprint = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(fingerprint, trace.Fingerprint);
        string payload =
            "3000" + "40" + Convert.ToHexString(initial)      // initial bytes 0+64
            + "0101" + "6F08" + "0102030405060708"            // store: -56 from the end of the last range
            + "050100" + "0F08"                               // flush: -8
            + "06AC0201"                                      // full fence of thread 300
            + "200102" + "6869"                               // string 1
            + "1F0101"                                        // mark
            + "7F04" + Convert.ToHexString(fingerprint);
        byte[] frame = Convert.FromHexString(payload);
        ImageHash hash = ImageHash.Compute(initial);
        byte[] header = new byte[48];
        "PMTRACE1"u8.CopyTo(header);
        header[8] = 64;
        header[10] = 8;
        header[12] = 1;
        header[16] = 64;
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(24), hash.Low);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(32), hash.High);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(44), BitwiseCrc(header.AsSpan(0, 44)));
        byte[] lengths = new byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(lengths, frame.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(lengths.AsSpan(4), BitwiseCrc(frame));
        using var stream = new MemoryStream();
        TraceWriter.Write(trace, stream);
        Assert.Equal(Convert.ToHexString([.. header, .. lengths, .. frame]), Convert.ToHexString(stream.ToArray()));
    }

    [Fact]
    public void The_checksum_is_CRC_32C() => Assert.Equal(0xE3069283u, TraceWriter.Checksum("123456789"u8));

    [Fact]
    public void The_page_names_every_code_and_no_other()
    {
        var constants = typeof(TraceFormat).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Where(f => f.FieldType == typeof(byte) && !f.Name.StartsWith("Domain", StringComparison.Ordinal) && f.Name != nameof(TraceFormat.RawFlag))
            .ToDictionary(f => f.Name, f => (byte)f.GetRawConstantValue()!, StringComparer.Ordinal);
        var rows = CodeRow().Matches(Page()).ToDictionary(m => m.Groups["name"].Value, m => byte.Parse(m.Groups["code"].ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture), StringComparer.Ordinal);
        Assert.Equal(constants.OrderBy(c => c.Value), rows.OrderBy(r => r.Value));
    }

    [Fact]
    public void The_page_names_the_notes_in_order()
    {
        string notes = Regex.Match(Page(), "Notes: (?<notes>.*?)\\.\n", RegexOptions.Singleline).Groups["notes"].Value;
        Assert.Equal(Enum.GetNames<TraceNote>(), Regex.Matches(notes, "`(?<note>[A-Za-z]+)`").Select(m => m.Groups["note"].Value));
        Assert.Contains($"codes 0x{TraceFormat.FirstNote:x2} to 0x{TraceFormat.FirstNote + (int)Enum.GetValues<TraceNote>().Max():x2}", Page(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_pages_offsets_follow_each_other_and_end_at_the_headers_size()
    {
        string header = Page().Split("## Frames")[0];
        int next = 0;
        foreach (Match row in OffsetRow().Matches(header))
        {
            Assert.Equal(next, int.Parse(row.Groups["offset"].ValueSpan, CultureInfo.InvariantCulture));
            next += int.Parse(row.Groups["size"].ValueSpan, CultureInfo.InvariantCulture);
        }

        Assert.Equal(TraceFormat.HeaderSize, next);
        Assert.Contains($"1 to {TraceFormat.MaximumImage} ", header, StringComparison.Ordinal);
        Assert.Contains($"1 to {TraceFormat.MaximumFrame} ", Page(), StringComparison.Ordinal);
    }

    // A bit at a time, as the page defines it.
    internal static uint BitwiseCrc(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ ((crc & 1) * 0x82F63B78);
        }

        return ~crc;
    }

    private static string Page()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Pmem.slnx")))
            folder = Path.GetDirectoryName(folder);
        return File.ReadAllText(Path.Combine(folder ?? throw new DirectoryNotFoundException("the tests do not run inside the repository"), "docs", "formats", "pmtrace.md"));
    }

    [GeneratedRegex(@"^\| 0x(?<code>[0-9a-f]{2}) \| `(?<name>[A-Za-z]+)` \|", RegexOptions.Multiline, 1000)]
    private static partial Regex CodeRow();

    [GeneratedRegex(@"^\| (?<offset>[0-9]+) \| (?<size>[0-9]+) \|", RegexOptions.Multiline, 1000)]
    private static partial Regex OffsetRow();
}
