using System;
using System.Collections.Generic;
using System.Linq;

namespace Graph.Compiler.Ir.Reference;

/// <summary>Scalar expressions for one element at a time, real numbers in double precision and integers in 64 bits. Whoever evaluates them sets the inputs.</summary>
public sealed class ElementScalars
{
    readonly int[][] arguments;
    readonly double[] real;
    readonly long[] whole;

    /// <param name="order">The expressions, arguments first.</param>
    public ElementScalars(IEnumerable<Scalar> order)
    {
        Order = [.. order];
        var slot = Order.Select((s, i) => (s, i)).ToDictionary(p => p.s, p => p.i);
        arguments = [.. Order.Select(s => s.Arguments.Select(a => slot[a]).ToArray())];
        real = new double[Order.Length];
        whole = new long[Order.Length];
    }

    public Scalar[] Order { get; }

    /// <summary>The value of expression number <paramref name="s"/> as a real number.</summary>
    public double Real(int s) => Order[s].Type.IsFloat() ? real[s] : whole[s];

    /// <summary>The value of expression number <paramref name="s"/> as an integer.</summary>
    public long Whole(int s) => Order[s].Type.IsFloat() ? (long)real[s] : whole[s];

    bool Truth(int s) => Order[s].Type.IsFloat() ? real[s] != 0 : whole[s] != 0;

    public void Set(int s, double value) => real[s] = value;

    public void Set(int s, long value) => whole[s] = value;

    /// <summary>Computes expression number <paramref name="s"/>, a constant or an operation, of its arguments.</summary>
    public void Compute(int s)
    {
        var scalar = Order[s];
        var x = arguments[s];
        switch (scalar.Op)
        {
            case ScalarOp.Constant when !scalar.Type.IsFloat(): whole[s] = (long)Rounding.Round(scalar.Constant, scalar.Type); return;
            case ScalarOp.Constant: real[s] = Rounding.Round(scalar.Constant, scalar.Type); return;
            case ScalarOp.Uniform: real[s] = Philox.Uniform((ulong)whole[x[0]], Philox.Stream(whole[x[2]], whole[x[3]]), (ulong)whole[x[1]]); return;
            case ScalarOp.Select when !scalar.Type.IsFloat(): whole[s] = whole[Truth(x[0]) ? x[1] : x[2]]; return;
            case ScalarOp.Select: real[s] = Real(Truth(x[0]) ? x[1] : x[2]); return;
        }
        if (x.All(a => !Order[a].Type.IsFloat()) && Integer(scalar, whole[x[0]], x.Length > 1 ? whole[x[1]] : 0) is { } exact)
        {
            whole[s] = scalar.Type.Wrap(exact);
            return;
        }
        var value = Rounding.Round(ScalarEvaluator.Apply(scalar, Real(x[0]), x.Length > 1 ? Real(x[1]) : 0, x.Length > 2 ? Real(x[2]) : 0), scalar.Type);
        if (scalar.Type.IsFloat()) real[s] = value;
        else whole[s] = (long)value;
    }

    // Null for what gives a real number.
    static long? Integer(Scalar s, long a, long b) => unchecked(s.Op switch
    {
        ScalarOp.Add => a + b,
        ScalarOp.Sub => a - b,
        ScalarOp.Mul => a * b,
        ScalarOp.Neg => -a,
        ScalarOp.Abs => a < 0 ? -a : a,
        ScalarOp.Min => Math.Min(a, b),
        ScalarOp.Max => Math.Max(a, b),
        ScalarOp.Remainder => Remainder(a, b),
        ScalarOp.Equal => a == b ? 1 : 0,
        ScalarOp.Less => a < b ? 1 : 0,
        ScalarOp.LessEqual => a <= b ? 1 : 0,
        ScalarOp.Cast when s.Type == DType.Bool => a != 0 ? 1 : 0,
        ScalarOp.Cast when !s.Type.IsFloat() => a,
        _ => null,
    });

    // With the sign of the divisor; the processor traps at the smallest integer by −1.
    static long Remainder(long a, long b)
    {
        if (b == 0) throw new DivideByZeroException("The remainder of an integer by 0.");
        var rest = b == -1 ? 0 : a % b;
        return rest != 0 && (rest ^ b) < 0 ? rest + b : rest;
    }
}
