using System.Globalization;
using System.IO.Compression;
using System.Text;
using Pmem.Emulation.Guest;

namespace Pmem.Emulation.Tests.Guest;

public sealed class CpioArchiveTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_was_added_is_read_back_with_its_folders_before_it(bool compress)
    {
        using var archive = new CpioArchive(compress);
        archive.AddText("bin/deep/a", "abc");
        archive.AddFile("b", [1, 2, 3, 4, 5]);
        archive.AddLink("etc/mtab", "/proc/mounts");
        byte[] bytes = archive.ToArray();
        if (compress)
        {
            using var stream = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress);
            using var all = new MemoryStream();
            stream.CopyTo(all);
            bytes = all.ToArray();
        }

        Assert.Equal(["bin 040755 ", "bin/deep 040755 ", "bin/deep/a 100755 616263", "b 100755 0102030405", "etc 040755 ", "etc/mtab 120777 2F70726F632F6D6F756E7473"], Read(bytes));
        Assert.Equal(0, bytes.Length % 4);
    }

    private static List<string> Read(byte[] bytes)
    {
        var seen = new List<string>();
        for (int at = 0; ;)
        {
            Assert.Equal("070701", Encoding.ASCII.GetString(bytes, at, 6));
            int Field(int number) => int.Parse(Encoding.ASCII.GetString(bytes, at + 6 + (number * 8), 8), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            (int mode, int size, int nameSize) = (Field(1), Field(6), Field(11));
            string name = Encoding.UTF8.GetString(bytes, at + 110, nameSize - 1);
            int content = (at + 110 + nameSize + 3) & -4;
            if (name == "TRAILER!!!")
                return seen;
            seen.Add($"{name} {Convert.ToString(mode, 8).PadLeft(6, '0')} {Convert.ToHexString(bytes, content, size)}");
            at = (content + size + 3) & -4;
        }
    }
}
