using System.Text.Json;

namespace Interop.Guest;

/// <summary>Pools in files on ext4 with DAX under an unmodified kernel, and what becomes of one whose media has gone bad.</summary>
public sealed class GuestFsdaxTests(GuestProgram guest)
{
    [Fact]
    public void A_pool_on_a_DAX_file_system_is_persistent_memory_and_flushed_by_the_CPU()
    {
        JsonElement made = guest.Json("file.create");
        Assert.Equal((true, "cacheLine"), (made.GetProperty("isPmem").GetBoolean(), made.GetProperty("granularity").GetString()));

        // The same pool on tmpfs, which grants no MAP_SYNC.
        JsonElement elsewhere = guest.Json("file.elsewhere");
        Assert.Equal((false, "page"), (elsewhere.GetProperty("isPmem").GetBoolean(), elsewhere.GetProperty("granularity").GetString()));
    }

    [Fact]
    public void A_pool_that_a_program_of_C_left_open_is_recovered()
    {
        Assert.Equal(77, guest.Answer("file.crash").Code);
        JsonElement dirty = guest.Json("file.dirty");
        Assert.True(dirty.GetProperty("needsRecovery").GetBoolean());
        Assert.Equal(guest.Json("file.create").GetProperty("shutdownState").GetRawText(), dirty.GetProperty("shutdownState").GetRawText());
        Assert.Equal(1, guest.Json("file.recover").GetProperty("transactionsRolledBack").GetInt32());
        Assert.Contains("\nslot 1 ", guest.Text("file.dump"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("hurt.info", 1)]
    [InlineData("hurt.check", 2)]
    [InlineData("hurt.objects", 2)]
    [InlineData("hurt.recover", 2)]
    public void A_pool_with_a_bad_block_is_refused_and_the_program_lives_on(string section, int code)
    {
        Assert.NotEmpty(guest.Text("hurt.list"));
        Assert.Contains("the pool contains bad blocks and cannot be opened", guest.Text(section, code), StringComparison.Ordinal);
    }

    [Fact]
    public void Libpmemobj_refuses_it_too() => Assert.Contains("pool set contains bad blocks and cannot be opened", guest.Text("hurt.theirs", 3), StringComparison.Ordinal);

    [Fact]
    public void A_copy_ends_at_the_bad_block() => Assert.Contains($"at offset 0x{BadOffset:x} cannot be read", guest.Text("hurt.copy", 2), StringComparison.Ordinal);

    [Fact]
    public void A_backup_that_is_copied_over_it_gives_the_file_good_blocks()
    {
        JsonElement cleared = guest.Json("hurt.heal").GetProperty("badBlocks")[0];
        Assert.Equal((BadOffset, 4096), (cleared.GetProperty("offset").GetInt32(), cleared.GetProperty("length").GetInt32()));
        guest.Text("hurt.well");
    }

    /// <summary>The page of the file that the injected sector is in.</summary>
    private static int BadOffset => GuestProgram.BadSectorOfFile * 512 & -4096;
}
