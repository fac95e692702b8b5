using Pmem.CrashTesting.Traces;

#pragma warning disable MA0047 // the runtime looks for a type of this name outside all namespaces

/// <summary>
/// Loaded by the runtime before the program's <c>Main</c> when <c>DOTNET_STARTUP_HOOKS</c> names this assembly, as <c>pmem crash record</c> does.
/// </summary>
internal static class StartupHook
{
    /// <summary>Starts recording, if this process is one that uses persistent memory.</summary>
    public static void Initialize()
    {
        // Every .NET process below inherits the variable: compilers and the like have no Pmem to load, and are left alone.
        if (Environment.GetEnvironmentVariable(TraceFileSink.PathVariable) is not { Length: > 0 } path || !UsesPmem())
            return;
        try
        {
            TraceFileSink.Attach(path);
        }
        catch (Exception e) when (e is TypeLoadException or MissingMethodException or FileLoadException or FileNotFoundException)
        {
            Console.Error.WriteLine($"pmem crash record: the program's Pmem is of another version than this tool's, so nothing is recorded: {e.Message}");
        }
    }

    private static bool UsesPmem() =>
        AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") is string assemblies
        && assemblies.Split(Path.PathSeparator).Any(a => string.Equals(Path.GetFileName(a), "Pmem.dll", StringComparison.OrdinalIgnoreCase));
}
