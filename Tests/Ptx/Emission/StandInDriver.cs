using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.RegularExpressions;

namespace Graph.Tests.Ptx.Emission;

/// <summary>
/// A file that a process of its own loads as the CUDA driver: every function that the runtime names, each of which writes what it is told to and returns a number. It is a shared library for Linux on x64, written byte by byte, so that the path from the
/// runtime's calls to the driver's errors is run as it is on a machine with a driver.
/// </summary>
sealed class StandInDriver
{
    // The places of a function's arguments, as the calling convention of Linux has them: instructions that read through them, or write to them.
    static readonly byte[][] store = [[0xC7, 0x07], [0xC7, 0x06], [0xC7, 0x02], [0xC7, 0x01], [0x41, 0xC7, 0x00]];

    readonly Dictionary<string, byte[]> functions = Regex.Matches(File.ReadAllText(Path.Combine(Repository.Root, "Runtime", "Cuda", "LibCuda.cs")), "EntryPoint = \"(\\w+)\"").ToDictionary(m => m.Groups[1].Value, _ => Return(0), StringComparer.Ordinal);

    /// <summary>A driver of a version with one card of a compute capability, which says that all went well, and names errors by their text.</summary>
    public StandInDriver(int version, int major, int minor)
    {
        Set("cuDriverGetVersion", [.. Number(0, version), .. Return(0)]);
        Set("cuDeviceGetCount", [.. Number(0, 1), .. Return(0)]);
        Set("cuDeviceGet", [.. Number(0, 0), .. Return(0)]);
        Set("cuDeviceGetName", [.. Number(0, BinaryPrimitives.ReadInt32LittleEndian("Toy\0"u8)), .. Return(0)]);
        // mov dword [rdi], minor; cmp esi, 75; jne +6; mov dword [rdi], major
        Set("cuDeviceGetAttribute", [.. Number(0, minor), 0x83, 0xFE, 75, 0x75, 0x06, .. Number(0, major), .. Return(0)]);
        foreach (var made in (string[])["cuDevicePrimaryCtxRetain", "cuStreamCreate", "cuMemAlloc_v2", "cuModuleLoadDataEx", "cuModuleGetFunction", "cuEventCreate", "cuGraphCreate"]) Set(made, [.. Handle(), .. Return(0)]);
        // lea rax, [rip + 5]; mov [rsi], rax; jmp behind the text; the text; xor eax, eax; ret
        foreach (var (function, text) in new[] { ("cuGetErrorName", "THE_NAME\0"), ("cuGetErrorString", "the words\0") })
            Set(function, [0x48, 0x8D, 0x05, 5, 0, 0, 0, 0x48, 0x89, 0x06, 0xEB, (byte)text.Length, .. Encoding.UTF8.GetBytes(text), .. Return(0)]);
    }

    /// <summary>Says what a function does.</summary>
    public StandInDriver Set(string function, byte[] code)
    {
        if (!functions.ContainsKey(function)) throw new ArgumentException($"The runtime calls no {function}.", nameof(function));
        functions[function] = code;
        return this;
    }

    /// <summary>A function that does nothing and returns a number.</summary>
    public static byte[] Return(int number) => [0xB8, .. BitConverter.GetBytes(number), 0xC3];

    /// <summary>Writes a number of 32 bits to where an argument points.</summary>
    public static byte[] Number(int argument, int number) => [.. store[argument], .. BitConverter.GetBytes(number)];

    // mov qword [rdi], 4096
    static byte[] Handle() => [0x48, 0xC7, 0x07, 0x00, 0x10, 0x00, 0x00];

    /// <summary>A compilation that fails, with four letters as its log: where the first option's value, the fifth argument's first pointer, leads to.</summary>
    public static byte[] FailedCompilation(string log, int error) => [0x49, 0x8B, 0x00, 0xC7, 0x00, .. Encoding.ASCII.GetBytes(log), 0xC6, 0x40, 0x04, 0x00, .. Return(error)];

    /// <summary>Writes the library to a folder, under the driver's name.</summary>
    public void Write(string folder)
    {
        // Two pieces, each at its place in the file: names and code, and what the loader writes to.
        const int HeaderBytes = 64, SegmentBytes = 56, Segments = 4, SymbolBytes = 24, Page = 4096;
        string[] names = [.. functions.Keys];
        var strings = new MemoryStream();
        strings.WriteByte(0);
        int[] nameAt = [.. names.Select(name =>
        {
            var at = (int)strings.Length;
            strings.Write(Encoding.ASCII.GetBytes(name + "\0"));
            return at;
        })];
        int hashAt = HeaderBytes + Segments * SegmentBytes, hashBytes = 4 * (2 + 1 + names.Length + 1), symbolsAt = (hashAt + hashBytes + 7) / 8 * 8, symbolsEnd = symbolsAt + SymbolBytes * (names.Length + 1);
        int codeAt = (symbolsEnd + (int)strings.Length + 15) / 16 * 16;
        int[] functionAt = new int[names.Length];
        var code = new MemoryStream();
        for (var i = 0; i < names.Length; i++)
        {
            functionAt[i] = codeAt + (int)code.Length;
            code.Write(functions[names[i]]);
        }
        int textEnd = codeAt + (int)code.Length, dynamicAt = (textEnd + Page - 1) / Page * Page, dynamicBytes = 6 * 16;
        var file = new byte[dynamicAt + dynamicBytes];

        void Words(int at, params long[] words)
        {
            for (var i = 0; i < words.Length; i++) BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(at + 8 * i), words[i]);
        }

        void Segment(int number, int type, int flags, int at, int bytes, int alignment)
        {
            var to = HeaderBytes + number * SegmentBytes;
            Words(to, (long)flags << 32 | (uint)type, at, at, at, bytes, bytes, alignment);
        }

        // An ELF file of 64 bits, little endian, for System V: a shared object for x86-64.
        ((byte[])[0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, 0]).CopyTo(file, 0);
        Words(16, 3 | 62L << 16 | 1L << 32, 0, HeaderBytes, 0, (long)HeaderBytes << 32 | (long)SegmentBytes << 48, Segments);
        Segment(0, 1, 5, 0, textEnd, Page); // to be read and run
        Segment(1, 1, 6, dynamicAt, dynamicBytes, Page); // to be read and written
        Segment(2, 2, 6, dynamicAt, dynamicBytes, 8); // the dynamic table
        Segment(3, 0x6474E551, 6, 0, 0, 16); // a stack that nothing runs on
        // One bucket that all symbols are in, one behind the other.
        int[] hash = [1, names.Length + 1, 1, 0, .. Enumerable.Range(2, names.Length - 1), 0];
        for (var i = 0; i < hash.Length; i++) BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(hashAt + 4 * i), hash[i]);
        for (var i = 0; i < names.Length; i++) Words(symbolsAt + SymbolBytes * (i + 1), (uint)nameAt[i] | 0x12L << 32 | 1L << 48, functionAt[i], functions[names[i]].Length);
        strings.ToArray().CopyTo(file, symbolsEnd);
        code.ToArray().CopyTo(file, codeAt);
        Words(dynamicAt, 4, hashAt, 5, symbolsEnd, 6, symbolsAt, 10, strings.Length, 11, SymbolBytes, 0, 0);
        File.WriteAllBytes(Path.Combine(folder, "libcuda.so.1"), file);
    }
}
