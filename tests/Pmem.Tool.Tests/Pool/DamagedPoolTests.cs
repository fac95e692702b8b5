using System.Diagnostics;
using System.Text.Json;
using Pmem.Blocks.Layout;
using Pmem.Pools;
using Pmem.Tool.Persona;
using Pmem.Tool.Pool;
using Pmem.Tool.Pool.Details;
using Pmem.Tool.Tests.Persona;

namespace Pmem.Tool.Tests.Pool;

/// <summary>Info, dump and the persona's info on pools that hold anything: typed errors only, an end, and no more output than the pool accounts for.</summary>
public sealed class DamagedPoolTests : IDisposable
{
    private const int Rounds = 100;
    private const long MostOutput = 64L << 20;

    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(30);
    private static readonly ulong[] s_values = [0, 1, ulong.MaxValue, 1UL << 63, 0x7FFF_FFFF, 0xFFFF_FFFF, 0x10_0000_0000, 4096, 8191];

    private readonly PoolFixture _pools = new();

    public void Dispose() => _pools.Dispose();

    [Fact]
    public void Object_pools() => Try(_pools.Crashed(), "vxsldHZCbOAao", [(0x1000, 0x1840), (0x2000, 0x2C00), (0x302000, 0x302800), (0x382400, 0x382800)], seed: 4001);

    [Fact]
    public void Block_pools()
    {
        string path = _pools.File("a.blk");
        PersonaPools.Blocks(path);
        BttInfo info = BttInfo.Read(File.ReadAllBytes(path).AsSpan(8192, BttInfo.Size));
        Try(path, "vxmgsB", [(0x1000, 0x1030), (0x2000, 0x2080), (8192 + (long)info.MapOffset, 8192 + (long)info.MapOffset + 64), (8192 + (long)info.FlogOffset, 8192 + (long)info.FlogOffset + 256)], seed: 4002);
    }

    [Fact]
    public void Logs()
    {
        string path = _pools.File("a.log");
        PersonaPools.Log(path);
        Try(path, "vxsd", [(0, 0x100), (0x1000, 0x1018)], seed: 4003);
    }

    private void Try(string path, string letters, (long First, long Last)[] areas, int seed)
    {
        byte[] whole = File.ReadAllBytes(path);
        var random = new Random(seed);
        for (int round = 0; round < Rounds; round++)
        {
            var damage = new List<(long At, byte[] Bytes)>();
            for (int i = random.Next(1, 5); i > 0; i--)
            {
                (long first, long last) = areas[random.Next(areas.Length)];
                byte[] bytes = BitConverter.GetBytes(random.Next(2) == 0 ? s_values[random.Next(s_values.Length)] : (ulong)random.NextInt64());
                damage.Add((random.NextInt64(first, last - 7) & (random.Next(3) == 0 ? -1L : -8L), bytes));
            }

            byte[] broken = [.. whole];
            foreach ((long at, byte[] bytes) in damage)
                bytes.CopyTo(broken, at);
            if (random.Next(2) == 0)
                MendChecksums(broken);
            foreach ((long at, int length) in damage.Select(each => (each.At, each.Bytes.Length)).Append((PoolHeader.ChecksumPosition, 8)).Append((0x17F8, 8)).Append((8192 + BttInfo.ChecksumPosition, 8)))
                PoolFixture.Patch(path, at, broken.AsSpan((int)at, length));
            string what = $"seed {seed}, round {round}: {string.Join(", ", damage.Select(each => $"0x{each.At:x} {Convert.ToHexString(each.Bytes)}"))}";
            Bounded(what, stream => Details(path, stream));
            Bounded(what, stream => Dump(path, stream));
            Bounded(what, stream => Show(path, letters, stream));
            foreach ((long at, int length) in damage.Select(each => (each.At, each.Bytes.Length)).Append((PoolHeader.ChecksumPosition, 8)).Append((0x17F8, 8)).Append((8192 + BttInfo.ChecksumPosition, 8)))
                PoolFixture.Patch(path, at, whole.AsSpan((int)at, length));
        }
    }

    private static void MendChecksums(byte[] pool)
    {
        PoolHeader header = PoolHeader.Read(pool);
        BitConverter.GetBytes(header.ComputeChecksum()).CopyTo(pool, PoolHeader.ChecksumPosition);
        if (header.Kind == PoolKind.Object)
            BitConverter.GetBytes(Fletcher64.ComputeWithHole(pool.AsSpan(0x1000, 2048), 0x7F8)).CopyTo(pool, 0x17F8);
        if (header.Kind == PoolKind.Block)
            BitConverter.GetBytes(BttInfo.Read(pool.AsSpan(8192, BttInfo.Size)).ComputeChecksum()).CopyTo(pool, 8192 + BttInfo.ChecksumPosition);
    }

    private static void Details(string path, Stream stream)
    {
        PoolSummary.Of(path);
        using PoolView pool = PoolView.Open(path);
        var options = new DetailOptions { Headers = true, Statistics = true, Lanes = true, Heap = true, Bitmaps = true, Table = true, Map = true, Flog = true, Data = true, Hex = true };
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            PoolDetails.Write(new JsonSink(writer), pool, options);
            writer.WriteEndObject();
        }

        using var text = new StreamWriter(stream);
        PoolDetails.Write(new TextSink(text), pool, options);
    }

    private static void Dump(string path, Stream stream)
    {
        if (PoolFile.ReadHeader(path)?.Kind is { } kind)
            DumpVerb.Write(path, kind, () => stream, new DumpForm { Data = true, Json = true, SkipZero = true });
    }

    private static void Show(string path, string letters, Stream stream)
    {
        foreach (string[] options in (string[][])[[$"-{letters}"], [$"-{letters}", "-f", "obj"], [$"-{letters}", "-f", "blk"], [$"-{letters}", "-f", "log"]])
        {
            using var terminal = new Terminal(stream, Stream.Null, TextReader.Null, asksPerson: false);
            Assert.InRange(Pmempool.Start(terminal, ["info", .. options, path]), 0, 1);
        }
    }

    private static void Bounded(string what, Action<Stream> action)
    {
        var watch = Stopwatch.StartNew();
        using var stream = new CountingStream();
        try
        {
            action(stream);
        }
        catch (PmemException)
        {
            // One sentence for the user.
        }
        catch (Exception e)
        {
            Assert.Fail($"{what}: {e}");
        }

        Assert.True(stream.Length <= MostOutput, $"{what}: {stream.Length} bytes of output");
        Assert.True(watch.Elapsed < s_longest, $"{what}: {watch.Elapsed}");
    }

    /// <summary>Counts what is written, and may be closed by those who write.</summary>
    private sealed class CountingStream : Stream
    {
        private long _length;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => _length;

        public override long Position { get => _length; set => throw new NotSupportedException("this stream only counts what is written"); }

        public override void Flush()
        {
            // Nothing is kept.
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("this stream only counts what is written");

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("this stream only counts what is written");

        public override void SetLength(long value) => throw new NotSupportedException("this stream only counts what is written");

        public override void Write(byte[] buffer, int offset, int count) => _length += count;

        public override void Write(ReadOnlySpan<byte> buffer) => _length += buffer.Length;
    }
}
