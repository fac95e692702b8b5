namespace Interop;

/// <summary>The same single-threaded script through libpmemobj and through us leaves the same pool, byte for byte.</summary>
public sealed class ByteEqualityTests
{
    /// <summary>Scripts for what random churn seldom meets.</summary>
    public static TheoryData<string, string[]> Kinds => new()
    {
        { "every size", [.. Scripts.EverySize()] },
        { "log extensions", [.. Scripts.Extensions()] },
        { "nested and aborted transactions", [.. Scripts.Transactions()] },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_special_script_leaves_equal_pools(string kind, string[] script) => Compare(kind, [$"create {128 << 20}", .. script, "dump", "close"]);

    [Theory]
    [InlineData(1, 400, false)]
    [InlineData(2, 3000, false)]
    [InlineData(3, 3000, true)]
    [InlineData(4, 6000, true)]
    [InlineData(5, 6000, false)]
    public void A_script_leaves_equal_pools(int seed, int operations, bool reopen) =>
        Compare($"seed {seed}", Scripts.Churn(seed, operations, 128L << 20, reopen));

    private static void Compare(string name, IEnumerable<string> script)
    {
        string program = Peers.Program("obj_script");
        string folder = Peers.NewFolder();
        try
        {
            string theirs = Path.Combine(folder, "c.obj");
            string ours = Path.Combine(folder, "net.obj");
            string expected = Peers.Succeed(program, [theirs], string.Join('\n', script) + "\n");
            string actual = ScriptRunner.Run(ours, script);
            Assert.Equal(expected, actual);
            string? difference = PoolMask.Compare(PoolMask.Read(ours), PoolMask.Read(theirs));
            Assert.True(difference is null, $"{name}: {difference}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
