using System.Text.Json;

namespace Interop.Guest;

/// <summary>Pools on device DAX under an unmodified kernel: ours used by libpmemobj, libpmemlog and libpmemblk, theirs by us.</summary>
public sealed class GuestDeviceDaxTests(GuestProgram guest)
{
    private const int DeviceSize = 30 << 20;

    [Fact]
    public void An_object_pool_takes_all_of_a_device_and_C_finds_it_consistent()
    {
        JsonElement made = guest.Json("obj.create");
        Assert.Equal((DeviceSize, true, "cacheLine"), (made.GetProperty("size").GetInt32(), made.GetProperty("isPmem").GetBoolean(), made.GetProperty("granularity").GetString()));
        string theirs = guest.Text("obj.theirs");
        Assert.Contains($"UUID                     : {made.GetProperty("uuid").GetString()}", theirs, StringComparison.Ordinal);
        Assert.Contains("type                     : device dax", theirs, StringComparison.Ordinal);
        Assert.DoesNotContain("FAIL", theirs, StringComparison.Ordinal);
        Assert.Contains("shutdown state correct", guest.Text("obj.their-check"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_pool_that_a_program_of_C_left_open_is_recovered_by_us_and_goes_on_in_C()
    {
        Assert.Equal(77, guest.Answer("obj.crash").Code);
        JsonElement dirty = guest.Json("obj.dirty");
        Assert.True(dirty.GetProperty("needsRecovery").GetBoolean());

        // C stored what it knows of the modules; it is what we had stored.
        Assert.Equal(guest.Json("obj.create").GetProperty("shutdownState").GetRawText(), dirty.GetProperty("shutdownState").GetRawText());
        Assert.Equal((true, GuestProgram.DirtyShutdowns), (dirty.GetProperty("shutdownState").GetProperty("dirty").GetBoolean(), dirty.GetProperty("shutdownState").GetProperty("usc").GetInt32()));
        Assert.NotEqual("0x0000000000000000", dirty.GetProperty("shutdownState").GetProperty("deviceId").GetString());
        Assert.True(guest.Json("obj.dirty-check").GetProperty("consistent").GetBoolean());
        JsonElement recovered = guest.Json("obj.recover");
        Assert.Equal((true, 1), (recovered.GetProperty("wasDirty").GetBoolean(), recovered.GetProperty("transactionsRolledBack").GetInt32()));
        Assert.False(guest.Json("obj.check").GetProperty("needsRecovery").GetBoolean());
        string dump = guest.Text("obj.dump");
        Assert.Equal(["slot 1", "slot 2"], dump.Split('\n').Where(line => line.StartsWith("slot", StringComparison.Ordinal)).Select(line => line[..6]));
        foreach (JsonElement item in guest.Json("obj.objects").EnumerateArray().Where(item => !item.GetProperty("internal").GetBoolean()))
            Assert.Contains($"object {item.GetProperty("offset").GetInt64():x} {item.GetProperty("usableSize")} {item.GetProperty("typeNumber")} ", dump, StringComparison.Ordinal);
    }

    [Fact]
    public void A_dry_run_works_on_a_copy_of_the_device() => Assert.True(guest.Json("obj.dry-run").GetProperty("consistent").GetBoolean());

    [Fact]
    public void A_pool_is_replaced_only_when_asked_for_and_has_no_size_of_its_own()
    {
        Assert.Contains("non-empty file detected", guest.Text("obj.again", 2), StringComparison.Ordinal);
        Assert.Contains("leave out --size", guest.Text("obj.size", 2), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("obj.rm", "obj.node")]
    [InlineData("blk.rm", "set.create")]
    public void Removing_a_pool_zeroes_the_device_and_leaves_it(string removal, string next)
    {
        guest.Text(removal);
        guest.Text(next);
    }

    [Fact]
    public void An_object_pool_of_C_is_read_and_consistent()
    {
        guest.Text("theirs.create");
        JsonElement info = guest.Json("theirs.info");
        Assert.Equal(("theirs", DeviceSize), (info.GetProperty("layout").GetString(), info.GetProperty("size").GetInt32()));
        Assert.True(guest.Json("theirs.check").GetProperty("consistent").GetBoolean());
    }

    [Fact]
    public void A_log_goes_both_ways()
    {
        Assert.Equal(0, guest.Json("log.create").GetProperty("log").GetProperty("length").GetInt32());
        guest.Text("log.append");
        Assert.Equal(5000, guest.Json("log.info").GetProperty("log").GetProperty("length").GetInt32());
        guest.Text("log.their-check");
    }

    [Fact]
    public void A_block_pool_goes_both_ways()
    {
        guest.Json("blk.create");
        guest.Text("blk.write");
        JsonElement blocks = guest.Json("blk.info").GetProperty("blocks");
        Assert.Equal((512, 1, 1), (blocks.GetProperty("size").GetInt32(), blocks.GetProperty("normal").GetInt32(), blocks.GetProperty("zero").GetInt32()));
        Assert.True(guest.Json("blk.check").GetProperty("consistent").GetBoolean());
        guest.Text("blk.their-check");
    }

    [Fact]
    public void A_set_of_devices_needs_a_single_header()
    {
        Assert.Equal(2 * DeviceSize, guest.Json("set.create").GetProperty("size").GetInt32());
        Assert.Contains("consistent", guest.Text("set.their-check"), StringComparison.Ordinal);
        Assert.True(guest.Json("set.check").GetProperty("consistent").GetBoolean());
        const string Refusal = "ultiple DAX devices with alignment other than 4KB";
        Assert.Contains(Refusal, guest.Text("set.wrong", 2), StringComparison.Ordinal);
        Assert.Contains(Refusal, guest.Text("set.their-wrong", 1), StringComparison.Ordinal);
        Assert.Equal(2, guest.Text("set.rm").Split('\n').Length);
    }
}
