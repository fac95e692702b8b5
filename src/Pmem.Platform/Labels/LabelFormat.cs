namespace Pmem.Platform.Labels;

/// <summary>The forms of a label storage area.</summary>
public enum LabelFormat
{
    /// <summary>Version 1.1: labels of 128 bytes without checksum or GUIDs (NVDIMM Namespace Specification).</summary>
    Efi11,

    /// <summary>Version 1.2: labels of 256 bytes (UEFI 2.7 and later, section 13.19).</summary>
    Efi12,

    /// <summary>Version 2.1: labels of 256 bytes for CXL memory devices (CXL 2.0, section 9.13.2). Linux writes 1.2 even there.</summary>
    Cxl21,
}

/// <summary>What follows from the form of an area.</summary>
public static class LabelFormats
{
    /// <summary>Bytes of one label.</summary>
    public static int LabelSize(this LabelFormat format) => format == LabelFormat.Efi11 ? 128 : 256;

    /// <summary>Major version in the index block.</summary>
    public static ushort Major(this LabelFormat format) => (ushort)(format == LabelFormat.Cxl21 ? 2 : 1);

    /// <summary>Minor version in the index block.</summary>
    public static ushort Minor(this LabelFormat format) => (ushort)(format == LabelFormat.Efi12 ? 2 : 1);

    /// <summary>The version as people write it: <c>1.1</c>, <c>1.2</c>, <c>2.1</c>.</summary>
    public static string Text(this LabelFormat format) => $"{format.Major()}.{format.Minor()}";

    /// <summary>The form a person names.</summary>
    public static bool TryParse(string text, out LabelFormat format)
    {
        foreach (LabelFormat candidate in Enum.GetValues<LabelFormat>())
        {
            if (string.Equals(candidate.Text(), text, StringComparison.Ordinal))
            {
                format = candidate;
                return true;
            }
        }

        format = default;
        return false;
    }
}
