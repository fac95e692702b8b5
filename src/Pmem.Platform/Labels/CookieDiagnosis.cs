using System.Globalization;

namespace Pmem.Platform.Labels;

/// <summary>Finds out of which other set a label's cookie is: the same DIMMs in another order, one of them alone, a slot of QEMU's, or DIMMs that are not here.</summary>
internal static class CookieDiagnosis
{
    // Of more ways only swaps of two DIMMs and rotations are tried: a set of sixteen has more orders than anybody waits for.
    private const int MostPermuted = 6;
    private const uint QemuSerial = 0x123456;
    private const ushort QemuVendor = 0x8086;
    private const int QemuSlots = 256;

    /// <summary>The DIMMs are those of the set, in another order.</summary>
    public const string Reordered = "the DIMMs of the set were reordered";

    /// <summary>What became of the DIMMs, as far as the cookie tells.</summary>
    public static string Explain(ulong cookie, LabelFormat? format, RegionDescription region)
    {
        InterleaveSetMember[] members = [.. region.Mappings.Select(mapping => mapping.Member)];
        if (format != LabelFormat.Efi11 && region.Cookie.Version12 != cookie && region.Cookie.Version11 == cookie)
            return "it is the set's cookie for labels of version 1.1";
        if (Orders(members.Length).Any(order => Compute(members, order, format) == cookie))
            return Reordered;
        for (int i = 0; members.Length > 1 && i < members.Length; i++)
        {
            if (InterleaveSetCookie.Compute([members[i] with { RegionOffset = 0 }]).For(format) == cookie)
                return $"it is that of mapping {i} alone: the DIMM was moved here, or was a region of its own before";
        }

        for (uint slot = 0; slot < QemuSlots; slot++)
        {
            if (InterleaveSetCookie.Compute([new InterleaveSetMember(0, QemuSerial + slot, QemuVendor, 0, 0)]).For(format) == cookie)
                return string.Create(CultureInfo.InvariantCulture, $"it is that of QEMU's nvdimm slot {slot}: the DIMM was moved");
        }

        return "a DIMM was replaced, or came from another set";
    }

    private static ulong Compute(InterleaveSetMember[] members, int[] order, LabelFormat? format) =>
        InterleaveSetCookie.Compute([.. members.Select((member, i) => member with { RegionOffset = members[order[i]].RegionOffset })]).For(format);

    private static IEnumerable<int[]> Orders(int count)
    {
        int[] identity = [.. Enumerable.Range(0, count)];
        if (count <= MostPermuted)
            return Permutations(identity, 0);
        IEnumerable<int[]> rotated = identity.Select(by => identity.Select(i => (i + by) % count).ToArray());
        IEnumerable<int[]> swapped = identity.SelectMany(a => Enumerable.Range(a + 1, count - a - 1).Select(b => identity.Select(i => i == a ? b : i == b ? a : i).ToArray()));
        return [.. rotated, .. swapped];
    }

    private static IEnumerable<int[]> Permutations(int[] order, int from)
    {
        if (from >= order.Length - 1)
        {
            yield return [.. order];
            yield break;
        }

        for (int i = from; i < order.Length; i++)
        {
            (order[from], order[i]) = (order[i], order[from]);
            foreach (int[] found in Permutations(order, from + 1))
                yield return found;
            (order[from], order[i]) = (order[i], order[from]);
        }
    }
}
