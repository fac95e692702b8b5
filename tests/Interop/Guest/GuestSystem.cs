using Pmem.Emulation.Guest;

namespace Interop.Guest;

/// <summary>An unmodified Debian kernel with the programs that judge: busybox, ndctl. Built once a run from installed packages.</summary>
internal static class GuestSystem
{
    private static readonly Lazy<byte[]> s_initrd = new(() =>
    {
        Peers.Tool("busybox");
        Peers.Tool("ndctl");
        Peers.Tool("mkfs.ext4");
        return GuestInitrd.Build(Kernel);
    });

    public static byte[] Initrd => s_initrd.Value;

    /// <summary>The kernel: an unpacked package in artifacts/guest-kernel, which eng/install-peers.sh makes, or the folder that PMEM_GUEST_KERNEL names.</summary>
    public static GuestKernel Kernel
    {
        get
        {
            string folder = KernelFolder();
            var kernel = GuestKernel.TryOpen(folder);
            Peers.Demand(kernel is not null, $"a Debian kernel package unpacked in {folder}");
            return kernel!;
        }
    }

    private static string KernelFolder()
    {
        if (Environment.GetEnvironmentVariable("PMEM_GUEST_KERNEL") is { Length: > 0 } given)
            return given;
        string? root = AppContext.BaseDirectory;
        while (root is not null && !File.Exists(Path.Combine(root, "Pmem.slnx")))
            root = Path.GetDirectoryName(root);
        return Path.Combine(root ?? throw new DirectoryNotFoundException("the tests do not run inside the repository"), "artifacts", "guest-kernel");
    }
}
