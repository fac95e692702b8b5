using System.CommandLine;

namespace Pmem.Tool.Pool;

/// <summary><c>pmem pool</c>: pool files.</summary>
internal static class PoolCommand
{
    public static Command Create() =>
        new("pool", """
            Create, inspect, check and recover pool files.

            Examples:
              pmem pool create obj accounts.pool --size 64MiB --layout bank
              pmem pool info accounts.pool
              pmem pool check accounts.pool --json
              pmem pool objects accounts.pool
              pmem pool recover accounts.pool
            """)
        {
            CreateVerb.Create(),
            InfoVerb.Create(),
            CheckVerb.Create(),
            ObjectsVerb.Create(),
            RecoverVerb.Create(),
        };

    /// <summary>The pool file that most verbs take.</summary>
    public static Argument<string> FileArgument() => new("FILE") { Description = "The pool file." };

    /// <summary>JSON instead of text for people.</summary>
    public static Option<bool> JsonOption() => new("--json") { Description = "Print JSON (docs/formats/json.md) instead of text." };
}
