namespace Tidy;

/// <summary>Each rule catches what it is for, and lets the rest pass.</summary>
public sealed class RulesTests
{
    [Fact]
    public void A_reference_upwards_is_found() =>
        Assert.Single(Rules.FloorViolations("Pmem.Pools", """<ProjectReference Include="../Pmem.Objects/Pmem.Objects.csproj" />"""));

    [Fact]
    public void A_reference_sideways_is_found() =>
        Assert.Single(Rules.FloorViolations("Pmem.Pools", """<ProjectReference Include="../Pmem.CrashTesting/Pmem.CrashTesting.csproj" />"""));

    [Fact]
    public void A_reference_downwards_passes() => Assert.Empty(Rules.FloorViolations("Pmem.Pools", """<ProjectReference Include="../Pmem/Pmem.csproj" />"""));

    [Fact]
    public void An_unknown_project_is_found() => Assert.Single(Rules.FloorViolations("Pmem.New", string.Empty));

    [Theory]
    [InlineData("*(ulong*)(_map.Pointer + offset) = 1;")]
    [InlineData("_map.Pointer[5] = 1;")]
    [InlineData("store.Map.GetSpan(8, 16)[0] = 1;")]
    [InlineData("map.GetSpan(8, 16).Clear();")]
    [InlineData("bytes.CopyTo(_map.GetSpan(8, 16));")]
    [InlineData("_map.GetRef<ulong>(8) = 1;")]
    [InlineData("store.Map.GetRef<Header>(8).Field |= 1;")]
    [InlineData("Unsafe.CopyBlockUnaligned(_map.Pointer + offset, source, 8);")]
    [InlineData("Buffer.MemoryCopy(map.Pointer, other, 8, 8);")]
    public void A_naked_write_is_found(string line) => Assert.Single(Rules.NakedWrites(line));

    [Theory]
    [InlineData("map.StoreUInt64(offset, 1);")]
    [InlineData("map.GetSpan(8, 16).CopyTo(local);")]
    [InlineData("ulong value = map.GetRef<ulong>(8);")]
    [InlineData("if (_map.Pointer[5] == 1) return;")]
    [InlineData("Unsafe.CopyBlockUnaligned(entry + 24, _map.Pointer + offset, 8);")]
    public void Other_lines_pass(string line) => Assert.Empty(Rules.NakedWrites(line));

    [Fact]
    public void Left_work_is_found() => Assert.Single(Rules.BannedWords("// TO" + "DO: later"));

    [Fact]
    public void A_machine_path_is_found() => Assert.True(Rules.NamesMachine("see /wor" + "k/main"));

    [Fact]
    public void Lines_are_counted() => Assert.Equal(2, Rules.Lines("a\nb\n"));
}
