using Pmem.Emulation;

namespace Pmem.Tool.Tests.Platforms;

/// <summary>Names of namespaces over several commands.</summary>
public sealed class NamespaceNameTests : IDisposable
{
    private readonly PoolFixture _files = new();
    private readonly string _folder;

    public NamespaceNameTests()
    {
        _folder = _files.File("d3");
        VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Capacity = 128 << 20 }).Dispose();
        foreach (string name in (string[])["A", "B", "C"])
            ToolRunner.Json(0, "namespace", "create", "--platform", _folder, "--mode", "raw", "--size", "16MiB", "--name", name);
    }

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_loop_and_a_line_typed_twice_destroy_what_was_named(bool ndctl)
    {
        foreach (string name in (string[])["namespace0.0", "namespace0.1"])
            Assert.Equal(0, Destroy(ndctl, name));
        Assert.NotEqual(0, Destroy(ndctl, "namespace0.0"));
        Assert.Equal(["namespace0.2 C"], Names());
        ToolRunner.Json(0, "platform", "power-cut", _folder);
        Assert.Equal(["namespace0.0 C"], Names());
    }

    [Fact]
    public void Friendly_names_name_one_namespace_or_are_refused()
    {
        Assert.Equal("namespace0.1", ToolRunner.Json(0, "namespace", "disable", "B", "--platform", _folder).GetProperty("dev").GetString());
        ToolResult destroyed = ToolRunner.Run("namespace", "destroy", "B", "--platform", _folder);
        Assert.Matches($"^namespace0.1 destroyed; .*'pmem labels repair --restore [-0-9a-f]{{36}} --platform {_folder}'", destroyed.Output);
        Assert.Contains("no namespace B", ToolRunner.Fail("namespace", "destroy", "B", "--platform", _folder, "--force"), StringComparison.Ordinal);
        Assert.Equal(0, ToolRunner.Run(destroyed.Output.Split('\'')[1].Split(' ')[1..]).ExitCode);
        Assert.Equal(3, Names().Length);

        Assert.Contains("namespace list", ToolRunner.Fail("pool", "check", $"{_folder}:B"), StringComparison.Ordinal);

        // A friendly name that looks like a name is none.
        ToolRunner.Json(0, "namespace", "create", "--platform", _folder, "--mode", "raw", "--size", "16MiB", "--name", "namespace0.7");
        Assert.Contains("no namespace", ToolRunner.Fail("namespace", "destroy", "namespace0.7", "--platform", _folder, "--force"), StringComparison.Ordinal);
        ToolRunner.Json(0, "namespace", "create", "--platform", _folder, "--mode", "raw", "--size", "16MiB", "--name", "C");
        Assert.Contains("more than one", ToolRunner.Fail("namespace", "destroy", "C", "--platform", _folder, "--force"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_no_label_holds_is_refused_and_not_cut()
    {
        string longest = new('n', 63);
        Assert.Contains("63 bytes", ToolRunner.Fail("namespace", "create", "--platform", _folder, "--mode", "raw", "--size", "16MiB", "--name", $"{longest}n"), StringComparison.Ordinal);
        ToolRunner.Json(0, "namespace", "create", "--platform", _folder, "--mode", "raw", "--size", "16MiB", "--name", longest);
        Assert.Contains($"namespace0.3 {longest}", Names());
    }

    private int Destroy(bool ndctl, string name) => ndctl
        ? ToolRunner.Run("ndctl", "--platform", _folder, "destroy-namespace", name, "--force").ExitCode
        : ToolRunner.Run("namespace", "destroy", name, "--force", "--platform", _folder).ExitCode;

    private string[] Names() => [.. ToolRunner.Json(0, "namespace", "list", "--platform", _folder).EnumerateArray().Select(space => $"{space.GetProperty("dev").GetString()} {space.GetProperty("name").GetString()}")];
}
