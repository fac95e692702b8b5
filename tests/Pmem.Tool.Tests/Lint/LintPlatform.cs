using System.Text.Json;

namespace Pmem.Tool.Tests.Lint;

/// <summary>A platform with a set of two DIMMs and two namespaces, and namespaces with info blocks; they are spoiled and put back, so that each is made once.</summary>
public sealed class LintPlatform : IDisposable
{
    private const long Media = 128 << 20;

    /// <summary>System physical address of the namespaces with info blocks.</summary>
    internal const string Start = "0x100000000";

    private readonly Dictionary<string, string> _infoBlocks = new(StringComparer.Ordinal);
    private readonly PoolFixture _files = new();
    private readonly string _folder;

    public LintPlatform()
    {
        _folder = _files.File("vm1");
        Assert.Equal(0, ToolRunner.Run("platform", "create", _folder, "--dimms", "2", "--ways", "2", "--size", "128MiB").ExitCode);
        foreach (string name in (string[])["first", "second"])
            Assert.Equal(0, ToolRunner.Run("namespace", "create", "--platform", _folder, "--region", "region0", "--size", "64M", "--name", name).ExitCode);
    }

    public void Dispose() => _files.Dispose();

    /// <summary>A namespace of 256 MiB, as <c>pmem infoblock write</c> makes it with options.</summary>
    internal string InfoBlock(string options)
    {
        if (_infoBlocks.TryGetValue(options, out string? made))
            return made;
        string path = _files.File($"namespace-{_infoBlocks.Count}.img");
        string[] start = options.Contains("sector", StringComparison.Ordinal) ? [] : ["--start", Start];
        ToolRunner.Json(0, ["infoblock", "write", path, "--size", "256M", "--parent-uuid", TableCases.Parent, .. start, .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        return _infoBlocks[options] = path;
    }

    /// <summary>What is said of the platform with its areas spoiled.</summary>
    internal JsonElement[] Explain(int exitCode, Action<SpoiledArea, SpoiledArea> spoil)
    {
        byte[][] sound = [Read(0), Read(1)];
        var first = new SpoiledArea([.. sound[0]]);
        var second = new SpoiledArea([.. sound[1]]);
        spoil(first, second);
        try
        {
            Write(0, first.Bytes);
            Write(1, second.Bytes);
            return [.. ToolRunner.Json(exitCode, "explain", "--platform", _folder)[0].GetProperty("explanations").EnumerateArray()];
        }
        finally
        {
            Write(0, sound[0]);
            Write(1, sound[1]);
        }
    }

    private string Image(int dimm) => Path.Combine(_folder, $"dimm-{dimm}.img");

    private byte[] Read(int dimm)
    {
        byte[] area = new byte[SpoiledArea.Size];
        using FileStream file = File.OpenRead(Image(dimm));
        file.Position = Media;
        file.ReadExactly(area);
        return area;
    }

    private void Write(int dimm, byte[] area) => PoolFixture.Patch(Image(dimm), Media, area);
}
