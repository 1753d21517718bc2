using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text.RegularExpressions;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Compiler;
using Graph.Compiler.Lowering;
using Graph.Tests.Elaboration;
using Graph.Yardsticks;
using Xunit;

namespace Graph.Tests.Lowering;

/// <summary>What the JIT compiles well has bounds; emitted methods keep within them.</summary>
public class EmittedCodeTests
{
    const int MostIl = 16 << 10, MostVectorStatements = 200, MostHelpers = 100;

    [Theory]
    [InlineData(typeof(Mlp))]
    [InlineData(typeof(Cnn))]
    [InlineData(typeof(NanoGpt))]
    [InlineData(typeof(ResNet18))]
    [InlineData(typeof(Gpt2))]
    public void No_emitted_method_outgrows_the_JIT(Type model)
    {
        var elaborated = Elaborate.Built(model);
        var lowered = Lowerer.Lower(CompilerPipeline.Run(elaborated.Program, KnownTargets.Cpu));
        var kernels = KernelAssembly.Compile(lowered.Kernels);
        using var image = new PEReader(ImmutableArray.Create(kernels.Image));
        var metadata = image.GetMetadataReader();
        foreach (var handle in metadata.MethodDefinitions)
        {
            var method = metadata.GetMethodDefinition(handle);
            if (method.RelativeVirtualAddress == 0) continue;
            var size = image.GetMethodBody(method.RelativeVirtualAddress).GetILBytes()!.Length;
            Assert.True(size <= MostIl, $"{metadata.GetString(method.Name)} has {size} bytes of IL.");
        }
        foreach (var (name, body) in Methods(kernels.Source))
        {
            var vectors = body.Count(line => Regex.IsMatch(line, @"\bV(512|256|128)\.|s\d+_\d+ \+=|\(v\d+ [-+*/] "));
            var helpers = body.Sum(line => Regex.Matches(line, @"VectorMath\.|Lanes\.|Philox\.").Count);
            Assert.True(vectors <= MostVectorStatements, $"{name} has {vectors} vector statements.");
            Assert.True(helpers <= MostHelpers, $"{name} has {helpers} calls of helpers.");
        }
    }

    [Fact]
    public void Lowering_is_deterministic()
    {
        string Print()
        {
            var elaborated = Elaborate.Built(typeof(NanoGpt));
            return KernelDump.Print(Lowerer.Lower(CompilerPipeline.Run(elaborated.Program, KnownTargets.Cpu)));
        }
        Assert.Equal(Print(), Print());
    }

    [Fact]
    public void A_program_that_was_written_and_read_lowers_alike()
    {
        var elaborated = Elaborate.Built(typeof(NanoGpt));
        var program = CompilerPipeline.Run(elaborated.Program, KnownTargets.Cpu).Final;
        var read = ProgramParser.Parse(ProgramPrinter.Print(program), program.Operations);
        Assert.Equal(KernelDump.Print(Lowerer.Lower(program, KnownTargets.Cpu)), KernelDump.Print(Lowerer.Lower(read, KnownTargets.Cpu)));
    }

    static IEnumerable<(string Name, List<string> Body)> Methods(string source)
    {
        string? name = null;
        var body = new List<string>();
        using var reader = new StringReader(source);
        while (reader.ReadLine() is { } line)
        {
            if (Regex.Match(line, @"^    static void (\w+)\(") is { Success: true } match) name = match.Groups[1].Value;
            else if (line == "    }" && name is not null)
            {
                yield return (name, body);
                name = null;
                body = [];
            }
            else if (name is not null) body.Add(line.Trim());
        }
    }
}
