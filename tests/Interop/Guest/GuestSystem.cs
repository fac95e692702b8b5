using System.Collections.Concurrent;
using Pmem.Emulation.Guest;

namespace Interop.Guest;

/// <summary>An unmodified Debian kernel with the programs that judge: busybox, ndctl. Built once a run from installed packages.</summary>
internal static class GuestSystem
{
    private static readonly ConcurrentDictionary<string, Lazy<byte[]>> s_initrds = new(StringComparer.Ordinal);

    /// <summary>The kernel that most tests boot: the release's own, or the one in the folder that PMEM_GUEST_KERNEL names.</summary>
    public static GuestKernel Kernel => Open(Environment.GetEnvironmentVariable("PMEM_GUEST_KERNEL") is { Length: > 0 } given ? given : Unpacked("guest-kernel"));

    /// <summary>A kernel of a version that eng/install-peers.sh unpacks beside it: 6.12.</summary>
    public static GuestKernel KernelOf(string version) => Open(Unpacked($"guest-kernel-{version}"));

    public static byte[] InitrdOf(GuestKernel kernel) => s_initrds.GetOrAdd(kernel.Release, _ => new Lazy<byte[]>(() =>
    {
        Peers.Tool("busybox");
        Peers.Tool("ndctl");
        Peers.Tool("mkfs.ext4");
        return GuestInitrd.Build(kernel);
    })).Value;

    private static GuestKernel Open(string folder)
    {
        var kernel = GuestKernel.TryOpen(folder);
        Peers.Demand(kernel is not null, $"a Debian kernel package unpacked in {folder}");
        return kernel!;
    }

    private static string Unpacked(string name)
    {
        string? root = AppContext.BaseDirectory;
        while (root is not null && !File.Exists(Path.Combine(root, "Pmem.slnx")))
            root = Path.GetDirectoryName(root);
        return Path.Combine(root ?? throw new DirectoryNotFoundException("the tests do not run inside the repository"), "artifacts", name);
    }
}
