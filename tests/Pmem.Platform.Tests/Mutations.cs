namespace Pmem.Platform.Tests;

/// <summary>Mutants of valid bytes, by seed.</summary>
internal static class Mutations
{
    /// <summary>A copy with one to four faults: bits, bytes, runs, extreme numbers, cuts and repetitions.</summary>
    public static byte[] Of(byte[] valid, Random random)
    {
        byte[] bytes = [.. valid];
        for (int n = random.Next(1, 5); n > 0 && bytes.Length != 0; n--)
        {
            int at = random.Next(bytes.Length);
            switch (random.Next(8))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    random.NextBytes(bytes.AsSpan(at, Math.Min(random.Next(1, 17), bytes.Length - at)));
                    break;
                case 3:
                    bytes.AsSpan(at, Math.Min(random.Next(1, 9), bytes.Length - at)).Fill((byte)(random.Next(2) * 0xff));
                    break;
                case 4:
                    bytes = bytes[..at];
                    break;
                case 5:
                    bytes = [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + random.Next(1, 33))..]];
                    break;
                case 6:
                    bytes = [.. bytes[..at], .. bytes[random.Next(at + 1)..]];
                    break;
                default:
                    // Lengths and counts: small, and off by a little.
                    bytes[at] = (byte)(bytes[at] + random.Next(-2, 3));
                    break;
            }
        }

        return bytes;
    }
}
