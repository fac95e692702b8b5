using System.Text.Json.Nodes;
using Pmem.Tool.Platforms.Listing;

namespace Pmem.Tool.Tests.Platforms.Listing;

public sealed class NdctlJsonTests
{
    [Theory]
    [InlineData(0, "0")]
    [InlineData(5119999, "5119999")]
    [InlineData(5120000, "\"4.88 MiB (5.12 MB)\"")]
    [InlineData(536870912, "\"512.00 MiB (536.87 MB)\"")]
    [InlineData(2147483647, "\"2048.00 MiB (2147.48 MB)\"")]
    [InlineData(2147483648, "\"2.00 GiB (2.15 GB)\"")]
    [InlineData(2199023255551, "\"2048.00 GiB (2199.02 GB)\"")]
    [InlineData(2199023255552, "\"2.00 TiB (2.20 TB)\"")]
    [InlineData(ulong.MaxValue, "\"16777216.00 TiB (18446744.07 TB)\"")]
    public void Sizes_for_people_are_those_of_ndctl(ulong bytes, string expected)
    {
        Assert.Equal(expected, NdctlJson.Print(NdctlNumber.Size(bytes, human: true)));
        Assert.Equal($"{bytes}", NdctlJson.Print(NdctlNumber.Size(bytes, human: false)));
    }

    [Theory]
    [InlineData(0, "\"0\"")]
    [InlineData(17, "\"0x11\"")]
    [InlineData(ulong.MaxValue, "\"0xffffffffffffffff\"")]
    public void Hexadecimal_for_people_is_that_of_C(ulong value, string expected)
    {
        Assert.Equal(expected, NdctlJson.Print(NdctlNumber.Hex(value, human: true)));
        Assert.Equal($"{value}", NdctlJson.Print(NdctlNumber.Hex(value, human: false)));
    }

    [Fact]
    public void A_line_has_nothing_between() => Assert.Equal("""{"a":[1,{}],"b":28.0,"c":[]}""", NdctlJson.PrintLine(new JsonObject { ["a"] = new JsonArray(1, new JsonObject()), ["b"] = 28.0, ["c"] = new JsonArray() }));

    [Fact]
    public void The_text_is_that_of_ndctls_library()
    {
        var json = new JsonObject
        {
            ["text"] = "a/b \"c\" \\ \n\u0001é",
            ["temperature"] = 28.0,
            ["half"] = 28.5,
            ["flag"] = true,
            ["none"] = new JsonArray(),
            ["list"] = new JsonArray(1, new JsonObject { ["x"] = -1 }),
        };
        Assert.Equal(
            """
            {
              "text":"a\/b \"c\" \\ \n\u0001é",
              "temperature":28.0,
              "half":28.5,
              "flag":true,
              "none":[
              ],
              "list":[
                1,
                {
                  "x":-1
                }
              ]
            }
            """.ReplaceLineEndings("\n"),
            NdctlJson.Print(json));
    }

    [Fact]
    public void An_array_of_one_is_for_people_what_is_in_it()
    {
        Assert.Equal("[\n  1\n]", NdctlJson.PrintArray([1], human: false));
        Assert.Equal("1", NdctlJson.PrintArray([1], human: true));
        Assert.Equal("[\n  1,\n  2\n]", NdctlJson.PrintArray([1, 2], human: true));
    }
}
