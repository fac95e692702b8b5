using System.CommandLine;
using Pmem.Objects;

namespace Pmem.Tool.Pool;

/// <summary><c>pmem pool</c>: pool files.</summary>
internal static class PoolCommand
{
    public static Command Create() =>
        new("pool", """
            Create, inspect, check, repair, dump and recover pool files.

            Examples:
              pmem pool create obj accounts.pool --size 64MiB --layout bank
              pmem pool info accounts.pool
              pmem pool check accounts.pool --json
              pmem pool objects accounts.pool
              pmem pool recover accounts.pool
              pmem pool repair accounts.pool --backup accounts.before
              pmem pool dump events.pool
              pmem pool sync accounts.set --dry-run
              pmem pool transform accounts.set replicated.set
            """)
        {
            CreateVerb.Create(),
            InfoVerb.Create(),
            CheckVerb.Create(),
            ObjectsVerb.Create(),
            RecoverVerb.Create(),
            RepairVerb.Create(),
            DumpVerb.Create(),
            FeatureVerb.Create(),
            ResizeVerb.Create(),
            RemoveVerb.Create(),
            ConvertVerb.Create(),
            CopyVerb.Create(),
            SyncVerb.Create(),
            TransformVerb.Create(),
        };

    /// <summary>The pool file that most verbs take.</summary>
    public static Argument<string> FileArgument() => new("FILE") { Description = "The pool file, or the pool set file." };

    /// <summary>What a read-only verb says of a pool that needs recovery.</summary>
    public const string RecoveryPending =
        "Recovery is pending: the pool was not closed, or is open in another process. What is shown is what recovery will leave; 'pmem pool recover' recovers the file.";

    /// <summary>Opens an object pool; a failure names the file and says how to learn more.</summary>
    public static ObjectStore Open(string path, ObjectStoreOptions? options = null)
    {
        try
        {
            return ObjectStore.Open(path, options: options);
        }
        catch (PmemFormatException problem)
        {
            throw new PmemException($"{path}: {problem.Message}; 'pmem pool check' lists all problems", problem);
        }
    }

    /// <summary>Says in one sentence what is wrong with what was asked for.</summary>
    public static int Fail(string message)
    {
        Console.Error.WriteLine($"pmem: {message}");
        return Program.Failure;
    }

    /// <summary>JSON instead of text for people.</summary>
    public static Option<bool> JsonOption() => new("--json") { Description = "Print JSON (docs/formats/json.md) instead of text." };
}
