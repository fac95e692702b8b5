namespace Pmem.Platform.Tests.Images;

/// <summary>A folder for images, on a disk rather than in memory where one is at hand, and random contents with holes.</summary>
internal sealed class ImageFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("pmem-images-");

    public string Path => _folder.FullName;

    public string this[string name] => System.IO.Path.Combine(_folder.FullName, name);

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>Bytes in runs: some random, some zeros, cut anywhere.</summary>
    public static byte[] Content(long length, int seed)
    {
        var random = new Random(seed);
        byte[] bytes = new byte[length];
        for (int at = 0; at < bytes.Length;)
        {
            int run = Math.Min(bytes.Length - at, random.Next(1, 200_000));
            if (random.Next(3) > 0)
                random.NextBytes(bytes.AsSpan(at, run));
            at += run;
        }

        return bytes;
    }

    public string Write(string name, byte[] bytes)
    {
        File.WriteAllBytes(this[name], bytes);
        return this[name];
    }
}
