namespace Pmem.Tool.Persona.Ndctl;

/// <summary>An option of one of ndctl's commands.</summary>
/// <param name="Letter">Its letter; one for us alone when it is written with its name.</param>
/// <param name="Name">Its name.</param>
/// <param name="Help">What it does.</param>
/// <param name="Argument">What it takes; null for nothing.</param>
internal sealed record NdctlOption(char Letter, string Name, string Help, string? Argument = null)
{
    /// <summary>Whether it is written with its name alone.</summary>
    public bool IsLong { get; init; }

    /// <summary>Whether its argument is a number.</summary>
    public bool IsNumber { get; init; }
}
