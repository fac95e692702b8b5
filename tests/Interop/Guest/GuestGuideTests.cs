using Pmem.Tool.Tests;
using Pmem.Tool.Tests.Platforms;

namespace Interop.Guest;

/// <summary>The guide to virtual NVDIMMs, typed from its first line to its last: two guests.</summary>
public sealed class GuestGuideTests : IDisposable
{
    private readonly string _folder = Peers.NewFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_guide_takes_a_newcomer_from_nothing_to_a_guest_that_mounts()
    {
        Peers.Tool("qemu-system-x86_64");
        string kernel = Path.GetDirectoryName(Path.GetDirectoryName(GuestSystem.Kernel.Image))!;
        // The kernel of the other tests in place of one that is fetched.
        string script = Guide.Script("virtual-nvdimm.md", "## From nothing to a guest").Replace("vm prepare guest --download", $"vm prepare guest --kernel '{kernel}'", StringComparison.Ordinal);
        ToolResult result = Guide.Run(script, _folder);
        Assert.True(result.ExitCode == 0, result.Error + result.Output);
        Assert.Contains("1 transaction(s) rolled back", result.Output, StringComparison.Ordinal);
        Assert.Contains("PMEMOBJ is what the pool begins with", result.Output, StringComparison.Ordinal);
        Assert.Contains("\nwritten by a guest\n", result.Output, StringComparison.Ordinal);
        Assert.EndsWith("vm1:namespace0.0: consistent\n", result.Output, StringComparison.Ordinal);
    }
}
