using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Tests.Toy;

/// <summary>Scalar expressions in the order of their arguments, each object once: what a pass of a kernel computes for one element.</summary>
sealed class Body
{
    readonly Scalar[] order;
    readonly int[][] arguments;
    readonly Number[] values;
    readonly Dictionary<Scalar, int> slots = [];

    /// <param name="roots">What is wanted.</param>
    public Body(IEnumerable<Scalar> roots)
    {
        order = [.. Scalar.Order(roots)];
        for (var i = 0; i < order.Length; i++) slots[order[i]] = i;
        arguments = [.. order.Select(s => s.Arguments.Select(a => slots[a]).ToArray())];
        values = new Number[order.Length];
        for (var i = 0; i < order.Length; i++)
            if (order[i].Op == ScalarOp.Constant) values[i] = Arithmetic.Constant(order[i].Constant, order[i].Type);
    }

    /// <summary>The value of an expression in the latest run.</summary>
    public Number this[Scalar root] => values[slots[root]];

    /// <summary>Computes everything.</summary>
    /// <param name="input">What <see cref="Scalar.Input"/> stands for.</param>
    /// <param name="axis">The place along an axis.</param>
    public void Run(Func<Scalar, Number> input, Func<int, long> axis)
    {
        for (var i = 0; i < order.Length; i++)
        {
            var (s, x) = (order[i], arguments[i]);
            values[i] = s.Op switch
            {
                ScalarOp.Constant => values[i],
                ScalarOp.Input => input(s),
                ScalarOp.AxisIndex => Number.Of(axis(s.Index)),
                ScalarOp.Uniform => Number.Of((double)Philox.Uniform((ulong)values[x[0]].Whole, Philox.Stream(values[x[2]].Whole, values[x[3]].Whole), (ulong)values[x[1]].Whole)),
                _ => Arithmetic.Apply(s, values[x[0]], x.Length > 1 ? values[x[1]] : default, x.Length > 2 ? values[x[2]] : default),
            };
        }
    }
}
