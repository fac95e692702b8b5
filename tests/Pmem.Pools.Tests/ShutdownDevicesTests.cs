namespace Pmem.Pools.Tests;

/// <summary>Modules as sysfs shows them, on a made-up tree.</summary>
public sealed class ShutdownDevicesTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("pmem-sysfs-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void An_ordinary_file_has_no_modules() => Assert.True(Of("/mnt/disk/pool").IsZero());

    [Fact]
    public void A_pool_in_memory_has_no_modules() => Assert.True(ShutdownDevices.Current(null, Bus, Mounts).IsZero());

    [Fact]
    public void A_machine_without_the_bus_has_no_modules() =>
        Assert.True(ShutdownDevices.Current("/mnt/pmem/pool", Path.Combine(_root, "absent"), Mounts).IsZero());

    [Theory]
    [InlineData("namespace0.0")]
    [InlineData("pfn0.1")]
    [InlineData("btt0.0")]
    public void Counts_add_up_and_ids_are_chained(string owner)
    {
        Build(owner, ("nmem0", "8089-a2-1234", "3"), ("nmem1", "8089-a2-5678", "4"));
        ShutdownState state = Of("/mnt/pmem/pool");
        Assert.Equal(7UL, state.UnsafeShutdownCount);

        // 24 characters and a NUL, padded to 28.
        byte[] text = new byte[28];
        "8089-a2-12348089-a2-5678"u8.CopyTo(text);
        Assert.Equal(Fletcher64.Compute(text), state.DeviceId);
    }

    [Theory]
    [InlineData("abc", 8)]
    [InlineData("abcd", 8)]
    [InlineData("abcdefg", 12)]
    public void Id_text_is_padded_past_its_end(string id, int padded)
    {
        Build("pfn0.0", ("nmem0", id, "0"));
        byte[] text = new byte[padded];
        System.Text.Encoding.ASCII.GetBytes(id, text);
        Assert.Equal(Fletcher64.Compute(text), Of("/mnt/pmem/pool").DeviceId);
    }

    [Fact]
    public void A_module_without_a_count_makes_the_sum_zero()
    {
        Build("pfn0.0", ("nmem0", "a", "3"), ("nmem1", "b", null));
        Assert.Equal(0UL, Of("/mnt/pmem/pool").UnsafeShutdownCount);
    }

    [Fact]
    public void A_folder_whose_name_only_begins_like_the_mount_is_not_on_it()
    {
        Build("pfn0.0", ("nmem0", "a", "3"));
        Assert.True(Of("/mnt/pmem-backup/pool").IsZero());
    }

    [Fact]
    public void A_disk_mounted_below_the_volume_is_not_the_volume()
    {
        Build("pfn0.0", ("nmem0", "a", "3"));
        Assert.True(Of("/mnt/pmem/disk/pool").IsZero());
        Assert.False(Of("/mnt/pmem/other/pool").IsZero());
    }

    [Fact]
    public void A_mount_with_blanks_in_its_name_is_found()
    {
        Build("pfn0.0", ("nmem0", "a", "3"));
        Assert.Equal(3UL, Of("/mnt/my pmem/pool").UnsafeShutdownCount);
    }

    [Fact]
    public void A_device_counts_the_modules_of_its_region()
    {
        // As Linux 6.1 has it: the node hangs below the namespace's holder, that below the region.
        Build("pfn1.0", ("nmem0", "8089-a2-1234", "3"), ("nmem1", "8089-a2-5678", "4"));
        string device = Directory.CreateDirectory(Path.Combine(Bus, "region0", "dax0.1", "dax0.1")).FullName;
        string list = Directory.CreateDirectory(Path.Combine(_root, "dax")).FullName;
        Directory.CreateSymbolicLink(Path.Combine(list, "dax0.1"), device);
        string node = Path.Combine(_root, "dax0.1");
        File.WriteAllBytes(node, []);
        byte[] text = new byte[28];
        "8089-a2-12348089-a2-5678"u8.CopyTo(text);
        ShutdownState state = ShutdownDevices.Current(node, Bus, Mounts, list);
        Assert.Equal(7UL, state.UnsafeShutdownCount);
        Assert.Equal(Fletcher64.Compute(text), state.DeviceId);

        // An empty file of another name is none, nor is a device that no region holds.
        File.WriteAllBytes(Path.Combine(_root, "dax0.2"), []);
        Assert.True(ShutdownDevices.Current(Path.Combine(_root, "dax0.2"), Bus, Mounts, list).IsZero());
        Directory.CreateDirectory(Path.Combine(list, "dax0.2"));
        Assert.True(ShutdownDevices.Current(Path.Combine(_root, "dax0.2"), Bus, Mounts, list).IsZero());
    }

    private string Bus => Path.Combine(_root, "devices");

    private string Mounts
    {
        get
        {
            string path = Path.Combine(_root, "mounts");
            File.WriteAllText(
                path,
                """
                /dev/sda1 / ext4 rw 0 0
                /dev/sdb1 /mnt/disk ext4 rw 0 0
                /dev/pmem0 /mnt/pmem ext4 rw,dax 0 0
                /dev/sdc1 /mnt/pmem/disk ext4 rw 0 0
                /dev/pmem0 /mnt/my\040pmem ext4 rw,dax 0 0

                """);
            return path;
        }
    }

    private ShutdownState Of(string path) => ShutdownDevices.Current(path, Bus, Mounts);

    private void Build(string owner, params (string Module, string Id, string? Count)[] modules)
    {
        Directory.CreateDirectory(Path.Combine(Bus, "namespace1.0", "block", "pmem1"));
        Directory.CreateDirectory(Path.Combine(Bus, owner, "block", "pmem0"));
        string region = Directory.CreateDirectory(Path.Combine(Bus, "region0")).FullName;
        for (int i = 0; i < modules.Length; i++)
        {
            File.WriteAllText(Path.Combine(region, $"mapping{i}"), $"{modules[i].Module},0,17179869184,{i}\n");
            string nfit = Directory.CreateDirectory(Path.Combine(Bus, modules[i].Module, "nfit")).FullName;
            File.WriteAllText(Path.Combine(nfit, "id"), modules[i].Id + "\n");
            if (modules[i].Count is { } count)
                File.WriteAllText(Path.Combine(nfit, "dirty_shutdown"), count + "\n");
        }
    }
}
