namespace Pmem.Platform.Translation;

/// <summary>Why Linux does not enable a block translation table whose first info block is in order.</summary>
/// <param name="Reason">What it finds.</param>
/// <param name="IsUnread">Whether it is that something cannot be read, or is not known.</param>
internal sealed record TableObstacle(string Reason, bool IsUnread)
{
    /// <summary>What lets it be enabled.</summary>
    public const string Remedy = "look with 'pmem btt check'; 'pmem btt repair --accept-loss' makes flog entries and map entries anew that make no sense, after errors of the media there are cleared; force_raw gives the bytes, to save them first";
}
