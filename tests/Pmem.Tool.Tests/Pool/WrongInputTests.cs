using System.Runtime.Versioning;
using Pmem.Logs;

namespace Pmem.Tool.Tests.Pool;

/// <summary>What people type by mistake: one sentence that says what to do, and nothing happens.</summary>
[SupportedOSPlatform("linux")]
public sealed class WrongInputTests : IDisposable
{
    private readonly PoolFixture _pools = new();

    public void Dispose() => _pools.Dispose();

    [Theory]
    [InlineData("nothing that --heap shows", "info", "LOG", "--heap")]
    [InlineData("nothing that --map shows", "info", "OBJ", "--map")]
    [InlineData("has no replica 1", "info", "OBJ", "--headers", "--replica", "1")]
    [InlineData("--replica says in which", "info", "OBJ", "--replica", "1")]
    [InlineData("give that too", "info", "OBJ", "--types", "7")]
    [InlineData("give one of them too", "info", "OBJ", "--range", "0-1")]
    [InlineData("--skip-zero says nothing", "dump", "OBJ", "--skip-zero")]
    [InlineData("--type says nothing", "dump", "LOG", "--type", "7")]
    [InlineData("pieces of --json", "dump", "LOG", "--chunk", "7")]
    [InlineData("there is no folder", "dump", "LOG", "--output", "absent/x")]
    [InlineData("the value of --output is empty", "dump", "LOG", "--output", "")]
    [InlineData("the value of --backup is empty", "repair", "OBJ", "--backup", "")]
    [InlineData("the value of --types is empty", "check", "OBJ", "--types", "")]
    [InlineData("there is no file", "check", "OBJ", "--types", "absent")]
    [InlineData("FILE is empty", "objects", "")]
    [InlineData("FILE is empty", "rm", "")]
    [InlineData("is too large", "resize", "OBJ", "99999999999999999999")]
    [InlineData("is too large", "create", "blk", "new", "--bsize", "99999999999999999999")]
    [InlineData("whole number with a unit", "resize", "OBJ", "1.5GiB")]
    [InlineData("is a directory", "sync", "FOLDER")]
    [InlineData("is a folder", "rm", "FOLDER")]
    [InlineData("is a folder", "create", "obj", "FOLDER")]
    public void Is_refused_in_a_sentence(string sentence, params string[] words)
    {
        string log = _pools.File("a.log");
        PersistentLog.Create(log, 2 << 20).Dispose();
        Directory.CreateDirectory(_pools.File("folder"));
        string pool = _pools.Closed();
        byte[] before = File.ReadAllBytes(pool);
        string[] arguments = [.. words.Select(word => word switch
        {
            "LOG" => log,
            "OBJ" => pool,
            "FOLDER" => _pools.File("folder"),
            "absent" or "absent/x" or "new" => _pools.File(word),
            _ => word,
        })];
        Assert.Contains(sentence, ToolRunner.Fail(["pool", .. arguments]), StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(pool));
        Assert.Equal(3, Directory.GetFileSystemEntries(Path.GetDirectoryName(log)!).Length);
    }
}
