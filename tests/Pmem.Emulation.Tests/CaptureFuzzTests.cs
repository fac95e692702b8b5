using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using Pmem.Platform.Acpi;
using Pmem.Platform.Captures;
using Pmem.Platform.Evidence;
using Pmem.Platform.Explaining;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;
using Pmem.Platform.Translation;
using Pmem.Pools;

namespace Pmem.Emulation.Tests;

/// <summary>
/// Captures come from elsewhere. Whatever a file of one holds, reading, listing, explaining and translating it end with a result or a typed refusal, soon, and without
/// taking more memory than what is in it is worth. The archive itself stays in form, so that what is behind it is reached.
/// </summary>
public sealed class CaptureFuzzTests : IDisposable
{
    private const int Mutants = 100_000;
    private const int Seed = 510;
    private const int Block = 512;
    private const long MostBytes = 64 << 20;
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(30);

    private readonly string _folder = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-capture-fuzz-{Guid.NewGuid():n}");

    public void Dispose()
    {
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void No_mutant_of_what_a_capture_holds_does_harm()
    {
        byte[] valid = MakeCapture();
        (string Name, int Start, int Length)[] files = [.. FilesOf(valid)];
        Assert.Contains(files, file => file.Name.EndsWith("labels.bin", StringComparison.Ordinal));
        int read = 0;
        int refused = 0;
        Parallel.For(0, Mutants, i =>
        {
            var random = new Random((Seed * Mutants) + i);
            byte[] mutant = [.. valid];
            for (int n = random.Next(1, 4); n > 0; n--)
                Mutate(mutant, files[random.Next(files.Length)], random);
            long before = GC.GetAllocatedBytesForCurrentThread();
            long started = Stopwatch.GetTimestamp();
            try
            {
                Look(mutant, KernelVersions.All[i % KernelVersions.All.Count], random);
                Interlocked.Increment(ref read);
            }
            catch (PmemException)
            {
                Interlocked.Increment(ref refused);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {Seed}, mutant {i}: {e.Message}", e);
            }

            long taken = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(taken < MostBytes, $"seed {Seed}, mutant {i}: {taken} bytes");
            Assert.True(Stopwatch.GetElapsedTime(started) < s_longest, $"seed {Seed}, mutant {i}: {Stopwatch.GetElapsedTime(started)}");
        });
        Assert.InRange(read, Mutants / 10, Mutants);
        Assert.InRange(refused, Mutants / 100, Mutants);
    }

    private static void Look(byte[] mutant, KernelVersion kernel, Random random)
    {
        using Capture capture = Capture.Parse(mutant);
        KernelPrediction prediction = PlatformExplainer.Predict(capture.Evidence, kernel);
        Assert.All(prediction.Explanations, explanation => Assert.True(explanation.Reason.Length > 0 && explanation.Remedy.Length > 0));
        _ = capture.Evidence.Platform.GetErrors();
        var translator = new AddressTranslator(capture.Evidence);
        foreach (RegionEvidence region in capture.Evidence.Regions)
        {
            foreach (ulong offset in (ulong[])[0, 4096, (ulong)random.NextInt64(64 << 20), (ulong)random.NextInt64()])
            {
                try
                {
                    Assert.NotEmpty(translator.FromSystem(unchecked(region.Range.Base + offset)).What);
                }
                catch (PmemException)
                {
                    // Nobody has the address.
                }
            }
        }
    }

    /// <summary>Changes a file of the archive, and often makes its checksums right again.</summary>
    private static void Mutate(byte[] archive, (string Name, int Start, int Length) file, Random random)
    {
        Span<byte> bytes = archive.AsSpan(file.Start, file.Length);
        bool isText = file.Name.EndsWith(".json", StringComparison.Ordinal);
        for (int n = random.Next(1, 4); n > 0; n--)
        {
            int at = random.Next(random.Next(3) == 0 ? bytes.Length : Math.Min(bytes.Length, 2048));
            if (isText)
            {
                MutateText(bytes, at, random);
                continue;
            }

            switch (random.Next(4))
            {
                case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: bytes[at] = (byte)random.Next(256); break;
                case 2: bytes[at..Math.Min(bytes.Length, at + random.Next(1, 9))].Fill((byte)(random.Next(2) * 255)); break;
                default: random.NextBytes(bytes[at..Math.Min(bytes.Length, at + 8)]); break;
            }
        }

        if (random.Next(4) == 0)
            return;
        if (file.Name.StartsWith("tables/", StringComparison.Ordinal))
            AcpiTableHeader.Seal(bytes);
        else if (file.Name.EndsWith("labels.bin", StringComparison.Ordinal))
            SealLabels(bytes);
        else if (file.Name.EndsWith("media.bin", StringComparison.Ordinal))
            SealInfoBlocks(bytes);
    }

    /// <summary>Digits become other digits, and words of JSON other words of the same length.</summary>
    private static void MutateText(Span<byte> bytes, int at, Random random)
    {
        int digit = bytes[at..].IndexOfAnyInRange((byte)'0', (byte)'9');
        if (digit >= 0 && random.Next(5) != 0)
        {
            for (at += digit; at < bytes.Length && char.IsAsciiDigit((char)bytes[at]) && random.Next(4) != 0; at++)
                bytes[at] = (byte)('0' + (random.Next(3) == 0 ? 9 : random.Next(10)));
        }
        else if (random.Next(2) == 0 && bytes.IndexOf("true"u8) is >= 0 and var found)
        {
            "null"u8.CopyTo(bytes[found..]);
        }
        else
        {
            bytes[at] = (byte)random.Next(32, 127);
        }
    }

    private static void SealLabels(Span<byte> area)
    {
        if (!LabelAreaGeometry.TryCompute(area.Length, LabelFormat.Efi12.LabelSize(), out LabelAreaGeometry geometry))
            return;
        for (int index = 0; index < 2; index++)
        {
            Span<byte> block = area.Slice(geometry.IndexOffset(index), geometry.IndexSize);
            BinaryPrimitives.WriteUInt64LittleEndian(block[64..], Fletcher64.ComputeWithHole(block, 64));
        }

        for (int slot = 0; slot < geometry.SlotCount; slot++)
        {
            Span<byte> label = area.Slice(geometry.SlotOffset(slot), geometry.LabelSize);
            BinaryPrimitives.WriteUInt64LittleEndian(label[248..], Fletcher64.ComputeWithHole(label, 248));
        }
    }

    private static void SealInfoBlocks(Span<byte> media)
    {
        for (int page = 0; page + 4096 <= media.Length; page += 4096)
        {
            Span<byte> block = media.Slice(page, 4096);
            if (block.StartsWith("NVDIMM_"u8) || block.StartsWith("BTT_ARENA"u8))
                BinaryPrimitives.WriteUInt64LittleEndian(block[4088..], Fletcher64.ComputeWithHole(block, 4088));
        }
    }

    /// <summary>Two sets with namespaces of all modes, an error, and small label areas: 100 KiB to work on.</summary>
    private byte[] MakeCapture()
    {
        using VirtualPlatform platform = VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = 3, Ways = 1, Capacity = 128 << 20, LabelSize = 4096 });
        NamespaceMode[] modes = [NamespaceMode.Fsdax, NamespaceMode.Sector, NamespaceMode.Devdax];
        for (int i = 0; i < modes.Length; i++)
            platform.Platform.CreateNamespace(new NamespaceRequest { Region = $"region{i}", Mode = modes[i], Size = 32 << 20, Name = $"n{i}", SectorSize = modes[i] == NamespaceMode.Sector ? 4096 : null }).Demand();
        platform.InjectPoison(0, 4096, 256);
        using PlatformEvidence evidence = platform.GetEvidence();
        using var packed = new MemoryStream();
        Capture.Write(packed, evidence);
        return packed.ToArray();
    }

    private static IEnumerable<(string Name, int Start, int Length)> FilesOf(byte[] archive)
    {
        for (int at = 0; at + Block <= archive.Length && archive[at] != 0;)
        {
            string name = Encoding.ASCII.GetString(archive, at, Array.IndexOf(archive, (byte)0, at) - at);
            int length = Convert.ToInt32(Encoding.ASCII.GetString(archive, at + 124, 11), 8);
            yield return (name, at + Block, length);
            at += Block + ((length + Block - 1) / Block * Block);
        }
    }
}
