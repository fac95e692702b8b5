using System.Runtime.Versioning;
using Pmem.Raw;
using Pmem.Tracing;

namespace Pmem.Tests.Raw;

/// <summary>Raw copies between files, streams and memory that stands for a device.</summary>
[SupportedOSPlatform("linux")]
public sealed class RawCopyTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0, 0, null)]
    [InlineData(0, 5000, 4096L)]
    [InlineData(777, 0, 1L)]
    [InlineData(65536, 65537, 100_000L)]
    [InlineData(300_000, 1_000_000, null)]
    [InlineData(0, 0, 0L)]
    public void A_file_gets_exactly_the_range_that_was_asked_for(long skip, long seek, long? length)
    {
        byte[] from = Random(300_000, 1);
        byte[] old = Random(200_000, 2);
        File.WriteAllBytes(_folder.File("in"), from);
        File.WriteAllBytes(_folder.File("out"), old);
        RawCopyResult result = RawCopy.Run(RawEndpoint.Of(_folder.File("in")), RawEndpoint.Of(_folder.File("out")), new RawCopyOptions { Skip = skip, Seek = seek, Length = length });
        long bytes = length ?? from.Length - skip;
        Assert.Equal(bytes, result.Bytes);
        byte[] expected = new byte[bytes == 0 ? old.Length : Math.Max(old.Length, seek + bytes)];
        old.CopyTo(expected, 0);
        from.AsSpan((int)skip, (int)bytes).CopyTo(expected.AsSpan(bytes == 0 ? 0 : (int)seek));
        Assert.Equal(expected, File.ReadAllBytes(_folder.File("out")));
    }

    [Fact]
    public void Memory_and_a_device_have_room_for_what_they_hold_and_no_more()
    {
        using PersistentMap device = PersistentMap.CreateAnonymous(1 << 20);
        byte[] bytes = Random(2 << 20, 3);
        File.WriteAllBytes(_folder.File("in"), bytes);
        Assert.Equal(1 << 20, RawCopy.Run(RawEndpoint.Of(_folder.File("in")), RawEndpoint.Of(device)).Bytes);
        Assert.True(device.GetSpan(0, 1 << 20).SequenceEqual(bytes.AsSpan(0, 1 << 20)));

        // As 'cat /dev/zero | daxio': a device is filled, then it is enough.
        Assert.Equal(1000, RawCopy.Run(RawEndpoint.Of("/dev/zero"), RawEndpoint.Of(device), new RawCopyOptions { Seek = (1 << 20) - 1000 }).Bytes);
        Assert.Equal(bytes[(1 << 20) - 1001], device.GetSpan((1 << 20) - 1001, 1)[0]);
        Assert.False(device.GetSpan((1 << 20) - 1000, 1000).ContainsAnyExcept((byte)0));
        Refused("has room for 1 bytes", RawEndpoint.Of(_folder.File("in")), RawEndpoint.Of(device), new RawCopyOptions { Seek = (1 << 20) - 1, Length = 2 });
        Refused("lies behind them", RawEndpoint.Of(_folder.File("in")), RawEndpoint.Of(device), new RawCopyOptions { Seek = (1 << 20) + 1 });
        Refused("cannot be skipped", RawEndpoint.Of(device), RawEndpoint.Of(_folder.File("x")), new RawCopyOptions { Skip = (1 << 20) + 1 });
        Refused("has 1048576 bytes there", RawEndpoint.Of(device), RawEndpoint.Of(_folder.File("x")), new RawCopyOptions { Length = (1 << 20) + 1 });
        Assert.False(File.Exists(_folder.File("x")));
    }

    [Fact]
    public void A_stream_is_copied_to_its_end_and_what_it_lacks_is_told()
    {
        byte[] bytes = Random(5_000_000, 4);
        RawCopyResult result = RawCopy.Run(RawEndpoint.Of(new MemoryStream(bytes)), RawEndpoint.Of(_folder.File("out")), new RawCopyOptions { Skip = 10, Length = 6_000_000 });
        Assert.Equal((4_999_990L, 1_000_010L), (result.Bytes!.Value, result.Missing));
        Assert.True(File.ReadAllBytes(_folder.File("out")).AsSpan().SequenceEqual(bytes.AsSpan(10)));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_folder.File("out")));
        using var stream = new MemoryStream();
        RawCopy.Run(RawEndpoint.Of(_folder.File("out")), RawEndpoint.Of(stream), new RawCopyOptions { Skip = 5, Length = 77 });
        Assert.Equal(bytes[15..92], stream.ToArray());
    }

    [Fact]
    public void Zeros_reach_from_seek_to_the_end_of_the_output()
    {
        byte[] old = Random(200_000, 5);
        File.WriteAllBytes(_folder.File("out"), old);
        Assert.Equal(150_000, RawCopy.Zero(RawEndpoint.Of(_folder.File("out")), new RawCopyOptions { Seek = 50_000 }).Bytes);
        old.AsSpan(50_000).Clear();
        Assert.Equal(old, File.ReadAllBytes(_folder.File("out")));
        Assert.Equal(70, RawCopy.Zero(RawEndpoint.Of(_folder.File("new")), new RawCopyOptions { Length = 70 }).Bytes);
        Assert.Equal(new byte[70], File.ReadAllBytes(_folder.File("new")));
    }

    [Fact]
    public void A_dry_run_changes_nothing_and_a_backup_keeps_what_was_there()
    {
        byte[] old = Random(200_000, 6);
        File.WriteAllBytes(_folder.File("in"), new byte[70_000]);
        File.WriteAllBytes(_folder.File("out"), old);
        RawEndpoint from = RawEndpoint.Of(_folder.File("in"));
        RawEndpoint to = RawEndpoint.Of(_folder.File("out"));
        Assert.Equal(70_000, RawCopy.Run(from, to, new RawCopyOptions { DryRun = true }).Bytes);
        Assert.Null(RawCopy.Run(RawEndpoint.Of(Stream.Null), to, new RawCopyOptions { DryRun = true }).Bytes);
        Assert.Equal(old, File.ReadAllBytes(_folder.File("out")));
        RawCopy.Run(from, to, new RawCopyOptions { Seek = 150_000, BackupPath = _folder.File("kept") });
        Assert.Equal(old[150_000..], File.ReadAllBytes(_folder.File("kept")));
        Assert.Throws<IOException>(() => RawCopy.Run(from, to, new RawCopyOptions { BackupPath = _folder.File("kept") }));
        Refused("at once", to, to, new RawCopyOptions());
        File.CreateSymbolicLink(_folder.File("soft"), "out");
        Refused("at once", RawEndpoint.Of(_folder.File("soft")), to, new RawCopyOptions());
        using (var link = System.Diagnostics.Process.Start("ln", [_folder.File("out"), _folder.File("hard")]))
            link.WaitForExit();
        Refused("at once", RawEndpoint.Of(_folder.File("hard")), to, new RawCopyOptions());
    }

    [Fact]
    public void An_interrupted_copy_is_done_again_with_its_first_backup_which_is_as_private_as_the_output()
    {
        byte[] old = Random(9 << 20, 7);
        byte[] content = Random(9 << 20, 8);
        File.WriteAllBytes(_folder.File("in"), content);
        File.WriteAllBytes(_folder.File("out"), old);
        File.SetUnixFileMode(_folder.File("out"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        RawEndpoint from = RawEndpoint.Of(_folder.File("in"));
        RawEndpoint to = RawEndpoint.Of(_folder.File("out"));
        using var stop = new CancellationTokenSource();
        var options = new RawCopyOptions { BackupPath = _folder.File("kept") };
        var watch = new Watch(done =>
        {
            if (File.Exists(_folder.File("kept")) && done > 0)
                stop.Cancel();
        });
        Assert.Throws<OperationCanceledException>(() => RawCopy.Run(from, to, options with { Progress = watch, Cancellation = stop.Token }));
        Assert.NotEqual(old, File.ReadAllBytes(_folder.File("out")));
        RawCopy.Run(from, to, options);
        Assert.Equal(content, File.ReadAllBytes(_folder.File("out")));
        Assert.Equal(old, File.ReadAllBytes(_folder.File("kept")));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_folder.File("kept")));
        Assert.Equal(["in", "kept", "out"], Directory.GetFileSystemEntries(Path.GetDirectoryName(_folder.File("in"))!).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal));
        Assert.Throws<IOException>(() => RawCopy.Run(from, to, options));
    }

    [Fact]
    public void Durability() => ChildRun.Run(typeof(Traced), ("PMEM_TRACING", "1"));

    [Fact]
    public void Bad_blocks_in_the_range_are_cleared_first_and_only_those()
    {
        File.WriteAllBytes(_folder.File("out"), new byte[100_000]);
        var source = new Known(new BadBlock(0, 4096), new BadBlock(8192, 4096), new BadBlock(40_960, 8192));
        var options = new RawCopyOptions { Seek = 8192, Length = 50_000, BadBlocks = source };
        Assert.Equal(2, RawCopy.Zero(RawEndpoint.Of(_folder.File("out")), options with { DryRun = true }).BadBlocks.Count);
        Assert.Empty(source.Cleared);
        RawCopy.Zero(RawEndpoint.Of(_folder.File("out")), options);
        Assert.Equal([new BadBlock(8192, 4096), new BadBlock(40_960, 8192)], source.Cleared);
        source.Cleared.Clear();
        RawCopy.Zero(RawEndpoint.Of(_folder.File("out")), options with { ClearBadBlocks = false });
        Assert.Empty(source.Cleared);
        Refused("reaches over the range", RawEndpoint.Of("/dev/zero"), RawEndpoint.Of(_folder.File("out")), options with { Length = 40_000 });
    }

    [Fact]
    public void A_cancelled_copy_leaves_no_file_of_its_own()
    {
        using var stop = new CancellationTokenSource();
        var options = new RawCopyOptions { Cancellation = stop.Token, Progress = new Stop(stop) };
        Assert.Throws<OperationCanceledException>(() => RawCopy.Run(RawEndpoint.Of("/dev/zero"), RawEndpoint.Of(_folder.File("out")), options));
        Assert.False(File.Exists(_folder.File("out")));
    }

    private static void Refused(string says, RawEndpoint input, RawEndpoint output, RawCopyOptions options) =>
        Assert.Contains(says, Assert.Throws<PmemException>(() => RawCopy.Run(input, output, options)).Message, StringComparison.Ordinal);

    private static byte[] Random(int length, int seed)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private sealed class Stop(CancellationTokenSource source) : IProgress<RawCopyProgress>
    {
        public void Report(RawCopyProgress value)
        {
            if (value.Done >= 8 << 20)
                source.Cancel();
        }
    }

    private sealed class Known(params BadBlock[] blocks) : BadBlockSource
    {
        public List<BadBlock> Cleared { get; } = [];

        public override IReadOnlyList<BadBlock> Find(string path) => blocks;

        public override void Clear(string path, BadBlock range) => Cleared.Add(range);
    }

    /// <summary>Run by <see cref="Durability"/>.</summary>
    [SupportedOSPlatform("linux")]
    public sealed class Traced
    {
        [Fact(Explicit = true)]
        public void What_was_copied_is_durable_at_return_and_no_store_goes_past_the_trace()
        {
            using PersistentMap device = PersistentMap.CreateAnonymous(5 << 20);
            var stores = new Unflushed();
            var audit = new TraceAudit();
            audit.Watch(device);
            using (PersistenceTrace.Attach(audit))
            using (PersistenceTrace.Attach(stores))
            {
                RawCopy.Run(RawEndpoint.Of(new MemoryStream(Random(4_500_001, 7))), RawEndpoint.Of(device), new RawCopyOptions { Seek = 3 });
                RawCopy.Zero(RawEndpoint.Of(device), new RawCopyOptions { Seek = 100, Length = 1001 });
            }

            Assert.Empty(audit.Found);
            Assert.True(stores.Seen > 3);
            Assert.Equal(0, stores.Left);
        }
    }

    /// <summary>Counts lines that were stored and not written back, on the thread that made it.</summary>
    private sealed class Unflushed : ITraceSink
    {
        private readonly int _thread = Environment.CurrentManagedThreadId;
        private readonly HashSet<long> _lines = [];

        public int Seen { get; private set; }

        public int Left => _lines.Count;

        public void OnMap(PersistentMap map)
        {
            // Only stores and flushes count.
        }

        public void OnUnmap(PersistentMap map)
        {
            // Only stores and flushes count.
        }

        public void OnStore(PersistentMap map, long offset, ReadOnlySpan<byte> bytes, StoreKind kind)
        {
            if (Environment.CurrentManagedThreadId != _thread)
                return;
            Seen++;
            for (long line = offset / 64; kind != StoreKind.NonTemporal && line <= (offset + bytes.Length - 1) / 64; line++)
                _lines.Add(line);
        }

        public void OnFlush(PersistentMap map, long offset, long length)
        {
            for (long line = offset / 64; Environment.CurrentManagedThreadId == _thread && line <= (offset + length - 1) / 64; line++)
                _lines.Remove(line);
        }

        public void OnFence(PersistentMap map)
        {
            // Only stores and flushes count.
        }

        public void OnDeepFlush(PersistentMap map, long offset, long length) => OnFlush(map, offset, length);

        public void OnMark(string name)
        {
            // Only stores and flushes count.
        }
    }

    private sealed class Watch(Action<long> report) : IProgress<RawCopyProgress>
    {
        public void Report(RawCopyProgress value) => report(value.Done);
    }
}
