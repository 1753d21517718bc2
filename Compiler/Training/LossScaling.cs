using System.Collections.Generic;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Training;

/// <summary>How the scale of a loss moves, as torch.amp.GradScaler moves its own by default: Micikevicius et al., "Mixed precision training", 2017.</summary>
public static class LossScaling
{
    /// <summary>The scale of the first step.</summary>
    public const double First = 65536;

    /// <summary>So many clean steps in a row double it.</summary>
    public const long CleanSteps = 2000;

    /// <summary>What it is multiplied with then, and after a step that was skipped.</summary>
    public const double Growth = 2, Backoff = 0.5;

    /// <summary>The <see cref="TrainingProgram.LossScale"/> of a precision.</summary>
    /// <param name="precision">The precision.</param>
    /// <param name="wanted">What the source says: above 0 a number that stays, 0 what the precision needs, −1 one that moves.</param>
    public static double Setting(string precision, double wanted) =>
        Precisions.Narrow(precision) is null ? 1 : wanted > 0 ? wanted : wanted < 0 || precision == Precisions.Float16 ? 0 : 1;

    /// <summary>The scale of a step: a number, the state, or null for none.</summary>
    public static Value? Of(TrainingProgram training, Builder b) =>
        training.ScalesDynamically ? b.State(b.Program.FindState(TrainingSignature.Of(training).LossScale)!)
        : training.LossScale != 1 ? b.Constant(training.LossScale, DType.F32) : null;

    /// <summary>What a step that is made leaves of scale, clean and skipped steps.</summary>
    public static IEnumerable<StateUpdate> Made(TrainingSignature signature, Builder b)
    {
        var scale = State(signature.LossScale, b);
        var clean = b.Add(State(signature.CleanSteps, b), b.Constant(1, DType.I64));
        var grows = b.Equal(clean, b.Constant(CleanSteps, DType.I64));
        // A scale that left the numbers would never come back.
        var grown = b.Mul(scale, b.Constant(Growth, DType.F32));
        var isNumber = b.Less(grown, b.Constant(double.PositiveInfinity, DType.F32));
        return
        [
            new(signature.LossScale, b.Where(b.Emit("logical_and", [grows, isNumber]), grown, scale)), new(signature.CleanSteps, b.Where(grows, b.Constant(0, DType.I64), clean)),
            new(signature.SkippedSteps, State(signature.SkippedSteps, b)),
        ];
    }

    /// <summary>What a step that is skipped leaves of a state: of these three what follows, of every other one what it was.</summary>
    public static Value Skipped(TrainingSignature signature, string path, Builder b) =>
        path == signature.LossScale ? b.Mul(State(path, b), b.Constant(Backoff, DType.F32))
        : path == signature.CleanSteps ? b.Constant(0, DType.I64)
        : path == signature.SkippedSteps ? b.Add(State(path, b), b.Constant(1, DType.I64))
        : State(path, b);

    static Value State(string path, Builder b) => b.State(b.Program.FindState(path)!);
}
