using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Pmem.Native;

/// <summary>The Win32 calls of mapping and flushing.</summary>
internal static unsafe partial class Kernel32
{
    public const uint MemCommitReserve = 0x3000;
    public const uint PageNoAccess = 0x01;
    public const uint PageReadOnly = 0x02;
    public const uint PageReadWrite = 0x04;
    public const uint PageWriteCopy = 0x08;
    public const uint PageExecuteRead = 0x20;
    public const uint FileMapCopy = 0x1;
    public const uint FileMapWrite = 0x2;
    public const uint FileMapRead = 0x4;
    public const uint FileDaxVolume = 0x2000_0000;
    public static readonly nint CurrentProcess = -1;

    [LibraryImport("kernel32", SetLastError = true)]
    public static partial byte* VirtualAlloc(byte* address, nuint size, uint type, uint protection);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool VirtualProtect(byte* address, nuint size, uint protection, out uint old);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool FlushInstructionCache(nint process, byte* address, nuint size);

    [LibraryImport("kernel32", EntryPoint = "CreateFileMappingW", SetLastError = true)]
    public static partial nint CreateFileMapping(SafeFileHandle file, nint attributes, uint protection, uint sizeHigh, uint sizeLow, nint name);

    [LibraryImport("kernel32", SetLastError = true)]
    public static partial byte* MapViewOfFile(nint mapping, uint access, uint offsetHigh, uint offsetLow, nuint length);

    [LibraryImport("kernel32", EntryPoint = "MapViewOfFileEx", SetLastError = true)]
    public static partial byte* MapViewOfFileAt(nint mapping, uint access, uint offsetHigh, uint offsetLow, nuint length, byte* address);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool UnmapViewOfFile(byte* address);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool FlushViewOfFile(byte* address, nuint length);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool FlushFileBuffers(SafeFileHandle file);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool CloseHandle(nint handle);

    [LibraryImport("kernel32", EntryPoint = "GetVolumeInformationByHandleW", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool GetVolumeInformationByHandle(
        SafeFileHandle file, char* name, uint nameSize, uint* serial, uint* component, uint* flags, char* system, uint systemSize);
}
