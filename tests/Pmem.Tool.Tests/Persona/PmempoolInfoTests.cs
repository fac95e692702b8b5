using Pmem.Objects;

namespace Pmem.Tool.Tests.Persona;

/// <summary>'pmempool info' and 'pmempool dump' print byte for byte what pmempool 1.12.1 prints, with every option, on every kind of pool.</summary>
public sealed class PmempoolInfoTests : IDisposable
{
    private readonly PoolFixture _pools = new();

    public void Dispose() => _pools.Dispose();

    [Fact]
    public void An_object_pool_with_every_option()
    {
        PersonaPools.Objects(_pools.File("a.pool"));
        PersonaComparison.Same(
            _pools.File("a.pool"), "info @", "info -v @", "info -x @", "info -n @", "info -s @", "info -s -n @", "info -s -t 1-3,77 @", "info -l -r 0-3 @", "info -l -R @",
            "info -O @", "info -O -r 3-5,7,100- @", "info -O -A -a -t 77-79 @", "info -O -A -E @", "info -d -O -r 1-3 @", "info -O -d -A -t 77 @", "info -o @", "info -o -A -a @", "info -o -d @",
            "info -H @", "info -H -x @", "info -H -Z -x @", "info -H -Z -C -b @", "info -H -C -r 0-3 -x @", "info -H -C -T run,footer @", "info -H -C -T footer @", "info -H -C -T used -s @",
            "info -H -Z -r 1 @", "info -s -C -r 5- @", "info -s -Z -r 3 @", "info -vxslHZCbOAao @", "info --stats --human --heap --zones --chunks @", "info --object-store --range=10-20 --types=2 @",
            "info --root --alloc-header --oob-header --data @", "info -k no @", "info -k yes @", "info --bad-blocks=yes @", "info -f obj @", "info -p 0 @", "info -p 1 @", "info -O -t 5 -r 0-50 -s @");
    }

    [Fact]
    public void An_object_pool_that_crashed_in_a_transaction()
    {
        string path = _pools.Crashed();
        PersonaComparison.Same(
            path, "info @", "info -v @", "info -l @", "info -l -R @", "info -l -n -r 0-2,1020- @", "info -l -r 1000-,0 @", "info -l -r 5K- @", "info -s -H -C -b -O -A @", "info --lanes --recovery -n @", "info -vxslHZCbOAao @");
    }

    [Fact]
    public void A_log_with_every_option()
    {
        PersonaPools.Log(_pools.File("a.log"));
        PersonaComparison.Same(
            _pools.File("a.log"), "info @", "info -x -d @", "info -v -x @", "info -d -r 5-20,100-300 @", "info -d -r 0-99,4000- @", "info -d -r 20-5 @", "info -d -r 1K-2KiB,3kB @", "info -d -w 100 @",
            "info -d -w 100 -r 3-7,20 @", "info -d -w 100000 @", "info -w 0 @", "info -s @", "info -s -n @", "info -d -w bogus @", "info -d -w 50x -r 0 @", "info --walk=1000 --data --headers-hex @", "info -r 3 @",
            "info -f log -d -r -10 @", "info -k yes @", "info -O @",
            "dump @", "dump -c 100 @", "dump -c 100 -r 3-7 @", "dump -c 100 -r 0,50- @", "dump -c 100 -r 54 @", "dump -c 100 -r 53 @", "dump -c 100 -r 54- @", "dump -r 10-200,3000-3100 @", "dump -b -r 10-200,3000-3100 @", "dump -b -c 7 -r 0-100 @",
            "dump -r 99999 @", "dump -r 99999- @", "dump -r 20-10 @", "dump -r 1K-2KiB @", "dump -r 5-,3 @", "dump -r 1-5,3-9,40,20 @", "dump -r bogus @", "dump -r -@", "dump -r 5- @ -c 2000", "dump -c 7000 @", "dump -c -3 @", "dump -c bogus @", "dump -x @", "dump -c", "dump -o @/x @");
    }

    [Fact]
    public void A_block_pool_with_every_option()
    {
        PersonaPools.Blocks(_pools.File("a.blk"));
        PersonaComparison.Same(
            _pools.File("a.blk"), "info @", "info -n @", "info -vxmgsB @ -r 0-20,40000", "info -d -r 0-10,40000 @", "info -d -r 40000,9,3 -u @", "info -d -u @ -r 0-100", "info -d -z -e @", "info -m -z @", "info -m -e -u @", "info -m -z -e -u -s @",
            "info -s @", "info -s -n @", "info -g @", "info -m @ -r 40300-50000", "info -m @ -r 99999999", "info --map --flog --backup --stats --range=5-9 --skip-zeros --skip-error --skip-no-flag @", "info -z @", "info -r 1 @", "info -w 5 @", "info -f blk @", "info -f btt @", "info -f log @", "info -f obj @",
            "dump -r 3-9,40000 @", "dump -r 3 @", "dump -b -r 3,5,7 @", "dump -r 9 @", "dump -r 99999999 @", "dump -r 40310- @", "dump -c 3 @", "dump -r 5-3 @");
    }

    [Fact]
    public void A_bare_table_with_every_option()
    {
        PersonaPools.Bare(_pools.File("a.btt"));
        PersonaComparison.Same(
            _pools.File("a.btt"), "info @", "info -n -s @", "info -x -B @", "info -m -r 0-20 @", "info -d -r 0-8 @", "info -g @", "info -dmgsB -u @ -r 0-50", "info -m -r 40000 -z @", "info -f btt @", "info -f blk @", "info -l @", "info -o @", "dump @");
    }

    [Fact]
    public void A_set_its_replicas_and_its_parts()
    {
        string folder = _pools.File("sets");
        Directory.CreateDirectory(folder);
        Write(folder, "a.set", "PMEMPOOLSET", "8M @/a0", "8M @/a1", "REPLICA", "10M @/b0", "8M @/b1");
        Write(folder, "s.set", "PMEMPOOLSET", "OPTION SINGLEHDR", "8M @/s0", "9M @/s1");
        Write(folder, "l.set", "PMEMPOOLSET", "8M @/l0", "8M @/l1");
        Write(folder, "wrong.set", "PMEMPOOLSET", "8M relative");
        Write(folder, "absent.set", "PMEMPOOLSET", "8M @/absent0");
        Directory.CreateDirectory(Path.Combine(folder, "d0"));
        Write(folder, "d.set", "PMEMPOOLSET", "OPTION SINGLEHDR", "100M @/d0");
        foreach (string command in (string[])["create -l set obj @/a.set", "create obj @/s.set", "create log @/l.set", "create obj @/d.set"])
            Assert.Equal(0, PersonaComparison.Real([.. command.Replace("@", folder, StringComparison.Ordinal).Split(' ')]).ExitCode);
        using (ObjectStore store = ObjectStore.Open(Path.Combine(folder, "a.set")))
            store.Allocate(1000, 5);
        PersonaComparison.Same(
            folder, "info @/a.set", "info -v -n @/a.set", "info -s -H -C -b -Z @/a.set", "info -O -A @/a.set", "info -x @/a.set", "info -p 1 @/a.set", "info -p 1 -s -O @/a.set", "info -p 2 @/a.set", "info -p x @/a.set", "info -p -1 @/a.set", "info -f obj @/a.set", "info -k yes @/a.set",
            "info @/a0", "info @/a1", "info -x @/a1", "info @/b0", "info @/b1", "info -s @/s.set", "info @/s0", "info -H @/s.set", "info -s -d @/l.set", "info @/l0", "info @/d.set", "info -n -s @/d.set",
            "info @/wrong.set", "info @/absent.set", "dump @/a.set", "dump @/l.set", "dump -c 3 @/wrong.set", "dump @/absent.set", "dump @/a1");
    }

    [Fact]
    public void Files_that_are_no_pools_and_options_that_are_none()
    {
        string folder = _pools.File("odd");
        Directory.CreateDirectory(folder);
        File.WriteAllBytes(Path.Combine(folder, "empty"), []);
        File.WriteAllBytes(Path.Combine(folder, "short"), new byte[100]);
        File.WriteAllBytes(Path.Combine(folder, "zeros"), new byte[9000]);
        byte[] noise = new byte[20_000];
        new Random(7).NextBytes(noise);
        File.WriteAllBytes(Path.Combine(folder, "noise"), noise);
        PersonaComparison.Same(
            folder, "info @/empty", "info @/short", "info @/zeros", "info @/noise", "info @/absent", "info @", "info -f btt @/zeros", "info -f log @/absent", "dump @/empty", "dump @/short", "dump @/zeros", "dump -b @/zeros", "dump -r 3 @/noise", "dump @/absent",
            "info --h", "info --foo=3 x", "info --ver", "info --version", "info -hQ", "info -Qh", "info -V", "info --range", "info -r", "info -r bogus x", "info -r 5-x x", "info -r 3,,4 x", "info -t bogus x", "info -T bogus x", "info -T used,free,x x", "info -T unknown x", "info -k maybe x", "info -f bogus x", "info --verbose=3 x", "info -n", "info -p 5x x",
            "convert", "convert x", "convert -h", "help convert", "help info", "help sync", "help transform", "help help", "help", "sync", "sync x", "sync -h", "sync -q", "sync --dry", "transform", "transform a", "transform a b", "transform -h", "transform -q", "-x", "--bogus", "--version");
    }

    private static void Write(string folder, string name, params string[] lines) =>
        File.WriteAllText(Path.Combine(folder, name), string.Concat(lines.Select(line => line.Replace("@", folder, StringComparison.Ordinal) + "\n")));
}
