using Pmem.Blocks.Layout;
using Pmem.Pools;

namespace Pmem.Tool.Persona.Checking;

/// <summary>The descriptors of logs and block pools.</summary>
internal sealed class ContentSteps(Conversation talk, CheckedPool pool)
{
    private const ulong LogDescriptor = 4096;
    private const ulong LogDescriptorSize = 80;
    private const ulong LogData = 8192;
    private const int BlockDescriptor = 4096;
    private const int BlockDescriptorSize = 104;

    // Stored when nothing stopped the check: a mend that is only half agreed to is none.
    private readonly List<(ulong Offset, byte[] Bytes)> _agreed = [];

    public IEnumerable<Pause> RunLog()
    {
        talk.Say("checking pmemlog header");
        if (!pool.TryRead(LogDescriptor, LogDescriptorSize, out byte[] bytes))
        {
            talk.Fail(CheckState.Error, "cannot read pmemlog structure");
            yield break;
        }

        ulong start = BitConverter.ToUInt64(bytes, 0);
        ulong end = BitConverter.ToUInt64(bytes, 8);
        ulong write = BitConverter.ToUInt64(bytes, 16);
        ulong size = (ulong)pool.Size;
        bool mayGoOn = start == LogData || talk.Ask(
            $"invalid pmemlog.start_offset: 0x{start:x}.|Do you want to set pmemlog.start_offset to default 0x{LogData:x}?", () => Store(0, LogData, $"setting pmemlog.start_offset to 0x{LogData:x}"));
        mayGoOn = mayGoOn && (end == size || talk.Ask(
            $"invalid pmemlog.end_offset: 0x{end:x}.|Do you want to set pmemlog.end_offset to 0x{size:x}?", () => Store(8, size, $"setting pmemlog.end_offset to 0x{size:x}")));
        mayGoOn = mayGoOn && ((write >= LogData && write <= size) || talk.Ask(
            $"invalid pmemlog.write_offset: 0x{write:x}.|Do you want to set pmemlog.write_offset to pmemlog.end_offset?", () => Store(16, size, "setting pmemlog.write_offset to pmemlog.end_offset")));
        if (!mayGoOn)
        {
            talk.State = CheckState.NotConsistent;
            talk.End();
            yield break;
        }

        if (talk.State is CheckState.Consistent or CheckState.Repaired)
            talk.Say("pmemlog header correct");
        if (talk.State == CheckState.AskQuestions)
            yield return default;
        talk.Carry();
    }

    public IEnumerable<Pause> RunBlocks()
    {
        talk.Say("checking pmemblk header");
        if (!pool.TryRead(BlockDescriptor, BlockDescriptorSize, out byte[] bytes))
        {
            talk.Fail(CheckState.Error, "cannot read pmemblk structure");
            yield break;
        }

        uint size = BitConverter.ToUInt32(bytes);
        pool.FirstInfo ??= pool.FindInfo(2 * BttLayout.Alignment)?.Info;
        if (pool.FirstInfo is { } info)
        {
            if (size != info.ExternalBlockSize)
                talk.Ask($"invalid pmemblk.bsize.|Do you want to set pmemblk.bsize to {info.ExternalBlockSize} from BTT Info?", () => StoreBlockSize(info.ExternalBlockSize));
        }
        else if (!pool.AreInfosZero && (size < BttFormat.Pmdk.MinimumInternalSize || size >= LargestBlock()))
        {
            talk.Fail(CheckState.CannotRepair, "invalid pmemblk.bsize");
            yield break;
        }

        if (talk.State is CheckState.Consistent or CheckState.Repaired)
            talk.Say("pmemblk header correct");
        if (talk.State == CheckState.AskQuestions)
            yield return default;
        talk.Carry();
    }

    /// <summary>Stores what was agreed to.</summary>
    public IEnumerable<Pause> RunWrite()
    {
        if (!talk.Request.ChangesNothing && !_agreed.TrueForAll(each => pool.TryWrite(each.Offset, each.Bytes)))
            talk.Fail(CheckState.CannotRepair, pool.Type == PoolTypes.Log ? "writing pmemlog structure failed" : "writing pmemblk structure failed");
        yield break;
    }

    private bool Store(ulong position, ulong value, string doing)
    {
        talk.Say(doing);
        _agreed.Add((LogDescriptor + position, BitConverter.GetBytes(value)));
        return true;
    }

    private bool StoreBlockSize(uint size)
    {
        talk.Say($"setting pmemblk.b_size to 0x{size:x}");
        _agreed.Add((BlockDescriptor, BitConverter.GetBytes(size)));
        return true;
    }

    /// <summary>The block size with which an arena of this pool would hold just twice the free blocks.</summary>
    private ulong LargestBlock()
    {
        const ulong Twice = 2 * BttLayout.DefaultFreeBlocks;
        const ulong Alignment = BttLayout.Alignment;
        ulong arena = Math.Min((ulong)pool.Size - BlockDescriptor - BlockDescriptorSize, BttLayout.MaximumArena);
        arena -= (2 * BttInfo.Size) + (ulong)BttLayout.FlogSize(BttLayout.DefaultFreeBlocks);
        ulong size = Math.Max(((arena - Alignment) / Twice) - BttLayout.MapEntrySize, (ulong)BttFormat.Pmdk.MinimumInternalSize);
        ulong unit = (ulong)BttFormat.Pmdk.InternalAlignment;
        return (uint)(((size + unit - 1) / unit * unit) - unit);
    }
}
