using System.Text;
using Pmem.Objects.Types;

namespace Pmem.Objects.Tests.Types;

/// <summary>The description in JSON: all of it is read, and whatever else is there is an error that says where.</summary>
public class ObjectTypesTests
{
    [Fact]
    public void Every_member_is_read()
    {
        ObjectTypes types = Parse("""
            {
              // comments are fine
              "layout": "bank",
              "root": { "links": [ { "offset": 0 } ] },
              "types": {
                "0x10": { "name": "account", "foundByWalking": true, "links": [
                  { "offset": 16, "name": "next", "kind": "id", "count": 3, "stride": 24, "target": 18446744073709551615, "interior": true, "otherPools": true },
                  { "offset": 8, "kind": "offset", "countAt": 4, "countSize": 4, "target": "0x11" },
                  { "offset": 0, "count": "rest" },
                ] },
              },
            }
            """);
        Assert.Equal("bank", types.Layout);
        Assert.Equal(new LinkField(0), Assert.Single(types.Root!.Links));
        ObjectType account = Assert.Single(types.Types, type => type.Key == 16).Value;
        Assert.Equal("account", account.Name);
        Assert.True(account.FoundByWalking);
        Assert.Equal(
            [
                new LinkField(16) { Name = "next", Count = 3, Stride = 24, Target = ulong.MaxValue, Interior = true, OtherPools = true },
                new LinkField(8) { Kind = LinkKind.Offset, CountOffset = 4, CountSize = 4, Target = 17 },
                new LinkField(0) { Count = null },
            ],
            account.Links);
    }

    [Theory]
    [InlineData("", "JSON")]
    [InlineData("[]", "an object")]
    [InlineData("{ \"tpyes\": {} }", "layout, root or types")]
    [InlineData("{ \"layout\": 3 }", "a text")]
    [InlineData("{ \"types\": { \"x\": {} } }", "a type number")]
    [InlineData("{ \"types\": { \"1\": {}, \"0x1\": {} } }", "each type number once")]
    [InlineData("{ \"types\": { \"1\": { \"link\": [] } } }", "name, links or foundByWalking")]
    [InlineData("{ \"types\": { \"1\": { \"links\": {} } } }", "an array")]
    [InlineData("{ \"types\": { \"1\": { \"foundByWalking\": 1 } } }", "true or false")]
    [InlineData("{ \"root\": { \"links\": [ { } ] } }", "an offset")]
    [InlineData("{ \"root\": { \"links\": [ 5 ] } }", "an offset")]
    [InlineData("{ \"root\": { \"links\": [ { \"offset\": 4 } ] } }", "multiples of 8")]
    [InlineData("{ \"root\": { \"links\": [ { \"offset\": -8 } ] } }", "a number from 0")]
    [InlineData("{ \"root\": { \"links\": [ { \"offset\": 9223372036854775808 } ] } }", "a number from 0")]
    [InlineData("{ \"root\": { \"links\": [ { \"offset\": 0, \"stride\": 8 } ] } }", "a link fits into")]
    [InlineData("{ \"root\": { \"links\": [ { \"offset\": 0, \"kind\": \"oid\" } ] } }", "id or offset")]
    [InlineData("{ \"root\": { \"links\": [ { \"offset\": 0, \"count\": \"all\" } ] } }", "rest")]
    [InlineData("{ \"root\": { \"links\": [ { \"offset\": 0, \"countSize\": 3 } ] } }", "1, 2, 4 or 8")]
    [InlineData("{ \"root\": { \"links\": [ { \"offset\": 0, \"kind\": \"offset\", \"otherPools\": true } ] } }", "cannot lead to other pools")]
    [InlineData("{ \"root\": { \"links\": [ { \"offset\": 0, \"taget\": 3 } ] } }", "another member")]
    public void What_is_wrong_is_named(string json, string says) =>
        Assert.Contains(says, Assert.Throws<PmemFormatException>(() => Parse(json)).Message, StringComparison.Ordinal);

    [Fact]
    public void Any_bytes_are_a_description_or_a_format_error()
    {
        const int Seed = 7;
        var random = new Random(Seed);
        byte[] sound = Encoding.UTF8.GetBytes(LinkedPool.Json);
        int valid = 0;
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bytes = [.. sound];
            for (int n = random.Next(1, 4); n > 0; n--)
                bytes[random.Next(bytes.Length)] = random.Next(2) == 0 ? (byte)random.Next(256) : (byte)"{}[]\",:0123456789"[random.Next(17)];
            try
            {
                _ = ObjectTypes.Parse(bytes);
                valid++;
            }
            catch (PmemFormatException)
            {
                // Told, as promised.
            }
        }

        Assert.InRange(valid, 1, 19_999);
    }

    private static ObjectTypes Parse(string json) => ObjectTypes.Parse(Encoding.UTF8.GetBytes(json));
}
