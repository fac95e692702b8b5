using Pmem.Platform.Acpi;

namespace Pmem.Platform.Tests.Acpi;

/// <summary>Mutants by the thousand: each gives a value that is written again as it was, or a typed exception.</summary>
public class TableFuzzTests
{
    private const int Mutants = 100_000;

    [Fact]
    public void Every_mutated_NFIT_is_scanned_examined_and_written_again()
    {
        const int Seed = 51;
        var random = new Random(Seed);
        byte[][] seeds = [SampleNfit.Everything().ToBytes(), SampleNfit.Everything().ToFit(), SampleNfit.Set(4).ToBytes()];
        int parsed = 0;
        int refused = 0;
        for (int i = 0; i < Mutants; i++)
        {
            byte[] mutant = Mutations.Of(seeds[random.Next(seeds.Length)], random);
            if (random.Next(2) == 0 && mutant.Length >= Nfit.HeaderSize)
                AcpiTableHeader.Seal(mutant);
            try
            {
                var scan = NfitScan.Read(mutant);
                IReadOnlyList<LintFinding> findings = NfitLint.Examine(scan, NfitLintCases.Platform);
                Assert.All(findings, finding => Assert.InRange(finding.Offset, 0, mutant.Length));
                if (i % 50 == 0)
                    Assert.Equal(Nfit.FromScan(scan).ToBytes(), NfitJson.Parse(NfitTests.Json(mutant)).ToBytes());
                if (i % 50 == 1)
                    Assert.NotNull(NfitText.Print(scan));
                Assert.Equal(mutant, Nfit.Parse(mutant).ToBytes());
                parsed++;
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

        // Both outcomes must occur, or the mutations are too weak or too strong.
        Assert.InRange(parsed, Mutants / 50, Mutants);
        Assert.InRange(refused, Mutants / 50, Mutants);
    }

    [Fact]
    public void Every_mutated_SRAT_HMAT_and_PCAT_is_read_or_refused()
    {
        const int Seed = 52;
        var random = new Random(Seed);
        byte[][] seeds = [OtherTablesTests.Srat().ToBytes(), OtherTablesTests.Hmat().ToBytes(), OtherTablesTests.Pcat(newer: false).ToBytes(), OtherTablesTests.Pcat(newer: true).ToBytes()];
        int parsed = 0;
        for (int i = 0; i < Mutants; i++)
        {
            int which = random.Next(seeds.Length);
            byte[] mutant = Mutations.Of(seeds[which], random);
            if (mutant.Length >= AcpiTableHeader.Size)
                AcpiTableHeader.Seal(mutant);
            try
            {
                byte[] again = which switch
                {
                    0 => Platform.Acpi.Srat.Parse(mutant).ToBytes(),
                    1 => Platform.Acpi.Hmat.Parse(mutant).ToBytes(),
                    _ => Platform.Acpi.Pcat.Parse(mutant).ToBytes(),
                };
                if (which == 0)
                    Assert.NotNull(Platform.Acpi.Srat.Parse(mutant).ProximityDomains.ToArray());
                Assert.Equal(mutant.Length, again.Length);
                parsed++;
            }
            catch (PmemFormatException)
            {
                // As it should be.
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"seed {Seed}, mutant {i}: {e}");
            }
        }

        Assert.InRange(parsed, Mutants / 50, Mutants - (Mutants / 50));
    }
}
