using Pmem.CrashTesting;

namespace Pmem.Emulation.Tests;

public sealed class StateFileTests
{
    [Fact]
    public void A_crash_during_a_save_leaves_the_state_before_or_after()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(2L * StateFile.SlotSize);
        var file = new StateFile(map);
        Assert.Null(file.State);
        file.Save(new PlatformState { PowerCuts = 1 });
        file.Save(new PlatformState { PowerCuts = 2 });
        using var recorder = new TraceRecorder(map);
        file.Save(new PlatformState { PowerCuts = 3 });
        Trace trace = recorder.Stop();
        ExplorationResult result = CrashExplorer.Explore(
            trace,
            (image, _) =>
            {
                using PersistentMap copy = PersistentMap.CreateAnonymous(image.Length);
                copy.Copy(0, image, CopyHints.NoFlush);
                Assert.InRange(new StateFile(copy).State!.PowerCuts, 2, 3);
            },
            new ExplorationOptions { ImagesPerPoint = 24 },
            TestContext.Current.CancellationToken);
        result.ThrowIfFailed();
        Assert.True(result.Images > 2);
        Assert.Equal(3, new StateFile(map).State!.PowerCuts);
    }

    [Fact]
    public void No_mutant_of_a_state_does_harm()
    {
        const int Seed = 4711;
        var random = new Random(Seed);
        using PersistentMap map = PersistentMap.CreateAnonymous(2L * StateFile.SlotSize);
        var file = new StateFile(map);
        file.Save(new PlatformState { PowerCuts = 1, Dimms = [new VirtualDimm { File = "a", Handle = 1, SerialNumber = 1, Capacity = 1, LabelSize = 1 }] });
        byte[] good = map.GetSpan(0, 1024).ToArray();
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bytes = [.. good];
            for (int n = random.Next(1, 4); n > 0; n--)
                bytes[random.Next(random.Next(2) == 0 ? 32 : bytes.Length)] = (byte)random.Next(256);
            if (random.Next(2) == 0)
            {
                int length = (32 + (int)Math.Min(BitConverter.ToUInt64(bytes, 16), 900) + 63) & -64;
                BitConverter.TryWriteBytes(bytes.AsSpan(24), Pools.Fletcher64.ComputeWithHole(bytes.AsSpan(0, length), 24));
            }

            map.Copy(0, bytes, CopyHints.NoFlush);
            PlatformState? state = new StateFile(map).State;
            Assert.True(state is null || state.Dimms is null || state.Dimms.Count <= 1);
        }
    }

    [Theory]
    [InlineData(8)]
    [InlineData(40)]
    [InlineData(-1)]
    public void A_damaged_state_is_refused_and_no_DIMM_is_touched(int damage)
    {
        string folder = Directory.CreateTempSubdirectory("pmem-state").FullName;
        try
        {
            VirtualPlatform.Create(folder, new VirtualPlatformOptions { Capacity = 2 << 20 }).Dispose();
            string dimm = Path.Combine(folder, "dimm-0.img");
            using (FileStream file = File.OpenWrite(dimm))
                file.Write("kept"u8);
            byte[] before = File.ReadAllBytes(dimm);
            using (FileStream file = File.OpenWrite(Path.Combine(folder, StateFile.Name)))
            {
                if (damage < 0)
                    file.SetLength(100);
                for (int slot = 0; slot < 2 && damage >= 0; slot++)
                {
                    file.Position = (slot * StateFile.SlotSize) + damage;
                    file.WriteByte(0xa5);
                }
            }

            foreach (Action open in (Action[])[() => VirtualPlatform.Open(folder).Dispose(), () => VirtualPlatform.Create(folder).Dispose()])
                Assert.Contains("damaged", Assert.Throws<PmemException>(open).Message, StringComparison.Ordinal);
            Assert.Equal(before, File.ReadAllBytes(dimm));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2L * StateFile.SlotSize)]
    public void A_platform_that_was_not_made_to_the_end_can_be_made_again(long length)
    {
        string folder = Directory.CreateTempSubdirectory("pmem-state").FullName;
        try
        {
            using (FileStream file = File.Create(Path.Combine(folder, StateFile.Name)))
                file.SetLength(length);
            Assert.Contains("make it again", Assert.Throws<PmemException>(() => VirtualPlatform.Open(folder)).Message, StringComparison.Ordinal);
            VirtualPlatform.Create(folder, new VirtualPlatformOptions { Capacity = 2 << 20 }).Dispose();
            VirtualPlatform.Open(folder).Dispose();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
