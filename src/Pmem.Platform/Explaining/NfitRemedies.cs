namespace Pmem.Platform.Explaining;

/// <summary>What to do about each finding of the NFIT lint.</summary>
public static class NfitRemedies
{
    private const string Build = "make the table anew: 'pmem nfit build'; of real firmware, ask its vendor for an update";

    private static readonly Dictionary<string, string> s_byRule = new(StringComparer.Ordinal)
    {
        ["nfit-checksum"] = "'pmem nfit build' seals a table; a table that was read from a machine was cut or damaged: read it again",
        ["nfit-trailing-bytes"] = "cut the file behind the table, or correct the length in its header",
        ["nfit-missing-adr"] = "give the SSDT a device with this _ADR below ACPI0012, or take the DIMM out of the table; on a running machine, module parameter nfit.force_enable_dimms",
        ["nfit-not-armed"] = "charge or replace the module's energy source; until then what is written is lost with the power",
        ["nfit-state-failed"] = "compare the data with a copy before it is trusted, and look at the module's health: 'pmem smart'",
        ["nfit-mapping-alignment"] = "give each mapping a size and a DIMM address that are multiples of 4096",
        ["nfit-spa-overlap"] = "give each range addresses of its own",
        ["nfit-spa-ram"] = "reserve the range in the memory map (type 7 or reserved), or move it",
        ["nfit-spa-alignment"] = "begin the range at a multiple of 2 MiB; until then use raw or sector namespaces",
        ["nfit-flush-partial"] = "give flush hints to all modules of the set, or to none",
        ["nfit-flush-inside"] = "point flush hints at registers, never into persistent memory",
        ["nfit-duplicate-identity"] = "give each module a serial number of its own",
        ["nfit-too-many-mappings"] = "make sets of at most 32 modules",
        ["nfit-spa-unmapped"] = "name the modules behind the range in region mappings, if there are any",
        ["nfit-dcr-zero"] = "give the module a control region with its identity, and name it in the mapping",
        ["nfit-dangling-dcr"] = "add the control region, or correct the index in the mapping",
        ["nfit-dangling-spa"] = "add the range, or correct the index in the mapping",
        ["nfit-dangling-idt"] = "add the interleave structure, or correct the index in the mapping",
        ["nfit-spa-unknown-guid"] = "none, if another system uses the range; else give it the type of persistent memory",
        ["nfit-proximity"] = "add the proximity domain to the SRAT, or correct the number",
        ["nfit-revision"] = "write revision 1",
        ["nfit-unknown-type"] = "none: a newer specification may know it",
        ["nfit-capabilities-eadr"] = "state both flushes, if the platform makes them",
    };

    /// <summary>The remedy for a rule of the lint.</summary>
    public static string For(string rule) => s_byRule.GetValueOrDefault(rule, Build);
}
