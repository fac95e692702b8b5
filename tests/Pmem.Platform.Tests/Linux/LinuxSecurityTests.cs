using Pmem.Platform.Linux;
using Pmem.Platform.Model;

namespace Pmem.Platform.Tests.Linux;

/// <summary>Security and firmware of a running Linux: what is written into its attributes, and what is refused because only its key ring can do it.</summary>
public sealed class LinuxSecurityTests : IDisposable
{
    private static readonly Passphrase s_secret = Passphrase.FromText("secret");
    private readonly RecordedMachine _machine = new();

    public LinuxSecurityTests()
    {
        _machine.Set("nmem0/security", "unlocked");
        _machine.Set("nmem0/frozen", "0");
    }

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void What_needs_no_passphrase_is_written()
    {
        LinuxPlatform platform = _machine.Look();
        _machine.Kernel = (path, value) =>
        {
            if (path == "nmem0/security")
                _machine.Set("nmem0/security", value.StartsWith("overwrite", StringComparison.Ordinal) ? "overwrite" : "disabled");
            if (value == "freeze")
                _machine.Set("nmem0/frozen", "1");
        };
        Assert.True(platform.ChangeSecurity("nmem0", new SecurityRequest(SecurityOperation.Freeze)).Demand().IsFrozen);
        Assert.Equal(PlatformError.InUse, platform.ChangeSecurity("nmem0", new SecurityRequest(SecurityOperation.Erase)).Error);
        foreach (string region in platform.GetRegions().Where(region => region.Mappings.Any(mapping => mapping.Dimm == "nmem0")).Select(region => region.Name))
            _machine.Unbind(region);
        Assert.Equal(DimmSecurityState.Disabled, platform.ChangeSecurity("nmem0", new SecurityRequest(SecurityOperation.Erase)).Demand().State);
        Assert.Equal(DimmSecurityState.Overwrite, platform.ChangeSecurity("nmem0", new SecurityRequest(SecurityOperation.Overwrite)).Demand().State);
        Assert.Equal([("nmem0/security", "freeze"), ("nmem0/security", "erase 0"), ("nmem0/security", "overwrite 0")], _machine.Writes);
    }

    [Theory]
    [InlineData(SecurityOperation.SetPassphrase, "ndctl update-passphrase nmem0")]
    [InlineData(SecurityOperation.RemovePassphrase, "ndctl remove-passphrase nmem0")]
    [InlineData(SecurityOperation.Unlock, "ndctl load-keys")]
    public void What_needs_a_passphrase_is_refused_with_the_command_that_does_it(SecurityOperation operation, string instead)
    {
        PlatformResult<DimmSecurity> result = _machine.Look().ChangeSecurity("nmem0", new SecurityRequest(operation) { Current = s_secret, Next = operation == SecurityOperation.SetPassphrase ? s_secret : null });
        Assert.Equal(PlatformError.NotSupported, result.Error);
        Assert.Contains("key ring", result.Message, StringComparison.Ordinal);
        Assert.Contains(instead, result.Remedy, StringComparison.Ordinal);
        Assert.Empty(_machine.Writes);
    }

    [Fact]
    public void Requests_that_are_none_and_DIMMs_without_security_are_refused()
    {
        LinuxPlatform platform = _machine.Look();
        Assert.Equal(PlatformError.BadValue, platform.ChangeSecurity("nmem0", new SecurityRequest(SecurityOperation.Unlock)).Error);
        Assert.Equal(PlatformError.BadValue, platform.ChangeSecurity("nmem0", new SecurityRequest(SecurityOperation.Freeze) { IsMaster = true }).Error);
        Assert.Equal(PlatformError.NotFound, platform.GetSecurity("nmem77").Error);
        File.Delete(_machine.Attribute("nmem0/security"));
        Assert.Equal(PlatformError.NotSupported, platform.GetSecurity("nmem0").Error);
        Assert.Equal(PlatformError.NotSupported, platform.UpdateFirmware("nmem0", new byte[16]).Error);
    }

    [Fact]
    public void Firmware_is_armed_and_activated_by_attributes()
    {
        LinuxPlatform platform = _machine.Look();
        Assert.Equal(PlatformError.NotSupported, platform.ActivateFirmware().Error);
        Assert.Equal(PlatformError.NotSupported, platform.ArmFirmware("nmem0", arm: true).Error);
        Directory.CreateDirectory(_machine.Attribute("ndbus0/firmware"));
        _machine.Set("ndbus0/firmware/capability", "quiesce");
        _machine.Set("ndbus0/firmware/activate", "idle");
        Assert.Equal(new FirmwareActivation(FirmwareActivationMethod.Suspend, FirmwareActivationState.Idle), platform.GetFirmwareActivation().Demand());
        Assert.Equal(PlatformError.NotFound, platform.ActivateFirmware().Error);
        foreach (bool force in (bool[])[false, true])
        {
            _machine.Set("ndbus0/firmware/activate", "armed");
            Assert.Equal(FirmwareActivationState.Armed, platform.GetBuses()[0].Activation!.State);
            platform.ActivateFirmware(force).Demand();
        }

        Assert.Equal([("ndbus0/firmware/activate", "quiesce"), ("ndbus0/firmware/activate", "live")], _machine.Writes);
    }
}
