using System.Text.Json;
using Pmem.Emulation;
using Pmem.Emulation.Modules;
using Pmem.Platform.Model;

namespace Pmem.Tool.Tests.Persona.Ndctl;

/// <summary>ndctl's commands on security and firmware, with keys in the platform's folder: what they say, how they end, what they leave.</summary>
public sealed class NdctlSecurityTests : IDisposable
{
    private readonly PoolFixture _files = new();
    private readonly string _folder;

    public NdctlSecurityTests()
    {
        _folder = _files.File("vm");
        VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = 2, Capacity = 16 << 20 }).Dispose();
    }

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_passphrase_lives_and_dies_with_its_key()
    {
        Expect(1, "regions active on nmem0, op failed\npassphrase enabled for 0 nmem.\n", "setup-passphrase", "nmem0", "-k", "user:nvdimm-master");
        Expect(0, "disabled 2 regions\n", "disable-region", "all");
        Expect(1, "passphrase enabled for 0 nmem.\n", "setup-passphrase", "nmem0");
        Expect(1, "No such key type: logon\n", "setup-passphrase", "nmem0", "-k", "logon:x");
        Expect(0, "passphrase enabled for 1 nmem.\n", "setup-passphrase", "nmem0", "-k", "user:nvdimm-master");
        string key = Assert.Single(Directory.GetFiles(Path.Combine(_folder, "keys")));
        Assert.Matches("/nvdimm_8680-56341200_[^/]+[.]blob$", key);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(key));
        byte[] first = File.ReadAllBytes(key);
        Expect(1, $"{key} already exists!\npassphrase enabled for 0 nmem.\n", "setup-passphrase", "nmem0", "-k", "user:nvdimm-master");
        Expect(0, "passphrase updated for 1 nmem.\n", "update-passphrase", "nmem0", "-k", "user:nvdimm-master");
        Assert.NotEqual(first, File.ReadAllBytes(key));
        Assert.Single(Directory.GetFiles(Path.Combine(_folder, "keys")));
        Assert.Equal("unlocked", State("nmem0"));
        Cut();
        Assert.Equal("locked", State("nmem0"));
        ToolResult load = Run("load-keys");
        Assert.Equal((0, "1 nvdimm keys loaded\n", "No TPM handle discovered.\n"), (load.ExitCode, load.Output, load.Error));
        Expect(0, "enabled 1 nmem\n", "enable-dimm", "nmem0");
        Assert.Equal("unlocked", State("nmem0"));
        Expect(1, "regions active on nmem0, op failed\nUnable to load key\npassphrase removed for 0 nmem.\n", "remove-passphrase", "nmem0");
        Run("disable-region", "all");
        Expect(0, "passphrase removed for 1 nmem.\n", "remove-passphrase", "nmem0");
        Assert.Equal("disabled", State("nmem0"));
        Assert.Empty(Directory.GetFiles(Path.Combine(_folder, "keys")));
        Expect(1, $"failed to open file {key}: No such file or directory\nUnable to load key\npassphrase removed for 0 nmem.\n", "remove-passphrase", "nmem0");
    }

    [Fact]
    public void DIMMs_are_sanitized_with_and_without_keys()
    {
        Run("disable-region", "all");
        Expect(1, "  Error: Failed to freeze security for nmem0\n\nsecurity froze 0 nmem.\n", "freeze-security", "nmem0");
        Expect(1, "  Error: nmem0: overwrite does not support master passphrase\n\noverwrite issued for 0 nmem.\n", "sanitize-dimm", "-o", "-m", "nmem0");
        Expect(0, "sanitized 2 nmems.\n", "sanitize-dimm", "-c", "-z", "all");
        Expect(0, "passphrase enabled for 2 nmems.\n", "setup-passphrase", "all", "-k", "user:k");
        Expect(0, "passphrase enabled for 1 nmem.\n", "setup-passphrase", "nmem1", "-m", "-k", "user:k");
        Expect(0, "sanitized 1 nmem.\n", "sanitize-dimm", "nmem0");
        Expect(0, "sanitized 1 nmem.\n", "sanitize-dimm", "-m", "nmem1");
        Assert.Equal(["disabled", "disabled"], new[] { State("nmem0"), State("nmem1") });
        ToolResult overwritten = Run("sanitize-dimm", "--overwrite", "nmem0");
        Assert.Equal(0, overwritten.ExitCode);
        Assert.EndsWith("overwrite issued for 1 nmem.\n", overwritten.Error, StringComparison.Ordinal);
        Expect(0, string.Empty, "wait-overwrite", "nmem0");
        Assert.Equal("disabled", State("nmem0"));
    }

    [Fact]
    public void An_update_of_a_passphrase_that_was_interrupted_is_finished_by_the_next()
    {
        Run("disable-region", "all");
        Run("setup-passphrase", "nmem0", "-k", "user:k");
        string key = Assert.Single(Directory.GetFiles(Path.Combine(_folder, "keys")));
        string old = key.Replace("nvdimm_", "nvdimm-old_", StringComparison.Ordinal);

        // Killed behind the renaming; behind the making of the new key; behind the change of the passphrase.
        File.Move(key, old);
        Expect(0, "passphrase updated for 1 nmem.\n", "update-passphrase", "nmem0", "-k", "user:k");
        File.Move(key, old);
        File.WriteAllBytes(key, [.. Enumerable.Repeat((byte)5, 32)]);
        Expect(0, "passphrase updated for 1 nmem.\n", "update-passphrase", "nmem0", "-k", "user:k");
        File.WriteAllBytes(old, [.. Enumerable.Repeat((byte)5, 32)]);
        Expect(0, "passphrase updated for 1 nmem.\n", "update-passphrase", "nmem0", "-k", "user:k");
        Assert.Equal([key], Directory.GetFiles(Path.Combine(_folder, "keys")));
        Expect(0, "passphrase removed for 1 nmem.\n", "remove-passphrase", "nmem0");
    }

    [Fact]
    public void Firmware_is_updated_armed_and_activated()
    {
        string image = _files.File("fw");
        File.WriteAllBytes(image, FirmwareImage.Create(0x2_0000));
        Expect(1, "failed to open: /nowhere: (No such file or directory)\nupdated 0 nmem.\n", "update-firmware", "nmem0", "-f", "/nowhere");
        Expect(129, "require --arm, or --disarm\n", "update-firmware", "nmem0");
        Expect(129, "set either --arm, or --disarm, not both\n", "update-firmware", "nmem0", "-A", "-D");
        Expect(1, "  Error: update firmware: nmem0: failed to arm\n\nupdated 0 nmem.\n", "update-firmware", "nmem0", "-A");
        Expect(250, "ACPI.NFIT: ndbus0: no devices armed\nerror activating firmware: No such device or address\n", "activate-firmware");
        ToolResult updated = Run("update-firmware", "all", "-f", image);
        Assert.Equal((0, "updated 2 nmems.\n"), (updated.ExitCode, updated.Error));
        using (var json = JsonDocument.Parse(updated.Output))
        {
            JsonElement dimm = json.RootElement[0];
            Assert.Equal(["dev", "id", "handle", "phys_id", "security", "firmware"], dimm.EnumerateObject().Select(member => member.Name));
            Assert.Equal("{\"current_version\":65536,\"can_update\":true,\"next_version\":131072,\"activate_state\":\"armed\"}", dimm.GetProperty("firmware").GetRawText().Replace(" ", string.Empty, StringComparison.Ordinal).Replace("\n", string.Empty, StringComparison.Ordinal));
        }

        Expect(0, "updated 1 nmem.\n", "update-firmware", "--disarm", "nmem1");
        ToolResult activated = Run("activate-firmware");
        Assert.Equal((0, string.Empty), (activated.ExitCode, activated.Error));
        using (var json = JsonDocument.Parse(activated.Output))
        {
            JsonElement bus = json.RootElement[0];
            Assert.Equal(("suspend", "idle"), (bus.GetProperty("firmware").GetProperty("activate_method").GetString(), bus.GetProperty("firmware").GetProperty("activate_state").GetString()));
            Assert.Equal(["0x20000", "0x10000"], bus.GetProperty("dimms").EnumerateArray().Select(dimm => dimm.GetProperty("firmware").GetProperty("current_version").GetString()));
        }

        File.WriteAllBytes(image, new byte[64]);
        Expect(1, "  Error: update firmware: nmem0: firmware image rejected\n  Error: update firmware: nmem0: failed to finish update sequence\nupdated 0 nmem.\n", "update-firmware", "nmem0", "-f", image);
    }

    private void Cut()
    {
        using var platform = VirtualPlatform.Open(_folder);
        platform.PowerCut(1);
    }

    private string State(string dimm)
    {
        using var platform = VirtualPlatform.Open(_folder);
        return platform.Platform.GetSecurity(dimm).Demand().State.ToString().ToLowerInvariant();
    }

    private ToolResult Run(params string[] arguments) => ToolRunner.Run(["ndctl", "--platform", _folder, .. arguments]);

    private void Expect(int code, string error, params string[] arguments)
    {
        ToolResult result = Run(arguments);
        Assert.True(code == result.ExitCode && result.Error.StartsWith(error, StringComparison.Ordinal), $"{string.Join(' ', arguments)}: {result.ExitCode} {result.Error}");
    }
}
