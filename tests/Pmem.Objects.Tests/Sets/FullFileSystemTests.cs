using System.Diagnostics;
using System.Runtime.Versioning;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Objects.Tests.Sets;

/// <summary>A file system that is full stops what needs room before anything is changed. Needs the right to mount one; tests that need none stand beside.</summary>
[SupportedOSPlatform("linux")]
public sealed class FullFileSystemTests : IDisposable
{
    private readonly StoreFolder _folder = new();
    private readonly bool _mounted;

    public FullFileSystemTests()
    {
        Directory.CreateDirectory(_folder.File("small"));
        _mounted = Run("mount", "-t", "tmpfs", "-o", "size=40M", "none", _folder.File("small"));
    }

    public void Dispose()
    {
        if (_mounted)
            Run("umount", _folder.File("small"));
        _folder.Dispose();
    }

    [Fact]
    public void What_does_not_fit_is_refused_and_leaves_everything_as_it_was()
    {
        if (!_mounted)
            Assert.Skip("no file system can be mounted here");
        string set = _folder.Write("a.set", "10M small/a", "REPLICA", "10M small/b");
        ObjectStore.Create(set, "full", 0).Dispose();
        Refuse(() => ObjectStore.Resize(set, 30 << 20), set);
        Refuse(() => ObjectStore.Resize(set, 15 << 20, new PoolRepairOptions { BackupPath = _folder.File("small/backup") }), set);
        Refuse(() => PoolTransform.Run(set, _folder.Write("three.set", "10M small/a", "REPLICA", "10M small/b", "REPLICA", "30M small/c")), set);
        Refuse(() => PoolTransform.Run(set, _folder.Write("single.set", "OPTION SINGLEHDR", "10M small/a", "REPLICA", "10M small/b")), set, fills: 12 << 20);
        Refuse(() => ObjectStore.Create(_folder.Write("new.set", "9M small/n", "9M small/o", "9M small/p"), "full", 0), set);
        Refuse(() => ObjectStore.Create(_folder.File("small/new"), "full", 64 << 20), set);
        Refuse(() => ObjectStore.Resize(_folder.File("small/a"), 64 << 20), set);
        string folders = _folder.Write("folders.set", "OPTION SINGLEHDR", "200M small/parts/");
        using (ObjectStore store = ObjectStore.Create(folders, "full", 0))
        {
            Refuse(() => store.GrowHeap(100 << 20), set);
            store.Allocate(1000, 1);
        }

        ObjectStore.Open(folders).Dispose();

        // The replica that is lost does not fit any more: it stays away, and what is there stays.
        File.Delete(_folder.File("small/b"));
        File.WriteAllBytes(_folder.File("small/fill"), new byte[15 << 20]);
        string[] before = Files();
        Assert.Throws<OutOfSpaceException>(() => PoolSync.Run(set));
        Assert.Equal(before, Files());
        File.Delete(_folder.File("small/fill"));
        PoolSync.Run(set);
        Assert.True(ObjectStore.Check(set).IsConsistent);
    }

    [Theory]
    [InlineData(30)]
    [InlineData(17)]
    public void A_set_file_that_cannot_be_replaced_stops_a_resize_before_any_part_changes(int mebibytes)
    {
        if (!_mounted)
            Assert.Skip("no file system can be mounted here");
        string set = _folder.Write("small/a.set", $"10M {_folder.File("a")}", $"10M {_folder.File("b")}");
        string text = File.ReadAllText(set);
        ObjectStore.Create(set, "full", 0).Dispose();
        Assert.True(Run("mount", "-o", "remount,ro", _folder.File("small")));
        PmemException refused = Assert.Throws<PmemException>(() => ObjectStore.Resize(set, (long)mebibytes << 20));
        Assert.Contains("nothing was changed", refused.Message, StringComparison.Ordinal);
        Assert.Equal(10 << 20, new FileInfo(_folder.File("b")).Length);
        Assert.Equal(text, File.ReadAllText(set));
        Assert.True(ObjectStore.Check(set).IsConsistent);
        Assert.True(Run("mount", "-o", "remount,rw", _folder.File("small")));
        ObjectStore.Resize(set, (long)mebibytes << 20);
        Assert.True(ObjectStore.Check(set).IsConsistent);
        Assert.Empty(Directory.GetFiles(_folder.File("small"), ".*"));
    }

    [Fact]
    public void A_resize_that_is_cancelled_leaves_every_part_as_long_as_before()
    {
        string set = _folder.Write("a.set", "10M a", "REPLICA", "10M b");
        ObjectStore.Create(set, "full", 0).Dispose();
        using var stop = new CancellationTokenSource();
        int reports = 0;
        var options = new PoolRepairOptions { Cancellation = stop.Token, Progress = new Reporter(() => { if (++reports == 1) stop.Cancel(); }) };
        Assert.Throws<OperationCanceledException>(() => ObjectStore.Resize(set, 30 << 20, options));
        Assert.Equal(10 << 20, new FileInfo(_folder.File("a")).Length);
        Assert.Equal(10 << 20, new FileInfo(_folder.File("b")).Length);
        Assert.Empty(Directory.GetFiles(_folder.Root, ".*"));
        Assert.True(ObjectStore.Check(set).IsConsistent);
    }

    private sealed class Reporter(Action report) : IProgress<PoolProgress>
    {
        public void Report(PoolProgress value) => report();
    }

    private void Refuse(Action work, string set, int fills = 0)
    {
        File.WriteAllBytes(_folder.File("small/fill"), new byte[fills]);
        string[] before = Files();
        Exception refused = Assert.ThrowsAny<Exception>(work);
        Assert.True(refused is PmemException, $"{refused}");
        Assert.Equal(before, Files());
        File.Delete(_folder.File("small/fill"));
        Assert.True(ObjectStore.Check(set).IsConsistent);
    }

    private string[] Files() =>
        [.. Directory.GetFiles(_folder.File("small"), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(file => $"{file} {new FileInfo(file).Length}")];

    private static bool Run(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
