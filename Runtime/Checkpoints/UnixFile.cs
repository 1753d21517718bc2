using System;
using System.Buffers.Binary;
using System.IO;
using System.Runtime.InteropServices;

namespace Graph.Runtime.Checkpoints;

/// <summary>What Unix knows about files and .NET has no call for. On other systems every answer is the harmless one.</summary>
static unsafe partial class UnixFile
{
    // statx(2): its record is the same on every processor, unlike stat's.
    const int CurrentFolder = -100, StatusBytes = 256, OwnerAt = 20, GroupAt = 24, ModeAt = 28;
    const uint BasicStatus = 0x7FF;
    const int KindMask = 0xF000, Regular = 0x8000, Folder = 0x4000;

    // errno
    const int InputOutputError = 5;

    /// <summary>True for a pipe, a socket or a device: reading it may never end, and renaming a file over it would destroy it.</summary>
    public static bool IsSpecial(string path)
    {
        Span<byte> status = stackalloc byte[StatusBytes];
        return Status(path, status) && (BinaryPrimitives.ReadUInt16LittleEndian(status[ModeAt..]) & KindMask) is not (Regular or Folder);
    }

    /// <summary>Gives an open file the owner and group of another one, as far as this process may.</summary>
    public static void CopyOwner(string from, FileStream to)
    {
        Span<byte> status = stackalloc byte[StatusBytes];
        if (Status(from, status))
            _ = ChangeOwner((int)to.SafeFileHandle.DangerousGetHandle(), BinaryPrimitives.ReadUInt32LittleEndian(status[OwnerAt..]), BinaryPrimitives.ReadUInt32LittleEndian(status[GroupAt..]));
    }

    /// <summary>Makes sure that a folder's names are on the disk: a rename is lost with the power otherwise, although the file's bytes are there.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public static void SyncFolder(string folder)
    {
        if (OperatingSystem.IsWindows()) return; // NTFS keeps a journal of names
        var descriptor = Open(folder, 0);
        if (descriptor < 0) return; // a folder that may be written but not read: there is nothing to ask
        try
        {
            // File systems that cannot sync a folder say so, which is no failure.
            if (Sync(descriptor) < 0 && Marshal.GetLastPInvokeError() == InputOutputError) throw new IOException($"{folder}: the disk did not take the folder's new names.");
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    static bool Status(string path, Span<byte> status)
    {
        if (!OperatingSystem.IsLinux()) return false;
        try
        {
            fixed (byte* record = status) return StatusOf(CurrentFolder, path, 0, BasicStatus, record) == 0;
        }
        catch (EntryPointNotFoundException)
        {
            return false; // a C library from before 2018
        }
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatusOf(int folder, string path, int flags, uint mask, byte* status);

    [LibraryImport("libc", EntryPoint = "fchown")]
    private static partial int ChangeOwner(int descriptor, uint owner, uint group);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
