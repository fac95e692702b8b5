using System.Runtime.Versioning;

// The peers are Linux programs.
[assembly: SupportedOSPlatform("linux")]

// One boot for the tests of several classes.
[assembly: AssemblyFixture(typeof(Interop.Guest.GuestProgram))]
