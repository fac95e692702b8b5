namespace Pmem.Tool.Persona.Ndctl;

/// <summary>A command of ndctl.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Usage">How it is written, behind <c>ndctl</c>.</param>
/// <param name="Options">Its options, in the order of its help.</param>
/// <param name="Run">Does it; returns the exit code.</param>
internal sealed record NdctlVerb(string Name, string Usage, IReadOnlyList<NdctlOption> Options, Func<NdctlArguments, int> Run);
