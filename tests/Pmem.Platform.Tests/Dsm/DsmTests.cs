using Pmem.Platform.Acpi;
using Pmem.Platform.Dsm;

namespace Pmem.Platform.Tests.Dsm;

/// <summary>Payloads of <c>_DSM</c> functions, both ways.</summary>
public class DsmTests
{
    /// <summary>Bytes of inputs and outputs that have no list, as the specifications of the families give them.</summary>
    private static readonly (Guid Family, int Number, int Input, int Output)[] s_sizes =
    [
        (DsmFamilies.Root, 1, 16, 16), (DsmFamilies.Root, 2, 24, 8), (DsmFamilies.Root, 3, 0, 48), (DsmFamilies.Root, 4, 16, 16), (DsmFamilies.Root, 5, 8, 20),
        (DsmFamilies.Root, 7, 17, 4), (DsmFamilies.Root, 8, 16, 4), (DsmFamilies.Root, 9, 0, 8), (DsmFamilies.IntelRoot, 1, 0, 40), (DsmFamilies.IntelRoot, 2, 1, 4),
        (DsmFamilies.Intel, 1, 0, 132), (DsmFamilies.Intel, 2, 0, 12), (DsmFamilies.Intel, 3, 0, 8), (DsmFamilies.Intel, 4, 0, 12), (DsmFamilies.Intel, 5, 8, 4),
        (DsmFamilies.Intel, 6, 8, 4), (DsmFamilies.Intel, 7, 0, 8), (DsmFamilies.Intel, 8, 0, 8), (DsmFamilies.Intel, 9, 8, 8), (DsmFamilies.Intel, 10, 1, 4),
        (DsmFamilies.Intel, 11, 0, 8), (DsmFamilies.Intel, 12, 0, 44), (DsmFamilies.Intel, 13, 0, 8), (DsmFamilies.Intel, 14, 12, 4), (DsmFamilies.Intel, 15, 8, 4),
        (DsmFamilies.Intel, 16, 4, 12), (DsmFamilies.Intel, 17, 7, 4), (DsmFamilies.Intel, 18, 15, 4), (DsmFamilies.Intel, 19, 0, 12), (DsmFamilies.Intel, 20, 64, 4),
        (DsmFamilies.Intel, 21, 32, 4), (DsmFamilies.Intel, 22, 32, 4), (DsmFamilies.Intel, 23, 0, 4), (DsmFamilies.Intel, 24, 32, 4), (DsmFamilies.Intel, 25, 32, 4),
        (DsmFamilies.Intel, 26, 0, 4), (DsmFamilies.Intel, 27, 64, 4), (DsmFamilies.Intel, 28, 32, 4), (DsmFamilies.Intel, 29, 0, 14), (DsmFamilies.Intel, 30, 1, 4),
        (DsmFamilies.Microsoft, 1, 0, 20), (DsmFamilies.Microsoft, 11, 0, 13), (DsmFamilies.Hpe1, 1, 4, 128), (DsmFamilies.Hpe1, 2, 0, 36), (DsmFamilies.Hpe1, 4, 0, 12),
        (DsmFamilies.Hpe1, 5, 8, 4), (DsmFamilies.Hpe1, 6, 8, 4), (DsmFamilies.Hpe1, 10, 0, 48), (DsmFamilies.Hpe1, 11, 0, 20), (DsmFamilies.Hpe1, 12, 0, 8), (DsmFamilies.Hpe1, 13, 1, 4), (DsmFamilies.Hpe1, 18, 0, 36), (DsmFamilies.Hpe1, 19, 2, 4), (DsmFamilies.Hpe1, 20, 0, 7),
        (DsmFamilies.HyperV, 1, 0, 8), (DsmFamilies.HyperV, 2, 0, 8),
    ];

    [Fact]
    public void Every_function_has_payloads_of_the_specified_size()
    {
        Assert.Equal(s_sizes, DsmFunction.All.Select(f => (f.Family, f.Number, f.Input().ByteLength, f.Output().ByteLength)));
        Assert.Equal(Enumerable.Range(1, 30), DsmFunction.All.Where(f => f.Family == DsmFamilies.Intel).Select(f => f.Number));
    }

    [Fact]
    public void The_page_lists_every_family_and_function()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Pmem.slnx")))
            folder = Path.GetDirectoryName(folder);
        string[][] rows = [.. File.ReadLines(Path.Combine(folder!, "docs", "formats", "dsm.md")).Where(line => line.StartsWith('|')).Select(line => line.Trim('|').Split('|', StringSplitOptions.TrimEntries))];
        var families = rows.Where(row => row.Length == 3 && row[1].StartsWith('`')).ToDictionary(row => row[0], row => Guid.Parse(row[1].Trim('`')), StringComparer.Ordinal);
        Assert.Equal([DsmFamilies.Root, DsmFamilies.IntelRoot, .. DsmFamilies.OfModules.Select(family => family.Guid).Where(guid => guid != DsmFamilies.Microsoft && guid != DsmFamilies.HyperV), DsmFamilies.Microsoft, DsmFamilies.HyperV], families.Values);
        Assert.Equal(
            DsmFunction.All.Select(f => (f.Family, f.Number, f.Name, f.Input().ByteLength, f.Output().ByteLength)),
            rows.Where(row => row.Length == 5 && families.ContainsKey(row[0])).Select(row => (families[row[0]], int.Parse(row[1]), row[2], int.Parse(row[3].Split(' ')[0]), int.Parse(row[4].Split(' ')[0]))));
    }

    [Fact]
    public void Intel_health_has_the_bytes_that_the_specification_lays_out()
    {
        var health = new IntelSmartOutput
        {
            Valid = IntelSmartFlags.Health | IntelSmartFlags.Spares | IntelSmartFlags.LifeUsed | IntelSmartFlags.MediaTemperature | IntelSmartFlags.ControllerTemperature
                | IntelSmartFlags.ShutdownCount | IntelSmartFlags.Alarms | IntelSmartFlags.LastShutdown,
            Health = 1,
            SparesPercentage = 75,
            LifeUsedPercentage = 5,
            Alarms = 2,
            MediaTemperature = IntelTemperature.FromCelsius(28),
            ControllerTemperature = IntelTemperature.FromCelsius(-30.5),
            ShutdownCount = 3,
            LastShutdownStatus = 1,
        };
        byte[] bytes = health.ToBytes();
        Assert.Equal("00000000" + "3f060000" + "00000000" + "01" + "4b" + "05" + "02" + "c001" + "e881" + "03000000" + "00" + "0000" + "0000000000000000" + "01" + "00000000", Convert.ToHexStringLower(bytes.AsSpan(0, 40)));
        IntelSmartOutput read = DsmPayload.Parse<IntelSmartOutput>(bytes);
        Assert.Equal(28, IntelTemperature.ToCelsius(read.MediaTemperature));
        Assert.Equal(-30.5, IntelTemperature.ToCelsius(read.ControllerTemperature));
        Assert.Throws<ArgumentOutOfRangeException>(() => IntelTemperature.FromCelsius(2048));
    }

    [Fact]
    public void Scrub_results_count_their_records_and_their_bytes()
    {
        var status = new ArsStatusOutput { Start = 0x1_0000_0000, Length = 1 << 29, Records = [new ArsRecord { Handle = new(0x11), Address = 0x1_0000_1000, Length = 256 }, new ArsRecord { Handle = new(1), Address = 0x1_0000_2000, Length = 512 }] };
        byte[] bytes = status.ToBytes();
        Assert.Equal(48 + (2 * 24), bytes.Length);
        Assert.Equal("5c000000", Convert.ToHexStringLower(bytes.AsSpan(4, 4)));
        Assert.Equal("02000000" + "11000000" + "00000000" + "0010000001000000" + "0001000000000000", Convert.ToHexStringLower(bytes.AsSpan(44, 28)));
        Assert.Null(DsmPayload.Parse<ArsStatusOutput>(bytes).OutputLength);
        // Firmware that counts the status along is off by 4; what it said is kept.
        bytes[4] += 4;
        ArsStatusOutput other = DsmPayload.Parse<ArsStatusOutput>(bytes);
        Assert.Equal(96u, other.OutputLength);
        Assert.Equal(bytes, other.ToBytes());
        status.Records = [];
        Assert.Equal(44, status.ToBytes()[4]);
    }

    [Fact]
    public void A_status_may_come_alone_or_with_bytes_behind_the_answer()
    {
        LabelSizeOutput failed = DsmPayload.Parse<LabelSizeOutput>([3, 0, 1, 0]);
        Assert.Equal(((ushort)IntelStatus.InvalidInput, LabelSizeOutput.Locked, false), (failed.Status, failed.ExtendedStatus, failed.HasAnswer));
        Assert.Equal([3, 0, 1, 0], failed.ToBytes());
        byte[] longer = [0, 0, 0, 0, 0, 0, 2, 0, 0, 16, 0, 0, 0xee];
        LabelSizeOutput padded = DsmPayload.Parse<LabelSizeOutput>(longer);
        Assert.Equal((131072u, 4096u), (padded.Size, padded.MaximumTransfer));
        Assert.Equal([0xee], padded.Trailing);
        Assert.Equal(longer, padded.ToBytes());
        Assert.Throws<PmemFormatException>(() => DsmPayload.Parse<LabelSizeOutput>(longer.AsSpan(0, 10)));
        Assert.Throws<PmemFormatException>(() => DsmPayload.Parse<LabelReadInput>(longer));
    }

    [Fact]
    public void Label_writes_carry_their_length()
    {
        var write = new LabelWriteInput { Offset = 256, Data = [1, 2, 3] };
        Assert.Equal("00010000" + "03000000" + "010203", Convert.ToHexStringLower(write.ToBytes()));
        Assert.Equal([1, 2, 3], DsmPayload.Parse<LabelWriteInput>(write.ToBytes()).Data);
        Assert.Throws<PmemFormatException>(() => DsmPayload.Parse<LabelWriteInput>([0, 0, 0, 0, 255, 255, 255, 255]));
    }

    [Fact]
    public void Function_0_answers_with_a_bit_for_each()
    {
        Assert.Equal([0x77], DsmFunction.Bitmap(1, 2, 4, 5, 6));
        Assert.Equal([0x01, 0x08], DsmFunction.Bitmap(11));
        Assert.Equal([1], DsmFunction.Bitmap());
        Assert.Equal([1, 2, 4, 5, 6], DsmFunction.FromBitmap([0x77]));
        Assert.Equal([63], DsmFunction.FromBitmap([0, 0, 0, 0, 0, 0, 0, 0x80, 0xff]));
    }

    [Fact]
    public void An_unknown_function_takes_and_gives_bytes()
    {
        DsmFunction unknown = DsmFunction.Find(DsmFamilies.Hpe2, 3);
        Assert.Equal([1, 2, 3], unknown.ReadOutput([1, 2, 3]).ToBytes());
        Assert.Equal("unknown", unknown.Name);
    }

    [Fact]
    public void Any_bytes_of_the_right_length_come_back_as_they_were()
    {
        var random = new Random(71);
        foreach ((Guid family, int number, int input, int output) in s_sizes)
        {
            DsmFunction function = DsmFunction.Find(family, number);
            for (int i = 0; i < 200; i++)
            {
                // Counts lie almost always in random bytes; those functions are in the tests of mutants.
                byte[] bytes = new byte[input];
                random.NextBytes(bytes);
                if (function.Input().GetType() is var type && type != typeof(LabelWriteInput) && type != typeof(VendorCommandInput) && type != typeof(FirmwareDataInput))
                    Assert.Equal(bytes, function.ReadInput(bytes).ToBytes());
                bytes = new byte[output];
                random.NextBytes(bytes);
                if (function.Output() is not (ArsStatusOutput or TranslateOutput or InjectStatusOutput or CommandEffectLogOutput or VendorCommandOutput))
                    Assert.Equal(bytes, function.ReadOutput(bytes).ToBytes());
            }
        }
    }

    [Fact]
    public void Every_mutated_payload_comes_back_or_is_refused()
    {
        const int Seed = 72;
        const int Mutants = 100_000;
        var random = new Random(Seed);
        DsmPayload[] samples =
        [
            .. DsmFunction.All.Select(f => f.Input()), .. DsmFunction.All.Select(f => f.Output()),
            new ArsStatusOutput { Records = [new ArsRecord { Handle = new(1), Address = 5, Length = 6 }, new ArsRecord()] },
            new TranslateOutput { Length = 4096, Addresses = [new TranslatedAddress { Handle = new(1), Dpa = 7 }] },
            new InjectStatusOutput { Ranges = [new InjectedRange { Base = 1, Length = 2 }] },
            new CommandEffectLogOutput { Commands = [new CommandEffect { Opcode = 1, Effects = 2 }] },
            new VendorCommandInput { Opcode = 5, Data = [1, 2, 3] },
            new VendorCommandOutput { Data = [1, 2, 3, 4] },
            new LabelWriteInput { Offset = 1, Data = [9, 8] },
            new FirmwareDataInput { Context = 1, Data = [1] },
        ];
        int read = 0;
        int refused = 0;
        for (int i = 0; i < Mutants; i++)
        {
            DsmPayload sample = samples[random.Next(samples.Length)];
            byte[] mutant = Mutations.Of([.. sample.ToBytes(), .. new byte[random.Next(3)]], random);
            try
            {
                var again = (DsmPayload)Activator.CreateInstance(sample.GetType())!;
                again.ReadFrom(mutant, "mutant");
                Assert.Equal(mutant, again.ToBytes());
                read++;
            }
            catch (PmemFormatException)
            {
                refused++;
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"seed {Seed}, mutant {i} of {sample.GetType().Name}: {e}");
            }
        }

        Assert.InRange(read, Mutants / 50, Mutants);
        Assert.InRange(refused, Mutants / 50, Mutants);
    }
}
