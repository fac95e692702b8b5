namespace Pmem.Platform.Explaining;

/// <summary>The kernels that are predicted: the long-term ones that distributions ship.</summary>
public enum KernelVersion
{
    /// <summary>Linux 5.10 (Debian 11): the last of them with block windows.</summary>
    Linux510,

    /// <summary>Linux 6.1 (Debian 12); what is said of it was seen in guests.</summary>
    Linux61,

    /// <summary>Linux 6.12 (Debian 13).</summary>
    Linux612,
}

/// <summary>Names of kernels.</summary>
public static class KernelVersions
{
    /// <summary>All of them, old to new.</summary>
    public static IReadOnlyList<KernelVersion> All { get; } = [KernelVersion.Linux510, KernelVersion.Linux61, KernelVersion.Linux612];

    /// <summary>As people write it: <c>5.10</c>, <c>6.1</c>, <c>6.12</c>.</summary>
    public static string Text(this KernelVersion kernel) => kernel switch
    {
        KernelVersion.Linux510 => "5.10",
        KernelVersion.Linux61 => "6.1",
        _ => "6.12",
    };

    /// <summary>The version as a number that can be compared.</summary>
    public static Version Number(this KernelVersion kernel) => Version.Parse(kernel.Text());

    /// <summary>The kernel that a person names.</summary>
    public static bool TryParse(string text, out KernelVersion kernel)
    {
        foreach (KernelVersion known in All)
        {
            if (known.Text() == text)
            {
                kernel = known;
                return true;
            }
        }

        kernel = default;
        return false;
    }
}
