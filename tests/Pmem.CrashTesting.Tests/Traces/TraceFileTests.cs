using System.Buffers.Binary;
using Pmem.CrashTesting.Traces;

namespace Pmem.CrashTesting.Tests.Traces;

/// <summary>What was written is read; what was cut off or damaged is noticed.</summary>
public sealed class TraceFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("pmem-trace-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_was_written_is_read()
    {
        for (int seed = 0; seed < 200; seed++)
        {
            Trace trace = RandomTrace.Make(seed, 60);
            string path = Path.Combine(_folder, "t.pmtrace");
            trace.Save(path);
            Trace read = Trace.Load(path);
            Assert.True(read.IsComplete);
            Assert.Equal(trace.Granularity, read.Granularity);
            Assert.Equal(trace.Initial, read.Initial);
            Assert.Equal(trace.Events.Select(RandomTrace.Describe), read.Events.Select(RandomTrace.Describe));
            Assert.Equal(trace.Fingerprint, read.Fingerprint);
        }
    }

    [Fact]
    public void Many_frames_are_read_as_one_trace()
    {
        Trace trace = RandomTrace.Make(7, 20_000);
        using var stream = new MemoryStream();
        TraceWriter.Write(trace, stream);
        Assert.True(stream.Length > 10 * 65536);
        stream.Position = 0;
        Assert.Equal(trace.Fingerprint, TraceReader.Read(stream).Fingerprint);
    }

    [Fact]
    public void A_file_torn_anywhere_holds_the_events_before()
    {
        Trace trace = RandomTrace.Make(3, 40);
        (byte[] file, List<int> ends) = WriteFrameByFrame(trace);
        for (int length = 0; length <= file.Length; length++)
        {
            using var torn = new MemoryStream(file, 0, length);
            if (length < TraceFormat.HeaderSize)
            {
                Assert.Throws<PmemFormatException>(() => TraceReader.Read(torn));
                continue;
            }

            Trace read = TraceReader.Read(torn);
            Assert.Equal(ends.Count(end => end <= length), read.Events.Count);
            Assert.Equal(trace.Events.Take(read.Events.Count).Select(RandomTrace.Describe), read.Events.Select(RandomTrace.Describe));
            Assert.Equal(length == file.Length, read.IsComplete);
        }
    }

    [Fact]
    public void A_damaged_frame_ends_the_trace()
    {
        Trace trace = RandomTrace.Make(4, 40);
        (byte[] file, List<int> ends) = WriteFrameByFrame(trace);
        for (int at = TraceFormat.HeaderSize; at < file.Length; at++)
        {
            byte[] damaged = [.. file];
            damaged[at] ^= 0x10;
            using var stream = new MemoryStream(damaged);
            Trace read = TraceReader.Read(stream);
            Assert.False(read.IsComplete);
            Assert.True(read.Events.Count <= ends.Count(end => end <= at), $"byte {at}");
        }
    }

    [Fact]
    public void A_damaged_header_is_refused()
    {
        (byte[] file, _) = WriteFrameByFrame(RandomTrace.Make(4, 3));
        for (int at = 0; at < TraceFormat.HeaderSize; at++)
        {
            byte[] damaged = [.. file];
            damaged[at] ^= 1;
            using var stream = new MemoryStream(damaged);
            Assert.Throws<PmemFormatException>(() => TraceReader.Read(stream));
        }
    }

    [Fact]
    public void A_hundred_thousand_mutants_are_read_or_refused_without_harm()
    {
        const int Mutants = 100_000;
        (byte[] file, List<int> ends) = WriteFrameByFrame(RandomTrace.Make(11, 24));
        var random = new Random(20260731);
        int refused = 0;
        for (int i = 0; i < Mutants; i++)
        {
            byte[] mutant = [.. file];
            int changes = 1 + random.Next(4);
            for (int c = 0; c < changes; c++)
            {
                int first = random.Next(8) == 0 ? TraceFormat.HeaderSize : ends[0]; // what the map held is long, and there is little to get wrong in it
                int at = first + random.Next(mutant.Length - first);
                mutant[at] = random.Next(3) switch { 0 => (byte)random.Next(256), 1 => 0xFF, _ => (byte)(mutant[at] ^ (1 << random.Next(8))) };
            }

            if (random.Next(8) != 0)
                MendChecksums(mutant);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                using var stream = new MemoryStream(mutant);
                Trace read = TraceReader.Read(stream);
                Assert.True(read.Events.Count <= mutant.Length);
                Assert.All(read.Events, e => Assert.True(e.Offset >= 0 && e.Length >= 0 && e.Offset + e.Length <= RandomTrace.Size));
            }
            catch (PmemFormatException)
            {
                refused++;
            }

            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < (1 << 20), $"mutant {i} made the reader allocate {allocated} bytes");
        }

        Assert.InRange(refused, Mutants / 10, Mutants);
    }

    [Fact]
    public void What_a_program_did_is_in_the_file_before_it_ends()
    {
        const int Size = 12288 + 64; // tells our map from those of tests that run beside this one
        string path = Path.Combine(_folder, "live.pmtrace");
        PersistentMap map;
        using (TraceFileSink.Attach(path))
        {
            map = PersistentMap.CreateAnonymous(Size);
            Assert.Null(Find(Size));
            map.StoreUInt64(64, 5);
            map.Persist(64, 8);
            map.GetRef<ulong>(128) = 6;
            map.Drain();
            Trace running = Find(Size)!;
            Assert.False(running.IsComplete);
            Assert.Equal(["store of 8 bytes at 0x40", "flush of 0x40+8", "fence", "direct store of 1 bytes at 0x80", "fence"], running.Events.Select(e => (e with { Source = null }).ToString()));
            Assert.Contains("TraceFileTests.cs:", running.Events[0].Source!.User!.Where, StringComparison.Ordinal);
            map.Dispose();
        }

        Trace ended = Find(Size)!;
        Assert.True(ended.IsComplete);
        Assert.Equal(5, ended.Events.Count);
    }

    [Fact]
    public void Further_maps_get_numbered_files() => Assert.Equal(Path.Combine("a", "b-3.pmtrace"), TraceFileSink.PathOf(Path.Combine("a", "b.pmtrace"), 3));

    private Trace? Find(int size) => Directory.GetFiles(_folder).Select(Trace.Load).SingleOrDefault(t => t.Initial.Length == size);

    /// <summary>A file with a frame for each event, and where in it each event is complete.</summary>
    private static (byte[] File, List<int> Ends) WriteFrameByFrame(Trace trace)
    {
        using var stream = new MemoryStream();
        var ends = new List<int>();
        using (var writer = new TraceWriter(stream, trace.Initial, trace.Granularity))
        {
            writer.Flush();
            foreach (TraceEvent item in trace.Events)
            {
                writer.Write(item);
                writer.Flush();
                ends.Add((int)stream.Length);
            }

            writer.Finish(trace.Fingerprint);
        }

        return (stream.ToArray(), ends);
    }

    private static void MendChecksums(byte[] file)
    {
        for (int at = TraceFormat.HeaderSize; at + TraceFormat.FrameHeaderSize <= file.Length;)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(at));
            if (length <= 0 || length > file.Length - at - TraceFormat.FrameHeaderSize)
                return;
            BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at + 4), TraceWriter.Checksum(file.AsSpan(at + TraceFormat.FrameHeaderSize, length)));
            at += TraceFormat.FrameHeaderSize + length;
        }
    }
}
