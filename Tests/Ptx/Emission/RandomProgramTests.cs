using System.Linq;
using Graph.Compiler.Ir;
using Graph.Runtime.Cpu;
using Graph.Tests.Property;
using Graph.Tests.Toy;
using Xunit;

namespace Graph.Tests.Ptx.Emission;

/// <summary>Programs by chance as emitted kernels, with the bits of the interpreter of their kernels.</summary>
public sealed class RandomProgramTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 24)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Programs_by_chance_have_the_bits_of_the_interpreter(int seed)
    {
        var rows = DimBinding.Empty.With("B", 3);
        var source = RandomProgram.Make(seed);
        var lowered = KernelTests.Lower(source);
        var (arguments, states) = RandomProgram.Values(source, seed, rows, DType.F32);
        var interpreter = new ToyMachine(WrittenOut.Of(lowered)) { Exponential = x => VectorMath.Exp((float)x) };
        var machine = new EmulatedMachine(lowered, new() { Seed = (ulong)seed, Strict = seed % 4 == 0 });
        foreach (var (path, value) in states)
        {
            interpreter.Set(path, value);
            machine.Set(path, value);
        }
        var (expected, actual) = (interpreter.Run("loss", rows, arguments), machine.Run("loss", rows, arguments));
        for (var r = 0; r < expected.Length; r++) KernelTests.Same(expected[r], actual[r], $"program {seed}, result {r}");
    }
}
