using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Kernels;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Tests.Elaboration;
using Graph.Tests.Language;
using Graph.Tests.Toy;
using Xunit;

namespace Graph.Tests.Loops;

/// <summary>A loop that replaces parts of a state works in the state's own memory: what could end it by an exception is looked at before it begins.</summary>
public sealed class StateInLoopTests
{
    // A counter that the loop carries, one that is computed from the iteration's slice, and one that the session keeps.
    static string Source(string body) => $$"""
        [Dim("T", Max = 8, Typical = 3)]
        [Model] public partial class M
        {
            readonly State keys = new([12, 3], Init.Zeros, lifetime: StateLifetime.Session), length = new([], Init.Zeros, lifetime: StateLifetime.Session);

            [Entry] public Tensor Fill([Shape("T", 3)] Tensor x, [Shape] Tensor<int> from)
            {
                {{body}}
            }
        }
        """;

    const string Counted = "Tensor start = from; var (_, sums) = Tensor.Scan(start, x, (at, slice) => { keys.AssignAt(slice.Unsqueeze(0), at); return (at + 1, keys.Sum()); }); return sums;";

    public static TheoryData<string> Bodies =>
    [
        Counted,
        "Tensor start = from; var (_, sums) = Tensor.Scan(start, x, (at, slice) => { keys.AssignAt(slice.Unsqueeze(0), at * 2 % 11); return (at + 1, keys.Square().Sum()); }, reverse: true); return sums;",
        "length.Assign(from.Cast(ElementType.F32)); var (_, sums) = Tensor.Scan(Tensor.Zeros(1), x, (h, slice) => { keys.AssignAt(slice.Unsqueeze(0), length.Cast(ElementType.I32)); length.Assign(length + 1); return (h + 1, keys.Max() + h.Sum()); }); return sums;",
    ];

    static Program Elaborated(string body) => Elaborate.Model(Source(body)).Program;

    static TensorData[] Arguments(int time, int from)
    {
        var x = new TensorData(DType.F32, [time, 3]);
        for (long i = 0; i < x.Size; i++) x[i] = (float)(i * 0.25 - 1);
        var at = new TensorData(DType.I32, []);
        at[0] = from;
        return [x, at];
    }

    static ImmutableDictionary<string, TensorData> States()
    {
        var keys = new TensorData(DType.F32, [12, 3]);
        for (long i = 0; i < keys.Size; i++) keys[i] = (float)(i * 0.125);
        return ImmutableDictionary<string, TensorData>.Empty.Add("keys", keys).Add("length", new TensorData(DType.F32, []));
    }

    [Theory, MemberData(nameof(Bodies))]
    public void It_is_changed_where_it_lies(string body)
    {
        var program = Elaborated(body);
        var lowered = Lowerer.Lower(CompilerPipeline.Run(program, KnownTargets.Cpu, verify: true));
        var function = lowered.Find("fill")!;
        // Nothing in memory is as large as the state, and no kernel but the one that puts the part there writes it.
        var text = KernelDump.Print(lowered);
        Assert.False(function.Buffers.Any(b => b.Kind == BufferKind.Arena && b.Elements.TryConstant(out var n) && n >= 36), text);
        var writers = function.Launches.Where(l => l.Operands.Any(o => o.IsWritten && o.Buffer is { Kind: BufferKind.State, Name: "keys" })).ToList();
        Assert.True(writers is [LibraryLaunch { Operation: "placed" } placed] && placed.Operands[0].Buffer == placed.Operands[3].Buffer, text);

        foreach (var (time, from) in ((int, int)[])[(1, 0), (5, 2), (8, 1)])
        {
            var (binding, arguments) = (DimBinding.Empty.With("T", time), Arguments(time, from));
            var expected = new Interpreter(program).Run("fill", arguments, States(), binding);
            var toy = new ToyMachine(lowered);
            foreach (var (path, value) in States()) toy.Set(path, value);
            var actual = toy.Run("fill", binding, arguments)[0];
            for (long i = 0; i < time; i++) Assert.Equal(expected.Results[0][i], actual[i], 1e-4);
            foreach (var path in expected.States.Keys)
                for (long i = 0; i < expected.States[path].Size; i++) Assert.Equal(expected.States[path][i], toy.State(path)[i]);
        }
    }

    /// <summary>The third of five places does not fit: the call throws, and the two that do are not written.</summary>
    [Fact]
    public void A_call_that_throws_has_changed_nothing()
    {
        using var model = RunningModel.Of(Source(Counted), seed: 1);
        using var session = model.NewSession();
        float[] x = [.. Enumerable.Range(1, 15).Select(i => (float)i)];
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => session.Call("fill", 5, x, new[] { 10 }));
        Assert.Contains("12 lies outside of 0 to 11", error.Message, StringComparison.Ordinal);
        Assert.All(session["keys"].ToArray(), k => Assert.Equal(0, k));
        Assert.Equal([6f, 21, 45, 78, 120], session.Call("fill", 5, x, new[] { 7 }));
        Assert.Equal(Enumerable.Repeat(0f, 21).Concat(x), session["keys"].ToArray());
    }

    /// <summary>A loop that may end early is no mistake before it gets there: its checks stay in it, and it works beside the state.</summary>
    [Fact]
    public void What_may_end_early_looks_when_it_gets_there()
    {
        const string Body = "var (at, sum) = Tensor.While((from.Cast(ElementType.I64), x.Sum()), s => s.Item1 < 11, s => { keys.AssignAt(x.Sum(0, keep: true), s.Item1.Cast(ElementType.I32)); return (s.Item1 + 1, s.Item2 + keys.Sum()); }, most: 40); return sum.Reshape(1);";
        var program = Elaborated(Body);
        var toy = new ToyMachine(Lowerer.Lower(CompilerPipeline.Run(program, KnownTargets.Cpu, verify: true)));
        foreach (var (path, value) in States()) toy.Set(path, value);
        var (binding, arguments) = (DimBinding.Empty.With("T", 2), Arguments(2, 3));
        var expected = new Interpreter(program).Run("fill", arguments, States(), binding);
        Assert.Equal(expected.Results[0][0], toy.Run("fill", binding, arguments)[0][0], 1e-3);
    }
}
