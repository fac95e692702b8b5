using System.Diagnostics;
using System.Runtime.Versioning;

namespace Pmem.Pools.Tests;

[SupportedOSPlatform("linux")]
public sealed class PoolFileTests : IDisposable
{
    private readonly PoolFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(PoolKind.Object, 8388608)]
    [InlineData(PoolKind.Log, 2097152)]
    [InlineData(PoolKind.Block, 16785408)]
    public void Smallest_pools_are_as_small_as_the_peers(PoolKind kind, long size)
    {
        Assert.Equal(size, PoolFile.MinimumSize(kind));
        Assert.Throws<ArgumentOutOfRangeException>(() => PoolFile.Create(_folder.File("small"), kind, size - 1));
        Assert.False(File.Exists(_folder.File("small")));
        using PoolFile pool = PoolFile.Create(_folder.File("pool"), kind, size);
        pool.CompleteCreation();
        Assert.Equal(size, pool.Size);
        Assert.Equal(kind, pool.Kind);
    }

    [Fact]
    public void A_created_pool_has_a_valid_header_and_the_wanted_mode()
    {
        UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;
        string path = _folder.NewPool(options: new PoolCreateOptions { Mode = mode });
        Assert.Equal(mode, File.GetUnixFileMode(path));
        PoolHeader header = PoolFile.ReadHeader(path)!.Value;
        Assert.Null(PoolValidation.FindProblem(in header, PoolKind.Log));
        Assert.Equal(PoolFeatures.DefaultCompat, header.Compat);
        Assert.Equal(PoolFeatures.DefaultIncompat, header.Incompat);
        Assert.NotEqual(header.PoolSetUuid, header.Uuid);
        Assert.InRange((long)header.CreationTime, DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 60, DateTimeOffset.UtcNow.ToUnixTimeSeconds());

        // Version 4, variant 1: random uuids.
        foreach (Guid uuid in (Guid[])[header.Uuid, header.PoolSetUuid])
        {
            Assert.Equal('4', uuid.ToString()[14]);
            Assert.Contains(uuid.ToString()[19], "89ab");
        }
    }

    [Fact]
    public void An_existing_file_is_never_created_over()
    {
        string path = _folder.NewPool();
        byte[] before = PoolFolder.Head(path);
        Assert.Throws<IOException>(() => PoolFile.Create(path, PoolKind.Log, PoolFolder.LogSize));
        Assert.Equal(before, PoolFolder.Head(path));
    }

    [Fact]
    public void Size_0_takes_an_existing_file_whose_first_page_is_zero_and_keeps_its_mode()
    {
        string path = _folder.File("empty");
        using (FileStream file = File.Create(path))
        {
            file.SetLength(PoolFolder.LogSize);
            file.Position = 5000;
            file.WriteByte(1);
        }

        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using (PoolFile pool = PoolFile.Create(path, PoolKind.Log, 0))
            pool.CompleteCreation();
        using (PoolFile pool = PoolFile.Open(path, PoolKind.Log))
            Assert.Equal(PoolFolder.LogSize, pool.Size);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4095)]
    public void Size_0_refuses_and_keeps_a_file_whose_first_page_is_not_zero(int offset)
    {
        string path = _folder.File("used");
        using (FileStream file = File.Create(path))
        {
            file.SetLength(PoolFolder.LogSize);
            file.Position = offset;
            file.WriteByte(1);
        }

        Assert.Throws<IOException>(() => PoolFile.Create(path, PoolKind.Log, 0));
        Assert.Equal(1, PoolFolder.Head(path)[offset]);
    }

    [Fact]
    public void Size_0_refuses_and_keeps_a_file_that_is_too_small()
    {
        string path = _folder.File("small");
        File.WriteAllBytes(path, new byte[PoolFolder.LogSize - 1]);
        Assert.Throws<IOException>(() => PoolFile.Create(path, PoolKind.Log, 0));
        Assert.True(File.Exists(path));
    }

    [Fact]
    public void A_pool_is_whole_pages_of_its_file()
    {
        string path = _folder.NewPool();
        using (FileStream file = File.OpenWrite(path))
            file.SetLength(PoolFolder.LogSize + 4096 + 100);
        using PoolFile pool = PoolFile.Open(path, PoolKind.Log);
        Assert.Equal(PoolFolder.LogSize + 4096, pool.Size);
    }

    [Fact]
    public void A_truncated_pool_is_refused_by_its_size()
    {
        string path = _folder.NewPool();
        using (FileStream file = File.OpenWrite(path))
            file.SetLength(PoolFolder.LogSize - 4096);
        PmemFormatException problem = Assert.Throws<PmemFormatException>(() => PoolFile.Open(path, PoolKind.Log));
        Assert.Equal("pool size", problem.What);
    }

    [Fact]
    public void An_empty_file_is_refused()
    {
        File.WriteAllBytes(_folder.File("empty"), []);
        Assert.Throws<PmemException>(() => PoolFile.Open(_folder.File("empty"), PoolKind.Log));
    }

    [Fact]
    public void A_missing_file_is_said_to_be_missing()
    {
        Assert.Throws<FileNotFoundException>(() => PoolFile.Open(_folder.File("absent"), PoolKind.Log));
        Assert.Throws<FileNotFoundException>(() => PoolFile.ReadHeader(_folder.File("absent")));
    }

    [Fact]
    public void A_directory_is_said_to_be_one()
    {
        string directory = Directory.CreateDirectory(_folder.File("directory")).FullName;
        Assert.Contains("directory", Assert.Throws<PmemException>(() => PoolFile.Open(directory, PoolKind.Log)).Message, StringComparison.Ordinal);
        Assert.Contains("directory", Assert.Throws<PmemException>(() => PoolFile.ReadHeader(directory)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_interrupted_creation_is_told_from_a_pool()
    {
        string path = _folder.File("interrupted");
        PoolFile.Create(path, PoolKind.Log, PoolFolder.LogSize).Abandon();
        Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(path));
        string message = Assert.Throws<PmemException>(() => PoolFile.Open(path, PoolKind.Log)).Message;
        Assert.Contains("creation was interrupted", message, StringComparison.Ordinal);
        Assert.Contains("remove it", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pool_is_locked_while_it_is_open()
    {
        string path = _folder.NewPool();
        using (PoolFile.Open(path, PoolKind.Log))
        {
            PmemException busy = Assert.Throws<PmemException>(() => PoolFile.Open(path, PoolKind.Log));
            Assert.Contains("in use", busy.Message, StringComparison.Ordinal);
        }

        PoolFile.Open(path, PoolKind.Log).Dispose();
    }

    [Fact]
    public void A_new_pool_is_locked_while_it_is_made()
    {
        string path = _folder.File("new");
        using PoolFile pool = PoolFile.Create(path, PoolKind.Log, PoolFolder.LogSize);
        pool.CompleteCreation();
        Assert.Contains("in use", Assert.Throws<PmemException>(() => PoolFile.Open(path, PoolKind.Log)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_process_with_the_lock_keeps_us_out()
    {
        const string Flock = "/usr/bin/flock";
        if (!File.Exists(Flock))
            Assert.Skip("flock (util-linux) is not installed");
        string path = _folder.NewPool();
        using var holder = Process.Start(new ProcessStartInfo(Flock, [path, "sh", "-c", "echo locked; cat >/dev/null"]) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true })!;
        Assert.Equal("locked", holder.StandardOutput.ReadLine());
        Assert.Contains("in use", Assert.Throws<PmemException>(() => PoolFile.Open(path, PoolKind.Log)).Message, StringComparison.Ordinal);
        using (PoolFile.Open(path, PoolKind.Log, new PoolOpenOptions { CopyOnWrite = true }))
        {
            // A private copy needs no lock.
        }

        holder.StandardInput.Close();
        holder.WaitForExit();
        PoolFile.Open(path, PoolKind.Log).Dispose();
    }

    [Fact]
    public async Task A_closed_pool_is_free_although_processes_are_being_started()
    {
        // Between fork and exec a child has copies of all our descriptors, and with them of our locks.
        string path = _folder.NewPool();
        using var stop = new CancellationTokenSource();
        Task starter = Task.Run(
            () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    using var child = Process.Start(new ProcessStartInfo("/bin/true") { UseShellExecute = false })!;
                    child.WaitForExit();
                }
            },
            TestContext.Current.CancellationToken);
        for (int i = 0; i < 500; i++)
            PoolFile.Open(path, PoolKind.Log).Dispose();
        await stop.CancelAsync();
        await starter;
    }

    [Fact]
    public void A_private_copy_changes_nothing_in_the_file()
    {
        string path = _folder.NewPool();
        byte[] before = File.ReadAllBytes(path);
        DateTime written = File.GetLastWriteTimeUtc(path);
        using (PoolFile pool = PoolFile.Open(path, PoolKind.Log, new PoolOpenOptions { CopyOnWrite = true }))
        {
            Assert.Equal(1, pool.Map.Read<ShutdownState>(PoolHeader.ShutdownStatePosition).Dirty);
            pool.Map.StoreUInt64(8192, 1);
            pool.Map.Persist(8192, 8);
        }

        Assert.Equal(before, File.ReadAllBytes(path));
        Assert.Equal(written, File.GetLastWriteTimeUtc(path));
    }

    [Fact]
    public void Reading_the_header_changes_nothing_and_takes_no_lock()
    {
        string path = _folder.NewPool();
        byte[] before = File.ReadAllBytes(path);
        DateTime written = File.GetLastWriteTimeUtc(path);
        Assert.Equal(PoolKind.Log, PoolFile.ReadHeader(path)!.Value.Kind);
        Assert.Equal(before, File.ReadAllBytes(path));
        Assert.Equal(written, File.GetLastWriteTimeUtc(path));
        using (PoolFile.Open(path, PoolKind.Log))
            Assert.Equal(1, PoolFile.ReadHeader(path)!.Value.ShutdownState.Dirty);
    }

    [Fact]
    public void A_file_shorter_than_a_header_has_none()
    {
        File.WriteAllBytes(_folder.File("short"), new byte[4095]);
        Assert.Null(PoolFile.ReadHeader(_folder.File("short")));
    }

    [Fact]
    public void An_unknown_ro_compat_feature_makes_the_pool_read_only_and_leaves_it_unwritten()
    {
        string path = _folder.NewPool();
        byte[] bytes = PoolFolder.Head(path);
        bytes[20] = 1;
        HeaderImage.Seal(bytes);
        PoolFolder.Patch(path, 0, bytes);
        using (PoolFile pool = PoolFile.Open(path, PoolKind.Log))
            Assert.True(pool.IsReadOnly);
        Assert.Equal(bytes, PoolFolder.Head(path));
    }

    [Fact]
    public void A_refused_header_leaves_the_file_as_it_is_and_unlocked()
    {
        foreach ((string name, Action<byte[]> breakRule, _, string word) in PoolValidationTests.Rules)
        {
            string path = _folder.NewPool($"{name}.pool");
            byte[] bytes = PoolFolder.Head(path);
            breakRule(bytes);
            if (name != "checksum")
                HeaderImage.Seal(bytes);
            PoolFolder.Patch(path, 0, bytes);
            for (int attempt = 0; attempt < 2; attempt++)
                Assert.Contains(word, Assert.Throws<PmemFormatException>(() => PoolFile.Open(path, PoolKind.Log)).Message, StringComparison.Ordinal);
            Assert.Equal(bytes, PoolFolder.Head(path));
        }
    }

    [Fact]
    public void A_pool_in_memory_is_formatted_closed_and_attached()
    {
        byte[] image = new byte[PoolFolder.LogSize];
        using (PoolFile pool = PoolFile.Format(PersistentMap.CreateAnonymous(image.Length), PoolKind.Log))
        {
            pool.CompleteCreation();
            Assert.Null(pool.Path);
            pool.Map.GetSpan(0, image.Length).CopyTo(image);
        }

        PersistentMap map = PersistentMap.CreateAnonymous(image.Length);
        map.Copy(0, image);
        using PoolFile attached = PoolFile.Attach(map, PoolKind.Log);
        Assert.True(attached.WasDirty);
    }

    [Fact]
    public void A_map_that_is_too_small_is_neither_formatted_nor_attached()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(PoolFolder.LogSize - 4096);
        Assert.Throws<ArgumentOutOfRangeException>(() => PoolFile.Format(map, PoolKind.Log));
        Assert.Throws<PmemFormatException>(() => PoolFile.Attach(map, PoolKind.Log));
    }
}
