using Pmem.Platform.Acpi;
using Pmem.Platform.Dsm;

namespace Pmem.Platform.Tests.Acpi;

/// <summary>Registers behind the methods of NVDIMM devices: what a guest leaves in them is anything.</summary>
public class NvdimmRegistersTests
{
    [Fact]
    public void Error_registers_come_back_as_they_were()
    {
        var registers = new NvdimmErrorRegisters { Ranges = [new(0x1_0000_0000, 256), new(NvdimmRoot.MaximumAddress - 512, 512)], Scrubs = 3, Clears = 4, Injections = 5 };
        byte[] bytes = registers.ToBytes();
        Assert.Equal(NvdimmErrorRegisters.Size, bytes.Length);
        var again = NvdimmErrorRegisters.Parse(bytes);
        Assert.Equal(registers.Ranges, again.Ranges);
        Assert.Equal((3u, 4u, 5u), (again.Scrubs, again.Clears, again.Injections));
        Assert.Equal(bytes, again.ToBytes());
    }

    [Theory]
    [InlineData(1, 256)]
    [InlineData(0, 0)]
    [InlineData(0, 100)]
    [InlineData(NvdimmRoot.MaximumAddress, 256)]
    public void Ranges_that_the_methods_cannot_reach_are_refused(ulong start, ulong length) =>
        Assert.Throws<InvalidOperationException>(() => new NvdimmErrorRegisters { Ranges = [new(start, length)] }.ToBytes());

    [Fact]
    public void Health_registers_keep_what_is_said_and_what_is_true()
    {
        var registers = new NvdimmHealthRegisters
        {
            Smart = new IntelSmartOutput { Health = 1, MediaTemperature = 1440, SparesPercentage = 3, LifeUsedPercentage = 9 },
            Thresholds = new IntelThresholdsOutput { AlarmControl = 5, SparesThreshold = 50 },
            IsLatched = true,
            InjectedMediaTemperature = 1440,
            InjectedSpares = 3,
            IsUnsafeShutdownInjected = true,
            Truth = new IntelSmartOutput { MediaTemperature = 448, SparesPercentage = 100, ShutdownCount = 7, LifeUsedPercentage = 9 },
            Security = new SecurityStateOutput { State = 6, ExtendedState = 1 },
        };
        byte[] bytes = registers.ToBytes();
        Assert.Equal(registers.Smart.ToBytes(), bytes[..132]);
        Assert.Equal(registers.Thresholds.ToBytes(), bytes[(int)NvdimmDevice.ThresholdsPosition..][..12]);
        var again = NvdimmHealthRegisters.Parse(bytes);
        Assert.Equal(bytes, again.ToBytes());
        Assert.Equal(((ushort?)1440, (byte?)3, false, true, true), (again.InjectedMediaTemperature, again.InjectedSpares, again.IsFatalInjected, again.IsUnsafeShutdownInjected, again.IsLatched));
        Assert.Equal((6, 1), (again.Security.State, again.Security.ExtendedState));
        Assert.Equal((448, 100, 7u), (again.Truth!.MediaTemperature, again.Truth.SparesPercentage, again.Truth.ShutdownCount));
    }

    [Fact]
    public void Every_mutant_of_registers_is_read_or_refused()
    {
        const int Seed = 55;
        const int Mutants = 100_000;
        var random = new Random(Seed);
        byte[][] seeds =
        [
            new NvdimmErrorRegisters { Ranges = [.. Enumerable.Range(1, 20).Select(i => new NvdimmErrorRange((ulong)i * 4096, 256))], Scrubs = 1 }.ToBytes(),
            new NvdimmHealthRegisters { Smart = new IntelSmartOutput(), Thresholds = new IntelThresholdsOutput(), Truth = new IntelSmartOutput() }.ToBytes(),
        ];
        int read = 0;
        int refused = 0;
        for (int i = 0; i < Mutants; i++)
        {
            int which = random.Next(2);
            byte[] mutant = Mutations.Of(seeds[which], random);
            try
            {
                if (which == 0)
                    Assert.InRange(NvdimmErrorRegisters.Parse(mutant).Ranges.Count, 0, NvdimmErrorRegisters.Capacity);
                else
                    Assert.NotNull(NvdimmHealthRegisters.Parse(mutant).Smart);
                read++;
            }
            catch (PmemFormatException)
            {
                refused++;
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"seed {Seed}, mutant {i}: {e}");
            }
        }

        Assert.InRange(read, Mutants / 50, Mutants);
        Assert.InRange(refused, Mutants / 50, Mutants);
    }
}
