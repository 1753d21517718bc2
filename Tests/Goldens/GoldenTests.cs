using System;
using System.Linq;
using Xunit;

namespace Graph.Tests.Goldens;

public class GoldenTests
{
    [Theory]
    [InlineData("neg")]
    [InlineData("where/same")]
    public void Inputs_are_the_numbers_that_PyTorch_saw(string name)
    {
        var golden = Golden.All()[name];
        var expected = name == "neg"
            ? golden.Inputs[0].Reals().Select(x => -x)
            : golden.Inputs[0].Integers().Select((c, i) => c != 0 ? golden.Inputs[1].Reals()[i] : golden.Inputs[2].Reals()[i]);
        Assert.Equal(expected, golden.Outputs[0].Values);
    }

    [Fact]
    public void Output_gradients_are_those_that_PyTorch_used()
        => Assert.Equal(Golden.All()["neg"].OutputGradient().Select(w => -w), Golden.All()["neg"].Gradients!["x"]);

    [Fact]
    public void Listed_values_are_read_as_they_stand()
    {
        var golden = Golden.All()["cross_entropy/ignore_index"];
        Assert.True(golden.Inputs[1].IsInteger);
        Assert.Equal([3, -100, 0, -100, 1], golden.Inputs[1].Integers());
        Assert.Equal(-100, golden.Attributes["ignore_index"].GetInt32());
    }

    [Fact]
    public void Every_operation_has_as_many_values_as_its_shapes_say()
    {
        foreach (var golden in Golden.All().Values)
        {
            Assert.All(golden.Outputs, output => Assert.Equal(output.Shape.Count(), output.Values.Length));
            foreach (var (name, values) in golden.Gradients ?? [])
                Assert.Equal(golden.Inputs.Single(input => input.Name == name).Shape.Count(), values.Length);
        }
    }

    [Theory]
    [InlineData("mlp", 669_706)]
    [InlineData("cnn", 421_738)]
    [InlineData("nanogpt", 809_856)]
    [InlineData("resnet18", 11_173_962)]
    [InlineData("gpt2", 53_561_088)]
    public void Models_learn_in_ten_steps_and_have_the_yardsticks_parameters(string model, int parameters)
    {
        var golden = Golden.Training(model);
        Assert.Equal(parameters, golden.Parameters.Sum(p => p.Shape.Count()));
        Assert.Equal(golden.Steps, golden.Losses.Length);
        Assert.True(golden.Losses[^1] < golden.Losses[0]);
        Assert.InRange(golden.Spread(golden.Steps), 1e-8, 0.1);
        Assert.True(golden.Spread(1) <= golden.Spread(golden.Steps));
    }

    [Fact]
    public void A_digest_notices_a_changed_value()
    {
        var digest = new GoldenDigestRow("w", Sum: 6, Norm: Math.Sqrt(14), Values: [1, 2, 3]);
        Assert.Equal(0, digest.Difference([1, 2, 3]), 15);
        Assert.InRange(digest.Difference([1, 2, 3.001]), 1e-5, 1e-2);
    }
}
