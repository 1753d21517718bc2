using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Training;

namespace Graph.Compiler.Passes;

/// <summary>Declares the states by which a training program moves the scale of its loss: the scale, the clean steps since it was moved, the steps that were skipped. Later passes multiply, divide and count.</summary>
public sealed record DeclareLossScale() : Pass("DeclareLossScale")
{
    public override Program Run(Program program, CancellationToken cancel = default)
    {
        var states = program.Training.Where(t => t.ScalesDynamically).Select(TrainingSignature.Of).SelectMany(s => new StateDecl[]
        {
            new(s.LossScale, new(DType.F32, Shape.Scalar), StateKind.Counter, new("constant", LossScaling.First)),
            new(s.CleanSteps, new(DType.I64, Shape.Scalar), StateKind.Counter, InitSpec.Zeros), new(s.SkippedSteps, new(DType.I64, Shape.Scalar), StateKind.Counter, InitSpec.Zeros),
        }).Where(s => program.FindState(s.Path) is null).ToList();
        return states.Count == 0 ? program : program with { States = program.States.AddRange(states) };
    }
}
