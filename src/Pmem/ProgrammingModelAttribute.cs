namespace Pmem;

/// <summary>How much of the SNIA NVM Programming Model an implementation must have.</summary>
public enum ModelRequirement
{
    /// <summary>Always.</summary>
    Mandatory,

    /// <summary>When the attribute that says so is true.</summary>
    MandatoryIfCapable,

    /// <summary>As it likes.</summary>
    Optional,
}

/// <summary>
/// Says that a member is an action or an attribute of the SNIA NVM Programming Model, version 1.2. The pages <c>docs/conformance-*.md</c> are made of these, and a test
/// holds for each element the behaviour that the model asks for.
/// </summary>
/// <param name="element">Its name, such as <c>NVM.BLOCK.ATOMIC_WRITE</c>.</param>
/// <param name="requirement">Whether the model demands it.</param>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Property, AllowMultiple = true, Inherited = false)]
public sealed class ProgrammingModelAttribute(string element, ModelRequirement requirement) : Attribute
{
    /// <summary>Name of the element.</summary>
    public string Element { get; } = element;

    /// <summary>Whether the model demands it.</summary>
    public ModelRequirement Requirement { get; } = requirement;
}

/// <summary>Says that an assembly leaves out an element of the model, and why.</summary>
/// <param name="element">Its name.</param>
/// <param name="requirement">Whether the model demands it.</param>
/// <param name="reason">Why it is left out.</param>
[AttributeUsage(AttributeTargets.Assembly, AllowMultiple = true)]
public sealed class ProgrammingModelOmissionAttribute(string element, ModelRequirement requirement, string reason) : Attribute
{
    /// <summary>Name of the element.</summary>
    public string Element { get; } = element;

    /// <summary>Whether the model demands it.</summary>
    public ModelRequirement Requirement { get; } = requirement;

    /// <summary>Why it is left out.</summary>
    public string Reason { get; } = reason;
}

/// <summary>The modes of the model.</summary>
[Flags]
public enum ProgrammingModes
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Blocks, for kernels and programs that know of them (chapter 7).</summary>
    Block = 1,

    /// <summary>Files on blocks (chapter 8).</summary>
    File = 2,

    /// <summary>Persistent memory, for kernels (chapter 9).</summary>
    PersistentMemoryVolume = 4,

    /// <summary>Files that are mapped (chapter 10).</summary>
    PersistentMemoryFile = 8,
}
