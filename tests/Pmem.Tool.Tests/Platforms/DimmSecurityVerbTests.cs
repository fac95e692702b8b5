using System.Text.Json;
using System.Text.Json.Nodes;
using Pmem.Emulation;
using Pmem.Emulation.Modules;
using Pmem.Platform.Model;
using Pmem.Tool.Health;
using Pmem.Tool.Tests.Labels;

namespace Pmem.Tool.Tests.Platforms;

/// <summary><c>pmem dimm security</c> and <c>pmem dimm firmware</c>, as people type them.</summary>
public sealed class DimmSecurityVerbTests : IDisposable
{
    private readonly PoolFixture _files = new();
    private readonly string _folder;
    private readonly string _secret;
    private readonly string _other;

    public DimmSecurityVerbTests()
    {
        _folder = _files.File("vm");
        _secret = _files.File("secret");
        _other = _files.File("other");
        File.WriteAllText(_secret, "open sesame\n");
        File.WriteAllText(_other, "other");
        using var platform = VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = 2, Ways = 2, Capacity = 16 << 20 });
        platform.Platform.CreateNamespace(new NamespaceRequest { Mode = Pmem.Platform.InfoBlocks.NamespaceMode.Raw, Size = 16 << 20, Name = "data" }).Demand();
    }

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_DIMM_is_locked_seen_as_locked_everywhere_and_unlocked()
    {
        Assert.Equal("nmem0: no passphrase\nnmem1: no passphrase\n", Run("security", "show"));
        Assert.Contains("setup is possible", Run("security", "setup", "nmem0", "--dry-run"), StringComparison.Ordinal);
        Assert.Contains("--new-passphrase-file", Fail("security", "setup", "nmem0"), StringComparison.Ordinal);
        Assert.Equal("nmem0: passphrase set, unlocked\n", Run("security", "setup", "nmem0", "--new-passphrase-file", _secret));
        Assert.Contains("security update", Fail("security", "setup", "nmem0", "--new-passphrase-file", _secret), StringComparison.Ordinal);
        Assert.Equal(0, ToolRunner.Run("platform", "power-cut", _folder).ExitCode);

        JsonElement dimm = ToolRunner.Json(0, "list", "-Di", "--platform", _folder)[0];
        Assert.Equal(("locked", "disabled"), (dimm.GetProperty("security").GetString(), dimm.GetProperty("state").GetString()));
        Assert.Contains("region0: nmem0 is locked", ToolRunner.Run("region", "list", "--platform", _folder).Output, StringComparison.Ordinal);
        Assert.Contains("locked", ToolRunner.Run("explain", "--platform", _folder).Output, StringComparison.Ordinal);
        Assert.Contains("   LockState=Locked\n", Run("show", "nmem0", "--display", "LockState"), StringComparison.Ordinal);
        Assert.Contains("   SecurityCapabilities=Encryption, Erase\n", Run("show", "nmem0", "--all"), StringComparison.Ordinal);

        Assert.Contains("not that of nmem0", Fail("security", "unlock", "nmem0", "--passphrase-file", _other), StringComparison.Ordinal);
        JsonElement unlocked = ToolRunner.Json(0, "dimm", "security", "unlock", "nmem0", "--passphrase-file", _secret, "--platform", _folder)[0];
        JsonPage.Compare("## `pmem dimm security", unlocked);
        Assert.Equal(("unlocked", false, false), (unlocked.GetProperty("security").GetString(), unlocked.GetProperty("security_frozen").GetBoolean(), unlocked.GetProperty("master_passphrase").GetBoolean()));
        Assert.Equal("nmem0: passphrase set, unlocked\n", Run("security", "update", "nmem0", "--passphrase-file", _secret, "--new-passphrase-file", _other));
        Assert.Equal("nmem0: passphrase set, unlocked, frozen\n", Run("security", "freeze", "nmem0"));
        Assert.Contains("frozen security", Fail("security", "remove", "nmem0", "--passphrase-file", _other), StringComparison.Ordinal);
    }

    [Fact]
    public void Content_is_erased_only_when_that_is_said_and_the_region_is_off()
    {
        Run("security", "setup", "all", "--new-passphrase-file", _secret);
        Assert.Contains("pmem region disable region0", Fail("security", "erase", "nmem0", "--passphrase-file", _secret, "--force"), StringComparison.Ordinal);
        Assert.Equal(0, ToolRunner.Run("region", "disable", "region0", "--platform", _folder).ExitCode);
        Assert.Contains("--force", Fail("security", "erase", "nmem0", "--passphrase-file", _secret), StringComparison.Ordinal);
        Assert.Contains("nothing was changed", Run("security", "erase", "nmem0", "nmem1", "--dry-run"), StringComparison.Ordinal);
        Assert.Contains("passphrase is missing", Fail("security", "erase", "nmem0", "--force"), StringComparison.Ordinal);
        Assert.Equal("nmem0: no passphrase\n", Run("security", "erase", "nmem0", "--passphrase-file", _secret, "--force"));
        Assert.Equal("nmem0: no passphrase\n", Run("security", "overwrite", "nmem0", "--force", "--wait"));
        Assert.Equal("disabled", ToolRunner.Json(0, "dimm", "security", "wait", "nmem0", "--platform", _folder)[0].GetProperty("security").GetString());
        Assert.Equal("nmem1: no passphrase\n", Run("security", "remove", "nmem1", "--passphrase-file", _secret));
        Assert.Contains("nmem1: no passphrase, master passphrase set", Run("security", "setup", "nmem1", "--master", "--new-passphrase-file", _other), StringComparison.Ordinal);
        Assert.Equal("nmem1: no passphrase, master passphrase set\n", Run("security", "erase", "nmem1", "--master", "--passphrase-file", _other, "--force"));
    }

    [Fact]
    public void Firmware_is_made_sent_armed_and_activated()
    {
        string image = _files.File("new.fw");
        Assert.Equal(0, ToolRunner.Run("dimm", "firmware", "make-image", "1.2", image).ExitCode);
        Assert.Contains("no version", ToolRunner.Fail("dimm", "firmware", "make-image", "x", _files.File("y")), StringComparison.Ordinal);
        Assert.Contains("--image", Fail("firmware", "update", "nmem0"), StringComparison.Ordinal);
        Assert.Contains("nothing was changed", Run("firmware", "update", "nmem0", "--image", image, "--dry-run"), StringComparison.Ordinal);
        Assert.Contains("rejected", Fail("firmware", "update", "nmem0", "--image", _secret), StringComparison.Ordinal);
        Assert.Matches("nmem0 +1[.]0 +1[.]2 +yes +armed", Run("firmware", "update", "nmem0", "--image", image));
        Assert.Matches("method suspend, armed", Run("firmware", "activate", "--dry-run"));
        Assert.Matches("nmem0 +1[.]2 +yes +idle", Run("firmware", "activate"));
        Assert.Equal(1, ToolRunner.Run("dimm", "firmware", "activate", "--dry-run", "--platform", _folder).ExitCode);
        Assert.Contains("no DIMM is armed", Fail("firmware", "activate"), StringComparison.Ordinal);
        Assert.Equal(0x10002, ToolRunner.Json(0, "dimm", "firmware", "show", "nmem0", "--platform", _folder)[0].GetProperty("firmware").GetProperty("current_version").GetInt32());
    }

    [Fact]
    public void The_monitor_tells_when_security_or_firmware_changes()
    {
        using var platform = VirtualPlatform.Open(_folder);
        var watch = new PlatformWatch(new WatchOptions { Changes = true });
        Assert.Empty(watch.Look(platform.Platform, DateTimeOffset.UnixEpoch));
        platform.Platform.ChangeSecurity("nmem1", new SecurityRequest(SecurityOperation.SetPassphrase) { Next = Passphrase.FromText("x") }).Demand();
        JsonObject told = Assert.Single(watch.Look(platform.Platform, DateTimeOffset.UnixEpoch));
        Assert.Equal("nmem1 unlocked True False", $"{told["dimm"]!["dev"]} {told["dimm"]!["security"]} {(bool)told["event"]!["dimm-security"]!} {(bool)told["event"]!["dimm-firmware"]!}");
        Assert.Empty(watch.Look(platform.Platform, DateTimeOffset.UnixEpoch));
        platform.Platform.UpdateFirmware("nmem0", FirmwareImage.Create(0x2_0000)).Demand();
        told = Assert.Single(watch.Look(platform.Platform, DateTimeOffset.UnixEpoch));
        Assert.Equal("nmem0 131072 False True", $"{told["dimm"]!["dev"]} {told["dimm"]!["firmware"]!["next_version"]} {(bool)told["event"]!["dimm-security"]!} {(bool)told["event"]!["dimm-firmware"]!}");
        Assert.Empty(new PlatformWatch(new WatchOptions()).Look(platform.Platform, DateTimeOffset.UnixEpoch));
    }

    [Fact]
    public void Captures_tell_of_security_and_let_nobody_change_it()
    {
        Run("security", "setup", "nmem0", "--new-passphrase-file", _secret);
        string capture = _files.File("capture");
        Assert.Equal(0, ToolRunner.Run("capture", "-o", capture, "--platform", _folder).ExitCode);
        Assert.Equal("nmem0: passphrase set, unlocked\n", ToolRunner.Run("dimm", "security", "show", "nmem0", "--platform", capture).Output);
        Assert.Contains("a capture", ToolRunner.Fail("dimm", "security", "freeze", "nmem0", "--platform", capture), StringComparison.Ordinal);
        Assert.Contains("a capture", ToolRunner.Fail("dimm", "firmware", "update", "nmem0", "--disarm", "--platform", capture), StringComparison.Ordinal);
    }

    private string Run(params string[] arguments)
    {
        ToolResult result = ToolRunner.Run(["dimm", .. arguments, "--platform", _folder]);
        Assert.True(result.ExitCode == 0, $"{string.Join(' ', arguments)}: {result.ExitCode} {result.Error}");
        return result.Output;
    }

    private string Fail(params string[] arguments) => ToolRunner.Fail(["dimm", .. arguments, "--platform", _folder]);
}
