namespace Pmem.Platform.Model;

/// <summary>How firmware of modules that was sent comes to run (ndctl's <c>activate_method</c>).</summary>
public enum FirmwareActivationMethod
{
    /// <summary>After a restart alone.</summary>
    Reset,

    /// <summary>While devices and memory are idle; forced, while the system runs.</summary>
    Suspend,

    /// <summary>While the system runs.</summary>
    Live,
}

/// <summary>Whether modules wait for their firmware to be activated (ndctl's <c>activate_state</c> of a bus).</summary>
public enum FirmwareActivationState
{
    /// <summary>None is armed.</summary>
    Idle,

    /// <summary>At least one is armed.</summary>
    Armed,

    /// <summary>More are armed than can be activated in the time that the platform has.</summary>
    Overflow,

    /// <summary>An activation is under way.</summary>
    Busy,
}

/// <summary>Activation of firmware of all modules at once.</summary>
/// <param name="Method">How.</param>
/// <param name="State">Whether modules wait for it.</param>
public sealed record FirmwareActivation(FirmwareActivationMethod Method, FirmwareActivationState State);

/// <summary>How firmware is sent to a module.</summary>
public sealed record FirmwareUpdateOptions
{
    /// <summary>Also during a scrub, and in place of an update that somebody began and did not end.</summary>
    public bool Force { get; init; }

    /// <summary>Whether the module is then armed, so that the version runs after the next activation.</summary>
    public bool Arm { get; init; } = true;

    /// <summary>Told how much is sent, 0 to 1; null for nobody.</summary>
    public IProgress<double>? Progress { get; init; }

    /// <summary>Gives the update up: the module forgets what it got.</summary>
    public CancellationToken Cancellation { get; init; }
}
