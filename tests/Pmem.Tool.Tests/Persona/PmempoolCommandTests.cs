using System.Text;
using Pmem.Pools;
using Pmem.Tool.Persona;
using Pmem.Tool.Persona.Info;

namespace Pmem.Tool.Tests.Persona;

/// <summary>The verbs of pmempool that write do and say the same, and leave the same files, with the same sizes and permissions.</summary>
public sealed class PmempoolCommandTests : IDisposable
{
    private readonly PoolFixture _pools = new();
    private readonly StringBuilder _differences = new();

    public void Dispose() => _pools.Dispose();

    [Fact]
    public void Create()
    {
        Compare(
            Nothing,
            "create", "create obj", "create log @/x", "create -v log @/x", "create -v -s 5M log @/x", "create -s 5M blk 512 @/x", "create -v blk 4096 @/x -w", "create -v obj @/x -l lay", "create -l lay log @/x", "create -w log @/x",
            "create -s 1K obj @/x", "create -s 5Z obj @/x", "create -m 777 log @/x", "create -m 888 log @/x", "create -m 0640 log @/x", "create -M -s 5M log @/x", "create blk @/x", "create blk 0 @/x", "create blk zz @/x", "create blk 512 @/x y", "create foo @/x", "create -i @/nope @/x",
            "create -b log @/x", "create -f log @/x", "create -v -f obj @/x", "create log @/none/x", "create -v -s 8K log @/x", "create blk 1 @/x", "create blk 1000000000 @/x", "create -s 20M blk 4K -v @/x", "create -h", "create --size=3M log @/x", "create -v -q @/x", "create btt @/x", "create -hq");
        Compare(
            Pools,
            "create -v -i @/x.log @/y", "create -v -i @/x.blk @/y", "create -v -i @/x.obj @/y", "create -v -i @/x.obj log @/y", "create -v -i @/x.log -m 600 obj @/y", "create log @/x.log", "create -s 3M log @/x.log", "create -f -v log @/x.log", "create -f -v -s 4M log @/x.log", "create -v -i @/x.blk -s 30M @/y");
        AssertSame();
    }

    [Fact]
    public void Remove_and_feature()
    {
        Compare(
            Pools,
            "rm @/x.log", "rm -v @/x.log @/x.obj", "rm -vv @/x.log", "rm @/nope @/x.log", "rm -f @/nope @/x.log", "rm -i @/x.log", "rm -z", "rm", "rm -h", "feature -q SHUTDOWN_STATE @/x.obj", "feature -d SHUTDOWN_STATE @/x.obj", "feature -e SINGLEHDR @/x.obj", "feature -d CKSUM_2K @/x.obj",
            "feature -e CHECK_BAD_BLOCKS @/x.obj", "feature -q CKSUM_2K @/nope", "feature -q FOO @/x.obj", "feature @/x.obj", "feature -q CKSUM_2K", "feature -v -q CHECK_BAD_BLOCKS @/x.blk", "feature -q CKSUM_2K -q CKSUM_2K @/x.blk");
        foreach (Action<string> set in (Action<string>[])[Replicated, f => Lose(f, "b0"), Wrong])
            Compare(set, "rm @/a.set", "rm -a -v @/a.set", "rm -l -vv @/a.set", "rm -f -v @/a.set", "rm -s -v @/a.set");
        Compare(Replicated, "feature -q SINGLEHDR @/a.set", "feature -q CKSUM_2K @/a.set");
        AssertSame();
    }

    [Theory]
    [InlineData("obj", "8M @/a0|9M @/a1|REPLICA|17M @/b0")]
    [InlineData("obj", "OPTION SINGLEHDR|8M @/a0|9M @/a1")]
    [InlineData("log", "2M @/a0|3M @/a1")]
    public void Features_of_sets_change_the_same_bytes(string kind, string lines)
    {
        (string theirs, string ours) = (_pools.File("theirs"), _pools.File("ours"));
        foreach (string folder in (string[])[theirs, ours])
        {
            Directory.CreateDirectory(folder);
            WriteSet(folder, "a.set", lines.Split('|'));
        }

        Demand(theirs, $"create {kind} @/a.set");
        string[] parts = [.. Directory.GetFiles(theirs).Select(Path.GetFileName).OfType<string>().Where(name => name != "a.set")];
        foreach (string part in parts)
            File.Copy(Path.Combine(theirs, part), Path.Combine(ours, part));
        foreach (string command in (string[])[
            "-q SHUTDOWN_STATE", "-d CKSUM_2K", "-d SHUTDOWN_STATE", "-q SHUTDOWN_STATE", "-v -e CHECK_BAD_BLOCKS", "-d CKSUM_2K", "-q CKSUM_2K", "-e SHUTDOWN_STATE", "-e CKSUM_2K", "-e CKSUM_2K", "-e SHUTDOWN_STATE", "-e SINGLEHDR", "-d SINGLEHDR", "-q SINGLEHDR", "-q CHECK_BAD_BLOCKS", "-d CHECK_BAD_BLOCKS"])
        {
            RawResult real = PersonaComparison.Real(Words(theirs, $"feature {command} @/a.set"));
            Assert.Equal((command, real), (command, PersonaComparison.Ours(Words(ours, $"feature {command} @/a.set"))));
            foreach (string part in parts)
                Assert.True(File.ReadAllBytes(Path.Combine(theirs, part)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(ours, part))), $"{part} after {command}");
        }

        foreach (string part in parts)
            PersonaComparison.Same(theirs, $"feature -q CKSUM_2K @/{part}", $"feature -q SINGLEHDR @/{part}");
    }

    [Fact]
    public void Info_lists_bad_blocks_in_sectors()
    {
        string path = _pools.Closed();
        Assert.Equal("bad blocks:\n\toffset\t\tlength\n\t8\t\t2\n\t16\t\t8\n", Listed("-k", "yes"));
        Assert.Empty(Listed("-k", "no"));
        Assert.NotEmpty(Listed()); // the pool has the feature
        Assert.True(PoolFeatureSwitch.Set(path, PoolFeature.CheckBadBlocks, enabled: false));
        Assert.Empty(Listed());

        string Listed(params string[] options)
        {
            using var output = new MemoryStream();
            using (var terminal = new Terminal(output, output, TextReader.Null, asksPerson: false))
            {
                InfoOptions parsed = Assert.IsType<InfoOptions>(InfoOptions.Parse(terminal, [.. options, path], out _));
                using PoolView pool = PoolView.Open(path);
                InfoFiles.Write(new LeveledOutput(terminal.Out), parsed, pool, asSet: false, new TwoBadBlocks());
            }

            string text = Encoding.ASCII.GetString(output.ToArray());
            int at = text.IndexOf("bad blocks", StringComparison.Ordinal);
            return at < 0 ? string.Empty : text[at..];
        }
    }

    private sealed class TwoBadBlocks : BadBlockSource
    {
        public override IReadOnlyList<BadBlock> Find(string path) => [new(4096, 1024), new(8192, 4096)];

        public override void Clear(string path, BadBlock range) => throw new InvalidOperationException("info changes nothing");
    }

    [Fact]
    public void Sync_and_transform()
    {
        foreach (Action<string> set in (Action<string>[])[Replicated, f => Lose(f, "b0"), f => Lose(f, "a0", "b0"), f => Break(f, "b0"), f => Break(f, "a0", "b0"), LogSet, Wrong, Single])
            Compare(set, "sync @/a.set", "sync -v @/a.set", "sync -d -v @/a.set", "sync -b -v @/a.set", "sync --bad-blocks --dry-run @/a.set", "transform -v @/a.set @/nope.set");
        Compare(Single, "transform -v @/a.set @/b.set", "transform -d -v @/a.set @/b.set", "transform @/a.set @/a.set", "transform @/a.set @/c.set", "transform @/a.set @/nope");
        AssertSame();
    }

    private static void Nothing(string folder)
    {
        // An empty folder.
    }

    private static void Pools(string folder)
    {
        foreach (string command in (string[])["create log @/x.log", "create obj @/x.obj", "create blk 512 @/x.blk"])
            Demand(folder, command);
    }

    private static void Replicated(string folder) => MakeSet(folder, "obj", "8M @/a0", "REPLICA", "8M @/b0");

    private static void LogSet(string folder) => MakeSet(folder, "log", "8M @/a0");

    private static void Wrong(string folder) => WriteSet(folder, "a.set", "8M relative");

    private static void Single(string folder)
    {
        MakeSet(folder, "obj", "8M @/a0");
        WriteSet(folder, "b.set", "8M @/a0", "REPLICA", "8M @/b0");
        WriteSet(folder, "c.set", "16M @/a0");
    }

    private static void Lose(string folder, params string[] parts)
    {
        Replicated(folder);
        foreach (string part in parts)
            File.Delete(Path.Combine(folder, part));
    }

    private static void Break(string folder, params string[] parts)
    {
        Replicated(folder);
        foreach (string part in parts)
            PoolFixture.Patch(Path.Combine(folder, part), 0, "XXXX"u8);
    }

    private static void MakeSet(string folder, string kind, params string[] lines)
    {
        WriteSet(folder, "a.set", lines);
        Demand(folder, $"create {kind} @/a.set");
    }

    private static void WriteSet(string folder, string name, params string[] lines) =>
        File.WriteAllText(Path.Combine(folder, name), $"PMEMPOOLSET\n{string.Join('\n', lines)}\n".Replace("@", folder, StringComparison.Ordinal));

    private static void Demand(string folder, string command) => Assert.Equal(0, PersonaComparison.Real(Words(folder, command)).ExitCode);

    private static string[] Words(string folder, string command) =>
        [.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => word.Replace("@", folder, StringComparison.Ordinal))];

    private void Compare(Action<string> prepare, params string[] commands)
    {
        string folder = _pools.File("work");
        foreach (string command in commands)
        {
            string input = command.Contains("rm -i", StringComparison.Ordinal) ? "maybe\nn\n" : string.Empty;
            (RawResult theirs, string theirFiles) = Run(() => PersonaComparison.Real(Words(folder, command), input));
            (RawResult ours, string ourFiles) = Run(() => PersonaComparison.Ours(Words(folder, command), input));
            if (theirs != ours)
                _differences.AppendLine($"{command}: pmempool {theirs.ExitCode}\n{theirs.Output}{theirs.Error}we {ours.ExitCode}\n{ours.Output}{ours.Error}");
            if (theirFiles != ourFiles)
                _differences.AppendLine($"{command}: pmempool leaves {theirFiles}, we {ourFiles}");
        }

        (RawResult, string) Run(Func<RawResult> command)
        {
            if (Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
            Directory.CreateDirectory(folder);
            prepare(folder);
            RawResult result = command();
            IEnumerable<FileInfo> files = new DirectoryInfo(folder).GetFiles().OrderBy(file => file.Name, StringComparer.Ordinal);
            return (result, string.Join(", ", files.Select(file => $"{file.Name} {file.Length} {(OperatingSystem.IsWindows() ? default : file.UnixFileMode)}")));
        }
    }

    private void AssertSame() => Assert.True(_differences.Length == 0, _differences.ToString());
}
