using System.Reflection;
using System.Text;
using Pmem.Blocks;
using Pmem.Platform.Model;

namespace Pmem.Platform.Tests.Model;

/// <summary>docs/conformance-platform.md is what the attributes on members and the traits of tests give; PMEM_UPDATE_PAGES=1 writes it.</summary>
public sealed class ConformancePageTests
{
    private const string Page = "docs/conformance-platform.md";

    /// <summary>Every element of the modes, so that none is forgotten.</summary>
    private static readonly string[] s_elements =
    [
        "NVM.BLOCK.ALLOCATION_BLOCK_SIZE", "NVM.BLOCK.ATOMIC_MULTIWRITE", "NVM.BLOCK.ATOMIC_MULTIWRITE_CAPABLE", "NVM.BLOCK.ATOMIC_MULTIWRITE_LENGTH_GRANULARITY",
        "NVM.BLOCK.ATOMIC_MULTIWRITE_MAX_DATA_LENGTH", "NVM.BLOCK.ATOMIC_MULTIWRITE_MAX_IOS", "NVM.BLOCK.ATOMIC_MULTIWRITE_STARTING_ADDRESS_GRANULARITY",
        "NVM.BLOCK.ATOMIC_WRITE", "NVM.BLOCK.ATOMIC_WRITE_CAPABLE", "NVM.BLOCK.ATOMIC_WRITE_LENGTH_GRANULARITY", "NVM.BLOCK.ATOMIC_WRITE_MAX_DATA_LENGTH",
        "NVM.BLOCK.ATOMIC_WRITE_STARTING_ADDRESS_GRANULARITY", "NVM.BLOCK.DISCARD_IF_YOU_CAN", "NVM.BLOCK.DISCARD_IF_YOU_CAN_CAPABLE", "NVM.BLOCK.DISCARD_IMMEDIATELY",
        "NVM.BLOCK.DISCARD_IMMEDIATELY_CAPABLE", "NVM.BLOCK.DISCARD_IMMEDIATELY_RETURNS", "NVM.BLOCK.EXISTS", "NVM.BLOCK.EXISTS_CAPABLE",
        "NVM.BLOCK.FUNDAMENTAL_BLOCK_SIZE", "NVM.BLOCK.GET_ATTRIBUTE", "NVM.BLOCK.LOGICAL_BLOCK_SIZE", "NVM.BLOCK.PERFORMANCE_BLOCK_SIZE", "NVM.BLOCK.SCAR",
        "NVM.BLOCK.SCAR_CAPABLE", "NVM.BLOCK.WRITE_ATOMICITY_UNIT", "NVM.COMMON.FILE_MODE", "NVM.COMMON.SET_ATTRIBUTE", "NVM.COMMON.SUPPORTED_MODES",
        "NVM.PM.VOLUME.DISCARD_IF_YOU_CAN", "NVM.PM.VOLUME.DISCARD_IF_YOU_CAN_CAPABLE", "NVM.PM.VOLUME.DISCARD_IMMEDIATELY", "NVM.PM.VOLUME.DISCARD_IMMEDIATELY_CAPABLE",
        "NVM.PM.VOLUME.DISCARD_IMMEDIATELY_RETURNS", "NVM.PM.VOLUME.EXISTS", "NVM.PM.VOLUME.EXISTS_CAPABLE", "NVM.PM.VOLUME.FUNDAMENTAL_ERROR_RANGE",
        "NVM.PM.VOLUME.FUNDAMENTAL_ERROR_RANGE_OFFSET", "NVM.PM.VOLUME.GET_RANGESET", "NVM.PM.VOLUME.INTERRUPTED_STORE_ATOMICITY", "NVM.PM.VOLUME.PHYSICAL_ADDRESS_SYNC",
        "NVM.PM.VOLUME.VIRTUAL_ADDRESS_SYNC", "NVM.PM.VOLUME.VOLUME_SIZE",
    ];

    private static readonly (string Mode, string Title)[] s_modes =
    [
        ("NVM.COMMON.", "All modes"), ("NVM.BLOCK.", "NVM.BLOCK (chapter 7): `IBlockDevice`"), ("NVM.PM.VOLUME.", "NVM.PM.VOLUME (chapter 9): `PersistentMemoryVolume`"),
    ];

    [Fact]
    public void Every_element_is_offered_or_left_out_with_a_reason_and_none_twice()
    {
        string[] known = [.. Offered().Select(element => element.Name), .. Omitted().Select(omission => omission.Element)];
        Assert.Equal(s_elements, known.Order(StringComparer.Ordinal));
        Assert.All(Omitted(), omission => Assert.NotEqual(ModelRequirement.Mandatory, omission.Requirement));
        Assert.All(Omitted(), omission => Assert.NotEmpty(omission.Reason));
    }

    [Fact]
    public void Every_element_that_is_offered_has_a_test_and_every_test_is_of_one()
    {
        ILookup<string, string> tests = Tests();
        string[] offered = [.. Offered().Select(element => element.Name).Order(StringComparer.Ordinal)];
        Assert.Equal(offered, tests.Select(test => test.Key).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_page_is_what_the_attributes_give()
    {
        string? root = AppContext.BaseDirectory;
        while (root is not null && !File.Exists(Path.Combine(root, "Pmem.slnx")))
            root = Path.GetDirectoryName(root);
        string path = Path.Combine(root!, Page);
        string page = Generate();
        if (Environment.GetEnvironmentVariable("PMEM_UPDATE_PAGES") == "1")
            File.WriteAllText(path, page);
        Assert.True(File.Exists(path) && File.ReadAllText(path) == page, $"{Page} is not what the attributes give: run this test with PMEM_UPDATE_PAGES=1");
    }

    private static string Generate()
    {
        var text = new StringBuilder("""
            # The platform and the SNIA NVM Programming Model

            Which elements of the SNIA NVM Programming Model, version 1.2 (19 June 2017), namespaces offer, by which member, and the test that holds each. The page is made
            from the attributes on members and the traits of tests; a test compares. Names and requirements are put together from secondary sources: before a claim of
            conformance they are to be checked against the published text.

            """);
        ILookup<string, string> tests = Tests();
        Dictionary<string, (string Member, ModelRequirement Requirement)> offered = Offered().ToDictionary(element => element.Name, element => (element.Member, element.Requirement), StringComparer.Ordinal);
        Dictionary<string, ProgrammingModelOmissionAttribute> omitted = Omitted().ToDictionary(omission => omission.Element, StringComparer.Ordinal);
        foreach ((string mode, string title) in s_modes)
        {
            text.Append($"\n## {title}\n\n| element | requirement | member, or why it is left out | test |\n|---|---|---|---|\n");
            foreach (string name in s_elements.Where(name => name.StartsWith(mode, StringComparison.Ordinal)))
            {
                (string member, ModelRequirement requirement, string test) = offered.TryGetValue(name, out (string Member, ModelRequirement Requirement) element)
                    ? ($"`{element.Member}`", element.Requirement, $"`{string.Join("`, `", tests[name])}`")
                    : (omitted[name].Reason, omitted[name].Requirement, string.Empty);
                string level = requirement switch
                {
                    ModelRequirement.Mandatory => "mandatory",
                    ModelRequirement.MandatoryIfCapable => "if capable",
                    _ => "optional",
                };
                text.Append($"| {name[mode.Length..]} | {level} | {member} | {test} |\n".Replace("|  |", "| |", StringComparison.Ordinal));
            }
        }

        return text.ToString().ReplaceLineEndings("\n");
    }

    private static IEnumerable<(string Name, string Member, ModelRequirement Requirement)> Offered() =>
        ((Assembly[])[typeof(IBlockDevice).Assembly, typeof(IPlatform).Assembly]).SelectMany(assembly => assembly.GetExportedTypes())
            .SelectMany(type => type.GetMembers(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly))
            .SelectMany(member => member.GetCustomAttributes<ProgrammingModelAttribute>().Select(element => (element.Element, $"{member.DeclaringType!.Name}.{member.Name}", element.Requirement)));

    private static ProgrammingModelOmissionAttribute[] Omitted() => [.. typeof(IPlatform).Assembly.GetCustomAttributes<ProgrammingModelOmissionAttribute>()];

    private static ILookup<string, string> Tests() => typeof(ConformanceTests).GetMethods()
        .Where(method => method.GetCustomAttributes<FactAttribute>().Any())
        .SelectMany(method => method.GetCustomAttributes<TraitAttribute>().Where(trait => trait.Name == "Snia").Select(trait => (trait.Value, $"{nameof(ConformanceTests)}.{method.Name}")))
        .ToLookup(pair => pair.Value, pair => pair.Item2, StringComparer.Ordinal);
}
