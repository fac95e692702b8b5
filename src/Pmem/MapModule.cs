namespace Pmem;

/// <summary>A memory module that holds a map, as far as its shutdowns go: what pools record, to notice that data was lost under them.</summary>
/// <param name="Id">Its id as Linux writes it (<c>nfit/id</c>), such as <c>8086-00123456</c>.</param>
/// <param name="DirtyShutdowns">Shutdowns at which data may have been lost (<c>nfit/dirty_shutdown</c>); null when it does not count them.</param>
public sealed record MapModule(string Id, ulong? DirtyShutdowns);
