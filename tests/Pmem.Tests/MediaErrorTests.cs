namespace Pmem.Tests;

/// <summary>Reading what is no longer there.</summary>
public sealed class MediaErrorTests
{
    [Fact]
    public void Reading_behind_the_end_of_a_truncated_file_fails_and_the_process_lives()
    {
        using var folder = new TemporaryFolder();
        using PersistentMap map = PersistentMap.Create(folder.File("a"), 64 << 10);
        map.Fill(0, 5, 64 << 10);
        using (FileStream file = File.OpenWrite(folder.File("a")))
            file.SetLength(16 << 10);

        byte[] buffer = new byte[8192];
        Assert.True(map.TryRead(8192, buffer));
        Assert.All(buffer, b => Assert.Equal(5, b));
        Assert.False(map.TryRead(32 << 10, buffer));
        Assert.False(map.TryRead(12 << 10, buffer));
        MediaErrorException error = Assert.Throws<MediaErrorException>(() => map.CheckedRead(12 << 10, buffer));
        Assert.Equal(16 << 10, error.Offset);
        Assert.Equal(4096, error.Length);
    }

    [Fact]
    public void Copies_of_every_short_length_end_at_the_very_byte_that_cannot_be_read()
    {
        const int End = 4096;
        using var folder = new TemporaryFolder();
        using PersistentMap map = PersistentMap.Create(folder.File("a"), 8192);
        byte[] content = new byte[8192];
        new Random(3).NextBytes(content);
        map.Copy(0, content);
        map.Persist(0, content.Length);
        byte[] buffer = new byte[3000];
        for (int length = 1; length <= buffer.Length; length = length < 300 ? length + 1 : length + 97)
        {
            Assert.True(map.TryRead(length, buffer.AsSpan(0, length)));
            Assert.True(buffer.AsSpan(0, length).SequenceEqual(content.AsSpan(length, length)));
        }

        using (FileStream file = File.OpenWrite(folder.File("a")))
            file.SetLength(End);
        for (int length = 2; length <= buffer.Length; length = length < 300 ? length + 1 : length + 97)
        {
            foreach (int readable in (int[])[0, 1, length / 2, length - 1])
            {
                buffer.AsSpan().Clear();
                Assert.False(map.TryRead(End - readable, buffer.AsSpan(0, length)));
                Assert.True(buffer.AsSpan(0, readable).SequenceEqual(content.AsSpan(End - readable, readable)), $"{readable} of {length}");
                Assert.Equal(End, Assert.Throws<MediaErrorException>(() => map.CheckedRead(End - readable, buffer.AsSpan(0, length))).Offset);
            }
        }
    }

    [Fact]
    public void Faults_elsewhere_still_become_exceptions()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(4096);
        byte[] buffer = new byte[100];
        Assert.True(map.TryRead(0, buffer));
        Assert.Throws<NullReferenceException>(() => ReadNull(null!));
        Assert.True(map.TryRead(0, buffer));

        static int ReadNull(string text) => text.Length;
    }

    [Fact]
    public void Many_faults_during_collections_do_no_harm()
    {
        using var folder = new TemporaryFolder();
        using PersistentMap map = PersistentMap.Create(folder.File("a"), 64 << 10);
        using (FileStream file = File.OpenWrite(folder.File("a")))
            file.SetLength(4096);
        byte[] buffer = new byte[256];
        var garbage = new List<byte[]>();
        for (int i = 0; i < 2000; i++)
        {
            Assert.False(map.TryRead(8192 + (i % 50 * 256), buffer));
            Assert.True(map.TryRead(i % 3840, buffer));
            garbage.Add(new byte[5000]);
            if (i % 100 == 0)
                garbage.Clear();
        }
    }

    [Fact]
    public void A_disposed_map_cannot_be_read()
    {
        PersistentMap map = PersistentMap.CreateAnonymous(4096);
        map.Dispose();
        Assert.Throws<ObjectDisposedException>(() => map.TryRead(0, new byte[8]));
    }
}
