using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets.Ptx;
using Graph.Operations;
using Graph.PtxEmulator;
using Xunit;

namespace Graph.Tests.Ptx.Emission;

/// <summary>
/// Operands of more than 2³² elements: places of 64 bits are chosen because the sizes say so, and the last blocks reach the end. The other blocks do not run, and of the memory exists what is touched.
/// </summary>
public sealed class FarEndTests
{
    /// <summary>One launch over operands that hold what <paramref name="given"/> writes; the last blocks of it run.</summary>
    static (EmulatedDevice Device, ulong[] Operands) Run(string text, string function, int blocks, Action<EmulatedDevice, ulong[]> given)
    {
        var program = KernelTests.Lower(ProgramParser.Parse("program P version 1\n" + text, OperationTable.Set));
        var launch = Assert.Single(program.Find("f")!.Launches);
        Assert.True(PtxLaunches.IsWide(launch, DimBinding.Empty));
        var call = Assert.Single(PtxLaunches.Of(launch, DimBinding.Empty));
        Assert.Equal(function, call.Function);
        var device = new EmulatedDevice();
        ulong[] operands = [.. launch.Operands.Select(o => device.Allocate(o.Buffer.Elements.Evaluate(DimBinding.Empty) * o.Buffer.DType.Size(), o.Buffer.Name))];
        given(device, operands);
        ulong[] parameters = [.. call.Arguments.Select(a => a.IsOperand ? operands[a.Operand] : (ulong)a.Number)];
        device.Launch(
            device.Load(PtxTarget.Emit(program))[call.Function], new Dim3((int)call.Blocks), call.Threads, call.SharedBytes, System.Runtime.InteropServices.MemoryMarshal.AsBytes<ulong>(parameters),
            new LaunchOptions { Strict = false, Only = [.. Enumerable.Range(1, blocks).Select(b => call.Blocks - b)] });
        return (device, operands);
    }

    static T[] Read<T>(EmulatedDevice device, ulong address, long first, int count)
        where T : unmanaged
    {
        var values = new T[count];
        device.Read<T>(address + (ulong)(first * System.Runtime.CompilerServices.Unsafe.SizeOf<T>()), values);
        return values;
    }

    static sbyte[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(i => (sbyte)(i * 37 % 101 - 50))];

    /// <summary>Elements one behind the other, by four; the last three alone.</summary>
    [Fact]
    public void Maps()
    {
        const long N = 4_400_000_003;
        var x = Numbers(2051);
        var (device, operands) = Run($"func f(x: i8[{N}]) -> (i8[{N}])\n  %0 = neg x\n  return %0\n", "map0_by4", 3, (device, o) => device.Write<sbyte>(o[0] + N - 2051, x));
        Assert.Equal(x[3..].Select(v => (sbyte)-v), Read<sbyte>(device, operands[1], N - 2048, 2048));
    }

    /// <summary>Sums of rows, and what is written along them by four.</summary>
    [Fact]
    public void Rows()
    {
        const long Rows = 2_200_003;
        var x = Numbers(2048);
        var (device, operands) = Run($"func f(x: i8[{Rows},2048]) -> (i64[{Rows}])\n  %0 = sum x {{axes=[1], keep=false}}\n  return %0\n", "row0_by4", 1, (device, o) =>
        {
            for (long row = Rows - 4; row < Rows; row++) device.Write<sbyte>(o[0] + (ulong)(row * 2048), row == Rows - 1 ? x : new sbyte[2048]);
        });
        Assert.Equal(x.Sum(v => (long)v), Read<long>(device, operands[1], Rows - 1, 1)[0]);
    }

    /// <summary>Sums of columns, four of them a thread.</summary>
    [Fact]
    public void Columns()
    {
        const long Columns = 1_500_000_000; // the last block has half of its columns
        var x = Numbers(3 * 768);
        var (device, operands) = Run($"func f(x: i8[3,{Columns}]) -> (i64[{Columns}])\n  %0 = sum x {{axes=[0], keep=false}}\n  return %0\n", "column0_by4", 2, (device, o) =>
        {
            for (var row = 0; row < 3; row++) device.Write<sbyte>(o[0] + (ulong)((row + 1) * Columns - 768), x.AsSpan(row * 768, 768));
        });
        Assert.Equal(Enumerable.Range(0, 768).Select(i => (long)x[i] + x[768 + i] + x[2 * 768 + i]), Read<long>(device, operands[1], Columns - 768, 768));
    }

    /// <summary>The last tile of a product's rows.</summary>
    [Fact]
    public void Products()
    {
        const long Rows = 70_000_001;
        var (a, b) = (Numbers(64 * 64), Numbers(64 * 4 + 9)[9..]);
        var (device, operands) = Run($"func f(a: i8[{Rows},64], b: i8[64,4]) -> (i32[{Rows},4])\n  %0 = matmul a, b\n  return %0\n", "product0", 1, (device, o) =>
        {
            device.Write<sbyte>(o[0] + (ulong)((Rows - 64) * 64), a);
            device.Write<sbyte>(o[1], b);
        });
        // One row is in the last tile: 70,000,001 = 64 · 1,093,750 + 1.
        Assert.Equal(Enumerable.Range(0, 4).Select(j => Enumerable.Range(0, 64).Sum(k => a[63 * 64 + k] * b[k * 4 + j])), Read<int>(device, operands[2], (Rows - 1) * 4, 4));
    }
}
