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

    private int Destroy(bool ndctl, string name) => ndctl
        ? ToolRunner.Run("ndctl", "--platform", _folder, "destroy-namespace", name, "--force").ExitCode
        : ToolRunner.Run("namespace", "destroy", name, "--force", "--platform", _folder).ExitCode;

    private string[] Names() => [.. ToolRunner.Json(0, "namespace", "list", "--platform", _folder).EnumerateArray().Select(space => $"{space.GetProperty("dev").GetString()} {space.GetProperty("name").GetString()}")];
}
