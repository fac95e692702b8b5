namespace Pmem.Tool.Vm;

/// <summary>A folder that <c>pmem vm prepare</c> made: a kernel and an initial RAM disk.</summary>
internal static class GuestFolder
{
    public const string Kernel = "vmlinuz";
    public const string Initrd = "initrd.gz";

    /// <summary>Paths of both.</summary>
    /// <exception cref="PmemException">The folder was not prepared.</exception>
    public static (string Kernel, string Initrd) Open(string folder)
    {
        (string kernel, string initrd) = (Path.Combine(folder, Kernel), Path.Combine(folder, Initrd));
        if (!File.Exists(kernel) || !File.Exists(initrd))
            throw new PmemException($"{folder} has no {Kernel} with {Initrd}: 'pmem vm prepare {folder}' makes them");
        return (kernel, initrd);
    }
}
