using System;
using System.Linq;
using Graph.Yardsticks;
using Xunit;

namespace Graph.Tests.Runtime;

public class EagerModelTests
{
    [Fact]
    public void A_body_called_on_numbers_agrees_with_the_compiled_entry_before_and_after_training()
    {
        using var model = Mlp.Create(seed: 3, threads: 1);
        var random = new Random(1);
        float[] images = [.. Enumerable.Range(0, 2 * 784).Select(_ => (float)random.NextDouble())];
        int[] labels = [3, 8];
        for (var round = 0; round < 2; round++)
        {
            var compiled = new float[20];
            model.Logits(images, compiled);
            var eager = model.Logits(Tensor.From(images, 2, 784)).ToArray();
            for (var i = 0; i < 20; i++) Assert.Equal(compiled[i], (float)eager[i], 1e-4f);
            model.TrainStep(images, labels);
        }
    }
}
