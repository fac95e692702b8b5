using Pmem.Platform.Labels;
using Pmem.Pools;

namespace Pmem.Platform.Tests.Labels;

/// <summary>Broken areas by the thousand: no crash, no hang, and whatever we repair reads as repaired.</summary>
public sealed class LabelFuzzTests
{
    [Fact]
    public void No_mutant_of_an_area_does_harm()
    {
        const int Seed = 20260;
        const int Mutants = 100_000;
        const int Size = 4096;
        RegionDescription region = AreaBuilder.Region(2);
        LabelArea[] good = [AreaBuilder.Empty(size: Size), AreaBuilder.Empty(LabelFormat.Efi11, Size)];
        for (int i = 1; i <= 3; i++)
        {
            NamespaceLabel[] labels = AreaBuilder.Labels(region, AreaBuilder.Uuid(i), (ulong)i << 25, 16 << 20, $"{i}");
            labels[1] = labels[1] with { SetCookie = region.Cookie.Version11, Type = default };
            good = AreaBuilder.With(good, labels);
        }

        var random = new Random(Seed);
        int readable = 0;
        for (int i = 0; i < Mutants; i++)
        {
            byte[][] bytes = [.. good.Select(area => area.Bytes.ToArray())];
            int seed = random.Next();
            var mutation = new Random(seed);
            byte[] target = bytes[mutation.Next(2)];
            for (int n = mutation.Next(1, 6); n > 0; n--)
                Mutate(target, mutation);
            Mend(target, mutation);
            try
            {
                LabelArea[] areas = [.. bytes.Select(area => LabelArea.Parse(area))];
                RegionLabelVerdict verdict = RegionLabelVerdict.Judge(region, areas);
                readable += verdict.State == RegionState.Enabled ? 1 : 0;
                if (i % 8 == 0)
                {
                    LabelRepair repair = LabelRepair.Mend(region, areas);
                    LabelArea[] mended = AreaBuilder.Apply(areas, repair.Update);
                    if (repair.Unresolved.Count == 0)
                        Assert.NotEqual(RegionState.Disabled, RegionLabelVerdict.Judge(region, mended).State);
                }
            }
            catch (Exception e) when (e is not PmemException)
            {
                throw new InvalidOperationException($"mutant {i}, seed {seed}: {e.Message}", e);
            }
        }

        Assert.InRange(readable, Mutants / 4, Mutants - 1);
    }

    private static void Mutate(byte[] bytes, Random random)
    {
        int at = random.Next(4) == 0 ? random.Next(bytes.Length) : random.Next(1536);
        switch (random.Next(5))
        {
            case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
            case 1: bytes[at] = (byte)random.Next(256); break;
            case 2: bytes.AsSpan(at, Math.Min(8, bytes.Length - at)).Fill((byte)(random.Next(2) * 255)); break;
            case 3: bytes.AsSpan(random.Next(bytes.Length - 256), 256).CopyTo(bytes.AsSpan(Math.Min(at & -256, bytes.Length - 256))); break;
            default: random.NextBytes(bytes.AsSpan(at, Math.Min(4, bytes.Length - at))); break;
        }
    }

    /// <summary>Often makes the checksums right again, so that what is behind them is reached.</summary>
    private static void Mend(byte[] bytes, Random random)
    {
        if (random.Next(3) == 0)
            return;
        for (int index = 0; index < 512; index += 256)
            BitConverter.TryWriteBytes(bytes.AsSpan(index + 64), Fletcher64.ComputeWithHole(bytes.AsSpan(index, 256), 64));
        for (int slot = 512; slot < bytes.Length; slot += 256)
            BitConverter.TryWriteBytes(bytes.AsSpan(slot + 248), Fletcher64.ComputeWithHole(bytes.AsSpan(slot, 256), 248));
    }
}
