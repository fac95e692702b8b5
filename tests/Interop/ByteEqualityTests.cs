namespace Interop;

/// <summary>The same single-threaded script through libpmemobj and through us leaves the same pool, byte for byte.</summary>
public sealed class ByteEqualityTests
{
    [Theory]
    [InlineData(1, 400, false)]
    [InlineData(2, 3000, false)]
    [InlineData(3, 3000, true)]
    [InlineData(4, 6000, true)]
    [InlineData(5, 6000, false)]
    public void A_script_leaves_equal_pools(int seed, int operations, bool reopen)
    {
        string program = Peers.Program("obj_script");
        string folder = Peers.NewFolder();
        try
        {
            List<string> script = Scripts.Churn(seed, operations, 128L << 20, reopen);
            string theirs = Path.Combine(folder, "c.obj");
            string ours = Path.Combine(folder, "net.obj");
            string expected = Peers.Succeed(program, [theirs], string.Join('\n', script) + "\n");
            string actual = ScriptRunner.Run(ours, script);
            Assert.Equal(expected, actual);
            string? difference = PoolMask.Compare(PoolMask.Read(ours), PoolMask.Read(theirs));
            Assert.True(difference is null, $"seed {seed}: {difference}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
