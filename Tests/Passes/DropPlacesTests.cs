using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Passes;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Passes;

public sealed class DropPlacesTests
{
    static (Program Before, Program After) Check(string text)
    {
        var before = ProgramParser.Parse("program Example version 1\ndim B ≤ 64 ~ 16\n\n" + text + "\n", OperationTable.Set);
        var after = new DropPlaces().RunVerified(before);
        Running.Same(Running.Run(before, "f", 1), Running.Run(after, "f", 1), "f");
        return (before, after);
    }

    [Fact]
    public void Maxima_come_alone_where_nothing_reads_their_places()
    {
        var (_, after) = Check("""
            func f(x: f32[B,3,9,7]) -> f32[B,3,5,4]
              %0, %1 = max_pool2d x {kernel=[3,3], padding=[1,1], stride=[2,2]} : f32[B,3,5,4], i32[B,3,5,4]
              %2 = relu %0 : f32[B,3,5,4]
              return %2
            """);
        var node = after.Functions[0].Nodes.Single(n => n.Name == "max_pool2d");
        Assert.Single(node.Outputs);
        // The same by other operations, for a target without a kernel of its own.
        var defined = new Builder(after, "defined");
        Assert.Single(node.Operation.Define(defined, node));
        // It is read again as it is written.
        var text = ProgramPrinter.Print(after);
        Assert.Equal(text, ProgramPrinter.Print(ProgramParser.Parse(text, OperationTable.Set)));
    }

    [Fact]
    public void Maxima_in_the_body_of_a_loop_come_alone_too()
    {
        var (_, after) = Check("""
            func f(x: f32[4,B,3,9,7], y: f32[B,3,5,4]) -> (f32[B,3,5,4], f32[4,B,3,5,4])
              %0, %1 = loop y, x {carries=1, count=[4], scanned=1} : f32[B,3,5,4], f32[4,B,3,5,4]
                region(i: i64[], sum: f32[B,3,5,4], slice: f32[B,3,9,7])
                  %0, %1 = max_pool2d slice {kernel=[3,3], padding=[1,1], stride=[2,2]} : f32[B,3,5,4], i32[B,3,5,4]
                  %2 = add sum, %0 : f32[B,3,5,4]
                  return %2, %0
              return %0, %1
            """);
        Assert.Single(after.Functions[0].Nodes.Single().Regions[0].Nodes.Single(n => n.Name == "max_pool2d").Outputs);
    }

    [Theory]
    [InlineData("return %0, %1", "f32[B,3,4,3], i32[B,3,4,3]")]
    [InlineData("%2 = max_pool2d_grad dy, %1 {shape=[B,3,9,7]} : f32[B,3,9,7]\n  return %0, %2", "f32[B,3,4,3], f32[B,3,9,7]")]
    public void Places_that_something_reads_stay(string rest, string results)
    {
        var (before, after) = Check($$"""
            func f(x: f32[B,3,9,7], dy: f32[B,3,4,3]) -> ({{results}})
              %0, %1 = max_pool2d x {kernel=[2,2], padding=[0,0], stride=[2,2]} : f32[B,3,4,3], i32[B,3,4,3]
              {{rest}}
            """);
        Assert.Equal(ProgramPrinter.Print(before), ProgramPrinter.Print(after));
    }
}
