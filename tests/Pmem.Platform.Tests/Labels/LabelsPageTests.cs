using Pmem.Platform.Labels;

namespace Pmem.Platform.Tests.Labels;

public sealed class LabelsPageTests
{
    [Fact]
    public void Index_block_table_is_the_layout() => FormatPage.Compare("labels.md", "## Index block", typeof(IndexBlockLayout), IndexBlock.HeaderSize);

    [Fact]
    public void Label_table_is_the_layout() => FormatPage.Compare("labels.md", "## Namespace label", typeof(NamespaceLabelLayout), 256);

    [Fact]
    public void Cxl_region_label_table_is_the_layout() => FormatPage.Compare("labels.md", "### Region label", typeof(CxlRegionLabelLayout), 256);

    [Fact]
    public void Cxl_namespace_label_table_is_the_layout() => FormatPage.Compare("labels.md", "### CXL namespace label", typeof(CxlNamespaceLabelLayout), 256);

    [Fact]
    public void Geometry_table_is_what_is_computed()
    {
        int rows = 0;
        foreach (string[] cells in FormatPage.Rows("labels.md", "## Geometry"))
        {
            int area = int.Parse(cells[0]);
            for (int i = 0; i < 2; i++)
            {
                LabelAreaGeometry geometry = LabelAreaGeometry.Compute(area, i == 0 ? LabelFormat.Efi11 : LabelFormat.Efi12);
                Assert.Equal($"{geometry.IndexSize}, {geometry.SlotCount}", cells[1 + i]);
            }

            rows++;
        }

        Assert.True(rows >= 6);
    }
}
