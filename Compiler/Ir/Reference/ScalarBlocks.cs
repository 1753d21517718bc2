#if NET
using System.Numerics;
#endif

namespace Graph.Compiler.Ir.Reference;

/// <summary>Scalar operations on blocks: the frequent ones in loops of their own, the others one element at a time by <see cref="ScalarEvaluator.Apply"/>, whose values these are.</summary>
static class ScalarBlocks
{
    public static void Apply(Scalar scalar, double[] a, double[] b, double[] c, double[] to, int count)
    {
        var i = 0;
        switch (scalar.Op)
        {
#if NET
            case ScalarOp.Add:
                for (; i <= count - Vector<double>.Count; i += Vector<double>.Count) (new Vector<double>(a, i) + new Vector<double>(b, i)).CopyTo(to, i);
                break;
            case ScalarOp.Sub:
                for (; i <= count - Vector<double>.Count; i += Vector<double>.Count) (new Vector<double>(a, i) - new Vector<double>(b, i)).CopyTo(to, i);
                break;
            case ScalarOp.Mul:
                for (; i <= count - Vector<double>.Count; i += Vector<double>.Count) (new Vector<double>(a, i) * new Vector<double>(b, i)).CopyTo(to, i);
                break;
            case ScalarOp.Div:
                for (; i <= count - Vector<double>.Count; i += Vector<double>.Count) (new Vector<double>(a, i) / new Vector<double>(b, i)).CopyTo(to, i);
                break;
            case ScalarOp.Sqrt:
                for (; i <= count - Vector<double>.Count; i += Vector<double>.Count) Vector.SquareRoot(new Vector<double>(a, i)).CopyTo(to, i);
                break;
#endif
            case ScalarOp.Max:
                for (; i < count; i++) to[i] = double.IsNaN(a[i]) || a[i] > b[i] ? a[i] : b[i];
                return;
            case ScalarOp.Less:
                for (; i < count; i++) to[i] = a[i] < b[i] ? 1 : 0;
                return;
            case ScalarOp.Equal:
                for (; i < count; i++) to[i] = a[i] == b[i] ? 1 : 0;
                return;
            case ScalarOp.Select:
                for (; i < count; i++) to[i] = a[i] != 0 ? b[i] : c[i];
                return;
            case ScalarOp.Cast when scalar.Type.IsFloat():
                for (; i < count; i++) to[i] = a[i];
                return;
        }
        for (; i < count; i++) to[i] = ScalarEvaluator.Apply(scalar, a[i], b[i], c[i]);
    }
}
