using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// The head of a loop kernel: its parameters, and which unit of the parallel extent a thread or warp has. A kernel over segments reads operands and sizes from a table in memory, a row for each: its first block, its
/// extent, its operands, its sizes, what divides by them, each of 64 bits, the rows in the order of their first blocks.
/// </summary>
sealed class PtxUnits
{
    readonly PtxOperand[] pointers, sizes, wholes;
    readonly PtxIndex index;

    /// <summary>Sizes that are numbers of a table's row in front of operands.</summary>
    public const int RowHead = 2;

    /// <param name="kernel">The kernel.</param>
    /// <param name="code">Where it is written.</param>
    /// <param name="index">How places are computed.</param>
    /// <param name="isSegmented">Whether it reads a table.</param>
    /// <param name="end">Where threads without a unit go.</param>
    /// <param name="each">Units of a thread.</param>
    public PtxUnits(LoopKernel kernel, PtxWriter code, PtxIndex index, bool isSegmented, string end, int each = 1)
    {
        this.index = index;
        var (operands, arguments) = (Operands(kernel), Arguments(kernel));
        (int Size, PtxOperand Reciprocal)[] reciprocals;
        var block = code.Instruction("mov.u32", RegisterClass.Word, new PtxOperand(RegisterClass.Word, "%ctaid.x"));
        if (isSegmented)
        {
            var (table, segments) = (code.Parameter("table"), code.Instruction("cvt.u32.u64", RegisterClass.Word, code.Parameter("segments")));
            long bytes = sizeof(long) * (RowHead + operands + arguments + Divisors(kernel).Count());
            var row = Row(code, table, segments, block, bytes);
            PtxOperand At(int column) => code.Instruction("ld.global.u64", RegisterClass.Long, new PtxOperand(RegisterClass.Long, $"[{row}+{sizeof(long) * column}]"));
            block = code.Instruction("sub.s32", RegisterClass.Word, block, code.Instruction("cvt.u32.u64", RegisterClass.Word, At(0)));
            Extent = index.Of(At(1));
            pointers = [.. Enumerable.Range(0, operands).Select(i => At(RowHead + i))];
            wholes = [.. Enumerable.Range(0, arguments).Select(i => At(RowHead + operands + i))];
            reciprocals = [.. Divisors(kernel).Select((d, i) => (d, At(RowHead + operands + arguments + i)))];
        }
        else
        {
            pointers = [.. Enumerable.Range(0, operands).Select(i => code.Parameter("p" + i))];
            wholes = [.. Enumerable.Range(0, arguments).Select(i => code.Parameter("d" + i))];
            reciprocals = [.. Divisors(kernel).Select(i => (i, code.Parameter(PtxReciprocal.NameOf("d" + i))))];
            Extent = index.Of(code.Parameter("extent"));
        }
        sizes = [.. wholes.Select(index.Of)];
        foreach (var (size, reciprocal) in reciprocals) index.Know(sizes[size], reciprocal);
        var shape = PtxShape.Of(kernel);
        Thread = code.Instruction("mov.u32", RegisterClass.Word, new PtxOperand(RegisterClass.Word, "%tid.x"));
        var inBlock = shape.ThreadsOfUnit == 1 ? Thread : code.Instruction("shr.u32", RegisterClass.Word, Thread, PtxOperand.Word(5));
        Unit = index.MultiplyAdd(index.OfWord(block), index.Number(shape.UnitsOfBlock), index.OfWord(inBlock));
        if (each > 1) Unit = index.Multiply(Unit, index.Number(each));
        code.Branch(end, index.Compare("ge", Unit, Extent));
    }

    /// <summary>How many units there are.</summary>
    public PtxOperand Extent { get; }

    /// <summary>The number of the unit: the first one of a thread that has several.</summary>
    public PtxOperand Unit { get; }

    /// <summary>The thread's number in its block.</summary>
    public PtxOperand Thread { get; }

    public PtxOperand Pointer(int operand) => pointers[operand];

    public PtxOperand Size(Extent extent) => extent.IsConstant ? index.Number(extent.Value) : sizes[extent.Value];

    /// <summary>A size as an integer of 64 bits.</summary>
    public PtxOperand Whole(Extent extent) => extent.IsConstant ? PtxOperand.Long(extent.Value) : wholes[extent.Value];

    /// <summary>How many operands a kernel has.</summary>
    public static int Operands(LoopKernel kernel) => kernel.Accesses.Select(a => a.Pointer + 1).DefaultIfEmpty(0).Max();

    /// <summary>How many sizes it takes as arguments.</summary>
    public static int Arguments(LoopKernel kernel) => Places(kernel).Concat(kernel.Sources.OfType<Source.Size>().Select(s => s.Value)).Where(e => !e.IsConstant).Select(e => (int)e.Value + 1).DefaultIfEmpty(0).Max();

    /// <summary>The sizes among its arguments that numbers of units are divided by.</summary>
    public static IEnumerable<int> Divisors(LoopKernel kernel) => kernel.IsFlat ? [] : kernel.Axes.Where(a => !a.Size.IsConstant).Select(a => (int)a.Size.Value).Distinct().OrderBy(i => i);

    /// <summary>The sizes and strides that say where elements are; others are numbers that the body computes with.</summary>
    public static IEnumerable<Extent> Places(LoopKernel kernel) => kernel.Axes.Select(a => a.Size).Concat(kernel.Accesses.SelectMany(a => a.Strides));

    // The last row whose first block is not behind this one.
    static PtxOperand Row(PtxWriter code, PtxOperand table, PtxOperand segments, PtxOperand block, long bytes)
    {
        var (low, high) = (code.Copy(PtxOperand.Word(0)), code.Copy(segments));
        var (search, found) = (code.Label("SEARCH"), code.Label("FOUND"));
        code.Place(search);
        var rest = code.Instruction("sub.s32", RegisterClass.Word, high, low);
        code.Branch(found, code.Compare("le", "s32", rest, PtxOperand.Word(1)));
        var middle = code.Instruction("add.s32", RegisterClass.Word, low, code.Instruction("shr.u32", RegisterClass.Word, rest, PtxOperand.Word(1)));
        PtxOperand At(PtxOperand number) => code.Instruction("mad.wide.u32", RegisterClass.Long, number, PtxOperand.Word(bytes), table);
        var first = code.Instruction("cvt.u32.u64", RegisterClass.Word, code.Instruction("ld.global.u64", RegisterClass.Long, new PtxOperand(RegisterClass.Long, "[" + At(middle) + "]")));
        var isBehind = code.Compare("gt", "u32", first, block);
        code.Assign(high, code.Instruction("selp.b32", RegisterClass.Word, middle, high, isBehind));
        code.Assign(low, code.Instruction("selp.b32", RegisterClass.Word, low, middle, isBehind));
        code.Do("bra " + search);
        code.Place(found);
        return At(low);
    }
}

/// <summary>How a loop kernel's units are given to threads.</summary>
/// <param name="Threads">Threads of a block.</param>
/// <param name="ThreadsOfUnit">Threads that work on one unit: 1, or a warp of 32.</param>
readonly record struct PtxShape(int Threads, int ThreadsOfUnit)
{
    public int UnitsOfBlock => Threads / ThreadsOfUnit;

    /// <summary>Rows have a warp each, everything else a thread.</summary>
    public static PtxShape Of(LoopKernel kernel) => kernel.Form switch
    {
        KernelForm.Row when kernel.Lane >= 0 => new(128, 32),
        KernelForm.Row => new(32, 1),
        KernelForm.Column => new(128, 1),
        KernelForm.Map => new(256, 1),
        _ => throw new NotSupportedException($"The PTX target has no loop of the form {kernel.Form}."),
    };
}
