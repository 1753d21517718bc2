using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Compiler.Training;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Modules.Elaboration;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Property;

public class RandomProgramTests
{
    static readonly DimBinding Rows = DimBinding.Empty.With("B", 3);

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 60)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void The_text_of_a_program_reads_back(int seed)
    {
        var program = Verifier.Verify(Trainable(seed));
        var text = ProgramPrinter.Print(program);
        Assert.Equal(text, ProgramPrinter.Print(Verifier.Verify(ProgramParser.Parse(text, OperationTable.Set))));
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Every_pass_keeps_the_meaning(int seed)
    {
        var program = Trainable(seed) with { Training = [new()] };
        var expected = new Dictionary<string, double[]> { ["loss"] = Run(program, "loss", seed) };
        foreach (var stage in CompilerPipeline.Stages(KnownTargets.Cpu))
            foreach (var pass in stage.Passes)
            {
                program = pass.RunVerified(program);
                foreach (var function in (string[])["loss", "train_step"])
                {
                    if (program.Find(function) is null)
                        continue;
                    var actual = Run(program, function, seed);
                    Near(expected.TryGetValue(function, out var before) ? before : expected[function] = actual, actual, $"{function} after {pass.Name}");
                }
            }
        Assert.Equal(2, expected.Count);
        Assert.Equal(expected["loss"][0], expected["train_step"][0], 1e-9);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Gradients_are_those_of_finite_differences(int seed)
    {
        var source = Trainable(seed);
        var trained = CompilerPipeline.Run(source, new TrainingProgram(), KnownTargets.Cpu, verify: true).Find("Differentiated")!;
        var function = trained.Find("train_step")!;
        var (_, states) = RandomProgram.Values(source, seed, Rows);
        // Descent at rate 1 takes the gradient off each parameter.
        var updated = new Interpreter(trained, float64: true).Run(function.Name, Arguments(trained, function.Name, seed), new Dictionary<string, TensorData>(states) { ["optimizer.step"] = TensorData.Scalar(0L) }, Rows).States;
        var loss = new Interpreter(source, float64: true);
        var arguments = Arguments(source, "loss", seed);
        var compared = 0;
        foreach (var (path, value) in states)
        {
            for (var i = 0L; i < value.Size; i += Math.Max(1, value.Size / 4))
            {
                var gradient = updated.TryGetValue(path, out var after) ? value[i] - after[i] : 0;
                var (left, right) = Slopes(loss, arguments, states, path, i);
                // At a kink of relu or max the two sides differ, and none is the gradient.
                if (Math.Abs(left - right) > 1e-3 * Math.Max(1, Math.Abs(gradient)))
                    continue;
                compared++;
                Assert.True(Math.Abs((left + right) / 2 - gradient) <= 1e-5 * Math.Max(1, Math.Abs(gradient)),
                    $"The gradient of {path}[{i}] is {gradient:R}, but finite differences give {(left + right) / 2:R}.\n{source}");
            }
        }
        Assert.True(compared > 0);
    }

    static (double Left, double Right) Slopes(Interpreter loss, TensorData[] arguments, Dictionary<string, TensorData> states, string path, long element)
    {
        const double Step = 1e-5;
        double At(double offset)
        {
            var moved = new TensorData(states[path].DType, states[path].Shape, (double[])states[path].Real.Clone());
            moved[element] += offset;
            return loss.Run("loss", arguments, new Dictionary<string, TensorData>(states) { [path] = moved }, Rows).Results[0][0];
        }
        var middle = At(0);
        return ((middle - At(-Step)) / Step, (At(Step) - middle) / Step);
    }

    // The same loss for evaluation and for training, and plain gradient descent.
    static Program Trainable(int seed)
    {
        var program = RandomProgram.Make(seed);
        program = program with { Dims = program.Dims.Add(new DimSymbol("N", 1 << 20, 1 << 10)) };
        var b = new Builder(program, "update");
        var flat = new TensorType(DType.F32, Shape.Of(Dim.Symbol("N")));
        var (value, gradient) = (b.Argument(flat, "value"), b.Argument(flat, "gradient"));
        var rate = b.Argument(new TensorType(DType.F32, Shape.Scalar), "learning_rate");
        b.Argument(new TensorType(DType.I64, Shape.Scalar), "step");
        var update = b.Build([b.Sub(value, b.Mul(rate, gradient))]);
        return program with { Functions = [program.Functions[0], RandomProgram.Make(seed, function: "forward_loss").Functions[0], update] };
    }

    static TensorData[] Arguments(Program program, string function, int seed)
        => [.. program.Find(function)!.Parameters.Select(p => p.Name switch
        {
            "learning_rate" => TensorData.Scalar(1.0),
            "step" or "seed" => TensorData.Scalar(1L),
            _ => RandomProgram.Draw(p, p.Name!, seed, Rows),
        })];

    // The results, and the sum of every state that is written.
    static double[] Run(Program program, string function, int seed)
    {
        var interpreter = new Interpreter(program, float64: true);
        var states = RandomProgram.Values(program, seed, Rows).States.ToDictionary(s => s.Key, s => s.Value);
        // What is derived from the states comes first.
        if (program.Find(DerivedStates.Function) is not null)
            foreach (var (path, value) in interpreter.Run(DerivedStates.Function, [], states, Rows).States) states[path] = value;
        var result = interpreter.Run(function, Arguments(program, function, seed), states, Rows);
        return [.. result.Results.Select(r => r[0]), .. result.States.OrderBy(s => s.Key, StringComparer.Ordinal).Select(s => s.Value.Real?.Sum() ?? s.Value.Int.Sum())];
    }

    static void Near(double[] expected, double[] actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= 1e-9 * Math.Max(1, Math.Abs(expected[i])), $"Result {i} of {what} is {actual[i]:R} instead of {expected[i]:R}.");
    }
}
