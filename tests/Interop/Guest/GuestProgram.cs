using System.Text.Json;
using Pmem.Emulation;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;

namespace Interop.Guest;

/// <summary>
/// Our program on a Linux that has persistent memory, beside PMDK's programs and ndctl: two devices (region0), a file system with DAX (region1), and room to make
/// namespaces in (region2). One boot for all tests.
/// </summary>
public sealed class GuestProgram : IDisposable
{
    internal const int DirtyShutdowns = 5;

    /// <summary>Sector of a pool file, in its heap, that is made bad.</summary>
    internal const int BadSectorOfFile = 8000;

    internal const string Devices = """
        A=/dev/dax0.0; B=/dev/dax0.1
        script() { obj_script $A 2>&1; }
        run obj.create pmem pool create obj $A --layout script --json
        run obj.theirs pmempool info $A
        run obj.their-check pmempool check -v $A
        printf 'open\nalloc 1 100 5\nalloc 2 3000 6\nbegin\nset 0 1000 7\ntalloc 3 200 2\ncrash\n' | run obj.crash script
        run obj.dirty pmem pool info $A --json
        run obj.dirty-check pmem pool check $A --json
        run obj.recover pmem pool recover $A --json
        run obj.check pmem pool check $A --json
        run obj.objects pmem pool objects $A --json
        printf 'open\ndump\nclose\n' | run obj.dump script
        run obj.dry-run pmem pool repair $A --dry-run --json
        run obj.again pmem pool create obj $A
        run obj.size pmem pool create obj $A --size 16MiB --force
        run obj.rm pmem pool rm $A
        run obj.node ls $A
        run theirs.create pmempool create obj --layout=theirs $A
        run theirs.info pmem pool info $A --json
        run theirs.check pmem pool check $A --json
        run log.create pmem pool create log $A --force --json
        printf 'open\nappend 5000 3\nclose\n' | run log.append log_script $A
        run log.info pmem pool info $A --json
        run log.their-check pmempool check $A
        run blk.create pmem pool create blk $A --bsize 512 --force --json
        printf 'open 512\nwrite 7 3\nzero 9\nclose\n' | run blk.write blk_script $A
        run blk.info pmem pool info $A --json
        run blk.check pmem pool check $A --json
        run blk.their-check pmempool check $A
        run blk.rm pmempool rm $A
        printf 'PMEMPOOLSET\nOPTION SINGLEHDR\nAUTO %s\nAUTO %s\n' $A $B >/tmp/two.set
        printf 'PMEMPOOLSET\nAUTO %s\nAUTO %s\n' $A $B >/tmp/wrong.set
        run set.create pmem pool create obj /tmp/two.set --layout both --json
        run set.their-check pmempool check -v /tmp/two.set
        run set.check pmem pool check /tmp/two.set --json
        run set.wrong pmem pool create obj /tmp/wrong.set
        run set.their-wrong pmempool create obj /tmp/wrong.set
        run set.rm pmem pool rm /tmp/two.set

        """;

    internal const string Copies = """
        tr '\0' 'x' </dev/zero | head -c 3000000 >/tmp/r; head -c 1500000 /dev/urandom >>/tmp/r
        same() { daxio -i $A -o /tmp/a -b no -l $length >/dev/null 2>&1; pmem io copy -i $B -o /tmp/b -l $length >/dev/null; cmp /tmp/a /tmp/b; rc=$?; rm -f /tmp/a /tmp/b; return $rc; }
        length=5242880
        both() { pmem io copy -o $A "$@" && daxio -o $B "$@" && same; }
        run copy.zero both -z
        run copy.whole both -i /tmp/r
        run copy.seek both -i /tmp/r -s 1049088 -l 70000
        run copy.skip both -i /tmp/r -k 2998765 -s 5000 -l 4097
        length=31457280
        run copy.zero-part both -z -s 100 -l 9999
        out() { pmem io copy -i $A -o /tmp/x -k 5000 -l 100000 && daxio -i $A -o /tmp/y -k 5000 -l 100000 && cmp /tmp/x /tmp/y; }
        run copy.out out
        run copy.room pmem io copy -i /tmp/r -o $A -s 31457281
        run copy.their-room daxio -i /tmp/r -o $B -s 31457281
        bad() { cat /sys/bus/nd/devices/region0/badblocks; }
        ndctl inject-error namespace0.0 -B 64 -n 2 >/dev/null 2>&1
        ndctl inject-error namespace0.1 -B 128 -n 2 >/dev/null 2>&1
        ndctl wait-scrub >/dev/null 2>&1
        run bad.before bad
        run bad.check pmem pool info $A
        run bad.dry-run pmem io copy -z -o $A -l 64K --dry-run --json
        run bad.left pmem io copy -z -o $A -l 64K -b no --json
        run bad.still bad
        run bad.clear pmem io copy -z -o $A -l 64K --json
        run bad.then bad
        run bad.theirs daxio -z -o $B -l 128K
        run bad.none bad
        run bad.once pmem_once io copy -i $A -o /dev/null -l 4K

        """;

    internal const string Files = """
        mkfs.ext4 -q -b 4096 /dev/pmem1 2>&1; mkdir -p /mnt/f; mount -o dax /dev/pmem1 /mnt/f || echo "cannot mount"
        F=/mnt/f/pool
        script() { obj_script $F 2>&1; }
        run file.create pmem pool create obj $F --layout script --size 16MiB --json
        printf 'open\nalloc 1 100 5\nbegin\nset 0 1000 7\ncrash\n' | run file.crash script
        run file.dirty pmem pool info $F --json
        run file.recover pmem pool recover $F --json
        printf 'open\ndump\nclose\n' | run file.dump script
        cp $F /dev/shm/pool
        run file.elsewhere pmem pool info /dev/shm/pool --json
        first=$(filefrag -e $F 2>/dev/null | awk '$1=="0:" { sub("\\.\\.", "", $4); print $4 }')
        run file.first echo $first
        ndctl inject-error namespace1.0 -B $((first * 8 + 8000)) -n 1 >/dev/null 2>&1; ndctl wait-scrub >/dev/null 2>&1
        run hurt.list cat /sys/block/pmem1/badblocks
        run hurt.info pmem pool info $F
        run hurt.check pmem pool check $F
        run hurt.objects pmem pool objects $F
        run hurt.recover pmem pool recover $F
        echo open >/tmp/open; run hurt.theirs script </tmp/open
        run hurt.copy pmem io copy -i $F -o /dev/shm/copy
        run hurt.heal pmem io copy -i /dev/shm/pool -o $F --json
        run hurt.healed cat /sys/block/pmem1/badblocks
        run hurt.well pmem pool check $F

        """;

    internal const string Namespaces = """
        theirs() { ndctl list -N -r region2 -c; }
        last() { ndctl list -N -r region2 -c | sed -n 's/.*"dev":"\(namespace[^"]*\)".*/\1/p'; }
        run smart pmem smart nmem0 --json
        run their-smart ndctl list -DH -d nmem0
        run dimms pmem dimm show
        run scrub.before pmem scrub status --json
        run scrub.start pmem scrub start --json
        run scrub.wait pmem scrub wait --json
        run scrub.after cat /sys/bus/nd/devices/ndbus0/nfit/scrub
        run space.create pmem namespace create --region region2 --mode fsdax --size 32MiB --name ours --json
        run space.create.theirs theirs
        run space.sector pmem namespace reconfigure $(last) --mode sector --force --json
        run space.sector.theirs theirs
        run space.devdax pmem namespace reconfigure $(last) --mode devdax --force --json
        run space.devdax.theirs theirs
        run space.raw pmem namespace reconfigure $(last) --mode raw --force --json
        run space.raw.theirs theirs
        run space.disable pmem namespace disable $(last) --json
        run space.disable.theirs theirs
        run space.enable pmem namespace enable $(last) --json
        run space.enable.theirs theirs
        run space.destroy pmem namespace destroy $(last) --force --json
        run space.destroy.theirs theirs
        run inject.busy pmem namespace clear-errors namespace1.0
        umount /mnt/f
        run inject pmem inject-error namespace1.0 --block 70000 --count 1 --json
        ndctl wait-scrub >/dev/null
        run inject.ours pmem list -M -n namespace1.0
        run inject.theirs ndctl list -M -n namespace1.0
        run inject.clear pmem namespace clear-errors namespace1.0 --json
        run inject.cleared cat /sys/block/pmem1/badblocks
        run capture.list ndctl list -DR
        run capture pmem capture -o /tmp/capture --json
        run capture.bytes sh -c "gzip -c /tmp/capture | base64"
        run explain pmem explain --json
        run explain.theirs ndctl list -N

        """;

    internal static readonly string[] Lists = ["-BDRN", "-DH", "-M", "-X", "-RNi", "-C", "-vvvu"];

    private readonly string _folder = Peers.NewFolder();
    private readonly Lazy<IReadOnlyDictionary<string, string>> _sections;

    public GuestProgram() => _sections = new(Boot);

    /// <summary>What the guest printed. It is booted when a test asks for it, so that tests are skipped where the peers are missing.</summary>
    internal IReadOnlyDictionary<string, string> Sections => _sections.Value;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Exit code and output of a command.</summary>
    internal (int Code, string Text) Answer(string section)
    {
        string all = Sections[section].TrimEnd();
        int last = all.LastIndexOf('\n');
        string line = all[(last + 1)..];
        Assert.StartsWith("exit ", line, StringComparison.Ordinal);
        return (int.Parse(line["exit ".Length..], System.Globalization.CultureInfo.InvariantCulture), last < 0 ? string.Empty : all[..last]);
    }

    /// <summary>Output of a command that ended with a code.</summary>
    internal string Text(string section, int code = 0)
    {
        (int its, string text) = Answer(section);
        Assert.True(its == code, $"{section} ended with {its}, not {code}: {text}");
        return text;
    }

    /// <summary>JSON that a command printed.</summary>
    internal JsonElement Json(string section, int code = 0)
    {
        using var document = JsonDocument.Parse(Text(section, code));
        return document.RootElement.Clone();
    }

    private IReadOnlyDictionary<string, string> Boot()
    {
        using VirtualPlatform made = VirtualPlatform.Create(Path.Combine(_folder, "vm"), new VirtualPlatformOptions { Dimms = 3, Capacity = 96 << 20, FlushHints = 2 });
        made.Inject(0, dimm => dimm with { DirtyShutdowns = DirtyShutdowns, Spares = 20, MediaTemperature = 41.5, SparesThreshold = 30 });
        foreach ((string region, NamespaceMode mode, ulong size) in ((string, NamespaceMode, ulong)[])[("region0", NamespaceMode.Devdax, 32), ("region0", NamespaceMode.Devdax, 32), ("region1", NamespaceMode.Fsdax, 64)])
            made.Platform.CreateNamespace(new NamespaceRequest { Region = region, Mode = mode, Size = size << 20 }).Demand();
        string lists = string.Concat(Lists.Select((options, i) => $"run list{i}.ours pmem list {options}\nrun list{i}.theirs ndctl list {options}\n"));
        return GuestTool.Run(made, Devices + Copies + Files + lists + Namespaces).Sections;
    }
}
