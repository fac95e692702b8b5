using Pmem.Platform;
using Pmem.Platform.Evidence;
using Pmem.Platform.Explaining;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Emulation.Tests;

/// <summary>DIMMs that are locked or lost: nobody can tell what lies on them, and nothing that is said of them may lose it.</summary>
public sealed class UnreachableModuleTests : IDisposable
{
    private static readonly Passphrase s_secret = Passphrase.FromText("open sesame");
    private static readonly Passphrase s_wrong = Passphrase.FromText("open barley");

    private readonly string _folder = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-unreachable-{Guid.NewGuid():n}");

    public void Dispose()
    {
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(false, 1)]
    [InlineData(true, 0)]
    [InlineData(true, 1)]
    public void Of_poison_whose_place_cannot_be_told_nobody_says_that_nothing_is_lost(bool isLost, int poisoned)
    {
        using (VirtualPlatform platform = Make())
        {
            platform.Platform.CreateNamespace(new NamespaceRequest { Size = 32 << 20 }).Demand();
            platform.InjectPoison(poisoned, 8 << 20, 512);
        }

        using VirtualPlatform closed = Close(isLost);
        Explanation poison = Assert.Single(Predict(closed).Explanations, explanation => explanation.Rule == "dimm-poison");
        Assert.Equal(LintSeverity.Error, poison.Severity);
        Assert.Contains("cannot be told", poison.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain("nothing is lost", poison.Remedy, StringComparison.Ordinal);
        Assert.DoesNotContain("--clear", poison.Remedy, StringComparison.Ordinal);
        Assert.Contains("clear nothing", poison.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void A_locked_DIMM_is_not_said_to_lack_a_label_storage_area()
    {
        Make().Dispose();
        using VirtualPlatform closed = Close(isLost: false);
        Explanation[] told = [.. Predict(closed).Explanations.Where(explanation => explanation.Subject == "nmem0")];
        Assert.Contains(told, explanation => explanation.Rule == "dimm-locked");
        Assert.DoesNotContain(told, explanation => explanation.Rule == "dimm-no-labels");
    }

    [Fact]
    public void Three_wrong_passphrases_are_told_as_the_reason()
    {
        using VirtualPlatform platform = Make();
        Change(platform, SecurityOperation.SetPassphrase, next: s_secret).Demand();
        for (int i = 0; i < 3; i++)
            Assert.False(Change(platform, SecurityOperation.RemovePassphrase, s_wrong).Succeeded);
        Explanation[] told = [.. Predict(platform).Explanations.Where(explanation => explanation.Subject == "nmem0")];
        Assert.Contains("three wrong", Assert.Single(told, explanation => explanation.Rule == "dimm-exhausted").Reason, StringComparison.Ordinal);
        Assert.DoesNotContain(told, explanation => explanation.Rule == "dimm-frozen");
    }

    [Theory]
    [InlineData(false, "locked", "security unlock nmem0")]
    [InlineData(true, "not there", "put the DIMM back")]
    public void Labels_that_cannot_be_reached_come_with_the_reason(bool isLost, string reason, string remedy)
    {
        Make().Dispose();
        using VirtualPlatform closed = Close(isLost);
        PlatformResult<ILabelStorage> labels = closed.Platform.OpenLabels("nmem0");
        Assert.False(labels.Succeeded);
        Assert.Contains(reason, labels.Message, StringComparison.Ordinal);
        Assert.Contains(remedy, labels.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void A_power_cut_enables_what_was_disabled()
    {
        using (VirtualPlatform platform = Make())
        {
            platform.Platform.DisableRegion("region0").Demand();
            platform.Platform.DisableDimm("nmem0").Demand();
            platform.PowerCut(1);
        }

        using var again = VirtualPlatform.Open(_folder);
        Assert.Equal(RegionState.Enabled, again.Platform.GetRegions()[0].State);
        Assert.True(again.Platform.GetDimms()[0].IsEnabled);
        Assert.Equal(PlatformError.InUse, Change(again, SecurityOperation.Overwrite).Error);
    }

    [Fact]
    public void The_end_of_a_guest_enables_what_was_disabled()
    {
        using VirtualPlatform platform = Make();
        NamespaceView data = platform.Platform.CreateNamespace(new NamespaceRequest { Size = 32 << 20 }).Demand();
        platform.Platform.DisableNamespace(data.Name).Demand();
        platform.ExportGuest(cancellation: TestContext.Current.CancellationToken);
        platform.ImportGuest(cancellation: TestContext.Current.CancellationToken);
        Assert.True(platform.Platform.GetRegions()[0].Namespaces[0].IsEnabled);
    }

    private VirtualPlatform Make() => VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = 2, Ways = 2, Capacity = 64 << 20 });

    /// <summary>DIMM 0 is lost, or locked.</summary>
    private VirtualPlatform Close(bool isLost)
    {
        using (var platform = VirtualPlatform.Open(_folder))
        {
            if (isLost)
                platform.Inject(0, dimm => dimm with { IsLost = true });
            else
                Change(platform, SecurityOperation.SetPassphrase, next: s_secret).Demand();
            platform.PowerCut(1);
        }

        return VirtualPlatform.Open(_folder);
    }

    private static PlatformResult<DimmSecurity> Change(VirtualPlatform platform, SecurityOperation operation, Passphrase? current = null, Passphrase? next = null) =>
        platform.Platform.ChangeSecurity("nmem0", new SecurityRequest(operation) { Current = current, Next = next });

    private static KernelPrediction Predict(VirtualPlatform platform)
    {
        using PlatformEvidence evidence = platform.GetEvidence();
        return PlatformExplainer.Predict(evidence, KernelVersion.Linux61);
    }
}
