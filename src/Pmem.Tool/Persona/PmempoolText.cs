namespace Pmem.Tool.Persona;

/// <summary>The help of pmempool 1.12.1, word for word: scripts and people compare it.</summary>
internal static class PmempoolText
{
    public const string Usage = "usage: pmempool [--version] [--help] <command> [<args>]";

    public const string Help = """
        usage: pmempool [--version] [--help] <command> [<args>]
        pmempool 1.12.1

        Options:
          -V, --version        display version
          -h, --help           display this help and exit

        The available commands are:
        info		- print information and statistics about a pool
        create		- create a pool
        dump		- dump user data from a pool
        check		- check consistency of a pool
        rm		- remove pool or poolset
        convert		- perform pool layout conversion
        sync		- synchronize data between replicas
        transform	- modify internal structure of a poolset
        feature		- toggle / query pool features
        help		- print help text about a command

        For complete documentation see pmempool(1) manual page.

        """;

    public const string Info = """
        Usage: pmempool info [<args>] <file>
        pmempool 1.12.1
        Show information about pmem pool from specified file.

        Common options:
          -h, --help                      Print this help and exit.
          -V, --version                   Print version and exit.
          -v, --verbose                   Increase verbisity level.
          -f, --force blk|log|obj|btt     Force parsing a pool of specified type.
          -n, --human                     Print sizes in human readable format.
          -x, --headers-hex               Hexdump all headers.
          -d, --data                      Dump log data and blocks.
          -s, --stats                     Print statistics.
          -r, --range <range>             Range of blocks/chunks/objects.
          -k, --bad-blocks=<yes|no>       Print bad blocks.

        Options for PMEMLOG:
          -w, --walk <size>               Chunk size.

        Options for PMEMBLK:
          -m, --map                       Print BTT Map entries.
          -g, --flog                      Print BTT FLOG entries.
          -B, --backup                    Print BTT Info header backup.
          -z, --skip-zeros                Skip blocks marked with zero flag.
          -e, --skip-error                Skip blocks marked with error flag.
          -u, --skip-no-flag              Skip blocks not marked with any flag.

        Options for PMEMOBJ:
          -l, --lanes [<range>]           Print lanes from specified range.
          -R, --recovery                  Print only lanes which need recovery.
          -S, --section tx,allocator,list Print only specified sections.
          -O, --object-store              Print object store.
          -t, --types <range>             Specify objects' type numbers range.
          -E, --no-empty                  Print only non-empty object store lists.
          -o, --root                      Print root object information
          -A, --alloc-header              Print allocation header for objects in
                                          object store.
          -a, --oob-header                Print OOB header
          -H, --heap                      Print heap header.
          -Z, --zones [<range>]           Print zones header. If range is specified
                                          and --object|-O option is specified prints
                                          objects from specified zones only.
          -C, --chunks [<range>]          Print zones header. If range is specified
                                          and --object|-O option is specified prints
                                          objects from specified zones only.
          -T, --chunk-type used,free,run,footer
                                          Print only specified type(s) of chunk.
                                          [requires --chunks|-C]
          -b, --bitmap                    Print chunk run's bitmap in graphical
                                          format. [requires --chunks|-C]
          -p, --replica <num>             Print info from specified replica
        For complete documentation see pmempool-info(1) manual page.

        """;

    public const string Create = """
        Usage: pmempool create [<args>] <blk|log|obj> [<bsize>] <file>
        pmempool 1.12.1
        Create pmem pool of specified size, type and name

        Common options:
          -s, --size  <size>   size of pool
          -M, --max-size       use maximum available space on file system
          -m, --mode <octal>   set permissions to <octal> (the default is 0664)
          -i, --inherit <file> take required parameters from specified pool file
          -b, --clear-bad-blocks clear bad blocks in existing files
          -f, --force          remove the pool first
          -v, --verbose        increase verbosity level
          -h, --help           display this help and exit

        Options for PMEMBLK:
          -w, --write-layout force writing the BTT layout

        Options for PMEMOBJ:
          -l, --layout <name>  layout name stored in pool's header

        For complete documentation see pmempool-create(1) manual page.

        """;

    public const string Dump = """
        Usage: pmempool dump [<args>] <file>
        pmempool 1.12.1
        Dump user data from pool

        Available options:
          -o, --output <file>  output file name
          -b, --binary         dump data in binary format
          -r, --range <range>  range of bytes/blocks/data chunks
          -c, --chunk <size>   size of chunk for PMEMLOG pool
          -h, --help           display this help and exit

        For complete documentation see pmempool-dump(1) manual page.

        """;

    public const string Check = """
        Usage: pmempool check [<args>] <file>
        pmempool 1.12.1
        Check consistency of a pool

        Common options:
          -r, --repair         try to repair a pool file if possible
          -y, --yes            answer yes to all questions
          -d, --dry-run        don't execute, just show what would be done
          -b, --backup <file>  create backup of a pool file before executing
          -a, --advanced       perform advanced repairs
          -q, --quiet          be quiet and don't print any messages
          -v, --verbose        increase verbosity level
          -h, --help           display this help and exit

        For complete documentation see pmempool-check(1) manual page.

        """;

    public const string Remove = """
        Usage: pmempool rm [<args>] <files>
        Remove pool file or all files from poolset

        Available options:
          -h, --help           Print this help message.
          -v, --verbose        Be verbose.
          -s, --only-pools     Remove only pool files (default).
          -a, --all            Remove all poolset files - local and remote.
          -l, --local          Remove local poolset files
          -r, --remote         Remove remote poolset files
          -f, --force          Ignore nonexisting files.
          -i, --interactive    Prompt before every single removal.

        For complete documentation see pmempool-rm(1) manual page.

        """;

    public const string Feature = """
        Usage: pmempool feature [<args>] <file>
        feature: SINGLEHDR, CKSUM_2K, SHUTDOWN_STATE, CHECK_BAD_BLOCKS
        pmempool 1.12.1
        Toggle or query a pool feature

        For complete documentation see pmempool-feature(1) manual page.

        """;

    public const string HelpHelp = "Usage: pmempool help <command>\n";

    public const string Sync = """
        usage: pmempool sync [<options>] <poolset_file>
        pmempool 1.12.1
        Check consistency of a pool

        Common options:
          -b, --bad-blocks     fix bad blocks - it requires creating or reading special recovery files
          -d, --dry-run        do not apply changes, only check for viability of synchronization
          -v, --verbose        increase verbosity level
          -h, --help           display this help and exit

        For complete documentation see pmempool-sync(1) manual page.

        """;

    public const string Transform = """
        usage: pmempool transform [<options>] <poolset_file_src> <poolset_file_dst>
        pmempool 1.12.1
        Modify internal structure of a poolset

        Common options:
          -d, --dry-run        do not apply changes, only check for viability of transformation
          -v, --verbose        increase verbosity level
          -h, --help           display this help and exit

        For complete documentation see pmempool-transform(1) manual page.

        """;
}
