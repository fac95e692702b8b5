using System.CommandLine;
using Pmem.Objects;
using Pmem.Tool.Platforms;

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
    public static Argument<string> FileArgument() => new("FILE") { Description = "The pool file, the pool set file, or a namespace of a virtual platform such as vm1:namespace0.0." };

    /// <summary>What a read-only verb says of a pool that needs recovery.</summary>
    public const string RecoveryPending =
        "Recovery is pending: the pool was not closed, or is open in another process. What is shown is what recovery will leave; 'pmem pool recover' recovers the file.";

    /// <summary>Opens an object pool; a failure names the file and says how to learn more.</summary>
    public static ObjectStore Open(string path, ObjectStoreOptions? options = null) => Named(path, () => ObjectStore.Open(path, options: options));

    /// <summary>Opens an object pool, of which not a byte is changed: a file, or a namespace of a virtual platform.</summary>
    public static ObjectStore OpenToRead(string path)
    {
        return NamespacePath.Parse(path) is { } space
            ? Named(path, () => ObjectStore.Open(space.Copy(), options: new ObjectStoreOptions { Arenas = 1 }))
            : Open(path, new ObjectStoreOptions { CopyOnWrite = true, Arenas = 1 });
    }

    /// <summary>Says in one sentence what is wrong with what was asked for.</summary>
    public static int Fail(string message)
    {
        Console.Error.WriteLine($"pmem: {message}");
        return Program.Failure;
    }

    /// <summary>JSON instead of text for people.</summary>
    public static Option<bool> JsonOption() => new("--json") { Description = "Print JSON (docs/formats/json.md) instead of text." };

    /// <summary>Does something with an object pool; a failure names the file and says how to learn more.</summary>
    public static T Named<T>(string path, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (PmemFormatException problem)
        {
            throw new PmemException($"{path}: {problem.Message}; 'pmem pool check' lists all problems", problem);
        }
    }
}
