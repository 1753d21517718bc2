using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Operations;
using Graph.Tests.Elaboration;
using Graph.Yardsticks.Small;
using Xunit;

namespace Graph.Tests.Mixed;

/// <summary>The scale of the loss, as the compiled step moves it: Micikevicius et al., "Mixed precision training", 2017, and torch.amp.GradScaler.</summary>
public sealed class LossScaleTests
{
    // loss = mean(x w) · factor: the gradient of w is the mean of the rows of x, times factor.
    static Program Line(double factor, string type = "f32") => ProgramParser.Parse($$"""
        program Line version 1
        dim N ≤ 1024 ~ 64
        param w : {{type}}[4,1] = ones
        train {loss="loss"}

        func update(value: {{type}}[N], gradient: {{type}}[N], learning_rate: f32[], step: i64[]) -> (value: {{type}}[N])
          %0 = mul gradient, learning_rate
          %1 = cast %0 {dtype="{{type}}"}
          %2 = sub value, %1
          return %2

        func forward_loss(x: f32[2,4], seed: i64[]) -> (loss: f32[])
          {{(type == "f32" ? "%0 = matmul x, @w" : "%1 = cast x {dtype=\"f16\"}\n  %0 = matmul %1, @w")}}
          %2 = mean %0 {axes=[0,1], keep=false}
          %3 = constant {dtype="f32", value={{new Attr.Real(factor)}}}
          %4 = mul %2, %3
          %5 = cast %4 {dtype="f32"}
          return %5

        """, OperationTable.Set);

    static float[] Rows(float x) => [.. Enumerable.Repeat(x, 8)];

    static Dictionary<string, byte[]> Bits(MixedModel model) => model.Instance.Store.All.Where(t => t.Kind != StateKind.Counter).ToDictionary(t => t.Path, t => t.Raw(0, int.MaxValue).ToArray());

    [Fact]
    public void The_scale_follows_the_schedule_over_10000_steps()
    {
        using var model = MixedModel.Of(Line(1.0 / 1024), Precisions.Float16, threads: 1);
        model.Instance.LearningRate = 0;
        int[] infinite = [0, 700, 2700, 2701, 5000, 9999];
        double scale = 65536;
        long clean = 0, skipped = 0, made = 0, grown = 0;
        for (var attempt = 0; attempt < 10_000; attempt++)
        {
            // 10000 in every row: 16 bits hold it and what comes of it, but not its gradient times any scale that occurs here.
            var isInfinite = infinite.Contains(attempt);
            var result = model.Step([Rows(isInfinite ? 10000 : 0.25f)]);
            Assert.Equal(scale, result.LossScale);
            Assert.Equal(isInfinite ? SkipReason.Gradients : SkipReason.None, result.Skipped);
            // As torch.amp.GradScaler.update does.
            if (isInfinite) (scale, clean, skipped) = (scale / 2, 0, skipped + 1);
            else if (++clean == 2000) (scale, clean, grown) = (scale * 2, 0, grown + 1);
            if (!isInfinite) made++;
        }
        var training = new ModelTraining(model.Instance, model.Instance.Model.TrainingOf(null));
        Assert.Equal((scale, skipped, made), (training.LossScale, training.SkippedSteps, training.Step));
        Assert.Equal(clean, model.Instance.Store["optimizer.clean_steps"].Read<long>()[0]);
        Assert.Equal((infinite.Length, 3), (skipped, grown));
    }

    [Fact]
    public void A_scale_that_would_leave_the_numbers_does_not_grow()
    {
        using var model = MixedModel.Of(Line(Math.ScaleB(1, -125)), Precisions.Float16, threads: 1);
        model.Step([Rows(0.25f)]);
        model.Instance.Store["optimizer.loss_scale"].Write<float>([MathF.ScaleB(1, 127)]);
        model.Instance.Store["optimizer.clean_steps"].Write<long>([1999]);
        Assert.True(model.Step([Rows(0.25f)]).IsFinite);
        Assert.Equal(MathF.ScaleB(1, 127), model.Instance.Store["optimizer.loss_scale"].Values[0]);
        Assert.Equal(0, model.Instance.Store["optimizer.clean_steps"].Read<long>()[0]);
    }

    [Theory]
    [InlineData(float.PositiveInfinity, SkipReason.Loss)]
    [InlineData(float.NaN, SkipReason.Loss)]
    [InlineData(3000, SkipReason.Gradients)]
    public void An_infinity_skips_the_step_halves_the_scale_and_leaves_every_bit(float injected, SkipReason reason)
    {
        using var model = MixedModel.Of(typeof(LinearClassifier), Precisions.Float16);
        var random = new Random(1);
        var x = Enumerable.Range(0, 16 * 8).Select(_ => (float)random.NextDouble()).ToArray();
        var label = Enumerable.Range(0, 16).Select(i => i % 4).ToArray();
        Assert.True(model.Step([x, label]).IsFinite);
        var before = Bits(model);
        x[5] = injected;
        if (reason == SkipReason.Gradients) Array.Fill(x, injected);
        var skipped = model.Step([x, label]);
        Assert.Equal(reason, skipped.Skipped);
        Assert.False(skipped.IsFinite);
        Assert.Equal(65536, skipped.LossScale);
        Assert.Contains("not made", skipped.ToString(), StringComparison.Ordinal);
        foreach (var (path, bits) in Bits(model)) Assert.True(bits.AsSpan().SequenceEqual(before[path]), path);
        Assert.Equal(Math.ScaleB(1, 15), model.Instance.Store["optimizer.loss_scale"].Values[0]);
        Assert.Equal((1, 2), (model.Instance.Store.Step, model.Instance.Store.Attempts));
        // What is left is as good as it was: the next step is that of a model that never met the batch, but for the scale.
        Array.Fill(x, 0.5f);
        Assert.True(model.Step([x, label]).IsFinite);
    }

    [Fact]
    public void Gradients_that_underflow_without_scaling_survive_with_it()
    {
        // Factor and rows are small: the gradient of a product is 2⁻²⁷, below everything that float16 holds.
        double Moved(double? scale)
        {
            using var model = MixedModel.Of(Line(Math.ScaleB(1, -24)), Precisions.Float16, scale, threads: 1);
            model.Instance.LearningRate = MathF.ScaleB(1, 20);
            model.Step([Rows(0.125f)]);
            return 1 - model.Instance.Store["w"].Values[0];
        }
        Assert.Equal(0, Moved(1));
        Assert.Equal(Math.ScaleB(1, -7), Moved(null));
        Assert.Equal(Math.ScaleB(1, -7), Moved(4096)); // a static scale, as in the paper
    }

    [Fact]
    public void An_update_below_half_an_ulp_arrives_through_the_master_weight_alone()
    {
        const int Steps = 16;
        var rate = MathF.ScaleB(1, -11); // times a gradient of ¼: 2⁻¹³, an eighth of the distance between 1 and the next smaller number of float16, which is 2⁻¹¹, and half of its half
        using var master = MixedModel.Of(Line(1), Precisions.Float16, lossScale: 1, threads: 1);
        using var without = MixedModel.Of(Line(1, "f16"), Precisions.Float32, threads: 1);
        foreach (var model in new[] { master, without })
        {
            model.Instance.LearningRate = rate;
            for (var step = 0; step < Steps; step++) model.Step([Rows(0.25f)]);
        }
        Assert.Equal(1 - Steps * MathF.ScaleB(1, -13), master.Instance.Store["w"].Values[0]);
        Assert.Equal(1 - Steps * MathF.ScaleB(1, -13), (float)master.Instance.Store["w#f16"].Read<Half>()[0]); // 2⁻⁹ is more than an ulp
        Assert.Equal(1f, (float)without.Instance.Store["w"].Read<Half>()[0]);
    }

    [Theory]
    [InlineData(Precisions.Float16, null)]
    [InlineData(Precisions.Float16, 1024.0)]
    [InlineData(Precisions.BFloat16, null)]
    public void Working_copies_are_the_rounded_masters_after_every_step(string precision, double? scale)
    {
        using var model = MixedModel.Of(typeof(LinearClassifier), precision, scale);
        var random = new Random(2);
        var label = Enumerable.Range(0, 16).Select(i => i % 4).ToArray();
        for (var step = 0; step < 5; step++)
        {
            model.Step([Enumerable.Range(0, 16 * 8).Select(_ => step == 2 ? float.PositiveInfinity : (float)random.NextDouble()).ToArray(), label]);
            foreach (var path in new[] { "layer.weight", "layer.bias" })
            {
                var copy = model.Instance.Store[path + (precision == Precisions.Float16 ? "#f16" : "#bf16")];
                var expected = model.Instance.Store[path].Values.ToArray().Select(v => Rounding.Round(v, copy.Type));
                Assert.Equal(expected, precision == Precisions.Float16 ? copy.Read<Half>().ToArray().Select(v => (double)v) : copy.Read<ushort>().ToArray().Select(v => (double)BitConverter.UInt32BitsToSingle((uint)v << 16)));
            }
        }
        Assert.Equal(1, model.Instance.Store.Derivations); // the step writes them; nobody casts all of the model again
        // Numbers that somebody else writes are those of the next step.
        model.Instance.Store["layer.weight"].Write<float>(values => values.Fill(0.3f));
        model.Step([Enumerable.Repeat(0f, 16 * 8).ToArray(), label]);
        Assert.Equal(2, model.Instance.Store.Derivations);
    }

    // Weights that an entry reads packed and a table that it reads normalized are made for the entry, not for the step before it.
    [Fact]
    public void A_step_makes_the_copies_and_nothing_else_that_is_derived()
    {
        using var model = MixedModel.Of(ProgramParser.Parse("""
            program Packed version 1
            dim N ≤ 65536 ~ 64
            param w : f32[64,96] = ones
            train {loss="loss"}

            func update(value: f32[N], gradient: f32[N], learning_rate: f32[], step: i64[]) -> (value: f32[N])
              %0 = mul gradient, learning_rate
              %1 = sub value, %0
              return %1

            func forward_loss(x: f32[8,64], seed: i64[]) -> (loss: f32[])
              %0 = matmul x, @w
              %1 = sum %0 {axes=[0,1], keep=false}
              return %1

            func product(x: f32[8,64]) -> (f32[8,96], f32[64,96])
              %0 = matmul x, @w
              %1 = exp @w
              return %0, %1

            """, OperationTable.Set), Precisions.Float16);
        var store = model.Instance.Store;
        var x = Enumerable.Range(0, 8 * 64).Select(i => i % 3 / 8f).ToArray();
        model.Instance.LearningRate = 0.25;
        model.Step([x]);
        Assert.Equal((1, 64 * 96 * 2), (store.Derivations, store.DerivedBytes));
        store["w"].Write<float>(values => values.Fill(0.5f));
        model.Step([x]);
        Assert.Equal((2, 64 * 96 * 2), (store.Derivations, store.DerivedBytes));
        var (product, powers) = (new float[8 * 96], new float[64 * 96]);
        for (var call = 0; call < 2; call++)
        {
            model.Run("product", [x, product, powers]);
            Assert.Equal(3, store.Derivations);
            Assert.InRange(store.DerivedBytes, 64 * 96 * (2 + 4), long.MaxValue);
            // By the copy, in sums of 32 bits.
            var w = store["w"].Values.ToArray();
            for (var i = 0; i < 8; i++)
                for (var j = 0; j < 96; j++) Assert.Equal(Enumerable.Range(0, 64).Sum(k => x[i * 64 + k] * Rounding.Round(w[k * 96 + j], DType.F16)), product[i * 96 + j], 2e-3 * Math.Abs(product[i * 96 + j]));
            for (var i = 0; i < powers.Length; i++) Assert.Equal(Math.Exp(w[i]), powers[i], 1e-5 * powers[i]);
        }
        model.Step([x]); // which reads the copies that the step before wrote
        Assert.Equal(3, store.Derivations);
    }

    // The step reads w in 32 bits, the entry multiplies by its copy.
    [Fact]
    public void A_copy_that_the_step_does_not_read_changes_with_its_master()
    {
        using var model = MixedModel.Of(ProgramParser.Parse("""
            program Apart version 1
            dim N ≤ 1024 ~ 64
            param w : f32[4,4] = ones
            train {loss="loss"}

            func update(value: f32[N], gradient: f32[N], learning_rate: f32[], step: i64[]) -> (value: f32[N])
              %0 = mul gradient, learning_rate
              %1 = sub value, %0
              return %1

            func forward_loss(x: f32[4,4], seed: i64[]) -> (loss: f32[])
              %0 = mul x, @w
              %1 = sum %0 {axes=[0,1], keep=false}
              return %1

            func product(x: f32[4,4]) -> (f32[4,4])
              %0 = matmul x, @w
              return %0

            """, OperationTable.Set), Precisions.Float16);
        var x = new float[16];
        for (var i = 0; i < 4; i++) x[i * 5] = 1;
        var product = new float[16];
        model.Run("product", [x, product]);
        Assert.All(product, v => Assert.Equal(1, v));
        model.Instance.LearningRate = 0.5;
        model.Step([Enumerable.Repeat(0.5f, 16).ToArray()]);
        model.Run("product", [x, product]);
        Assert.All(product, v => Assert.Equal(0.75f, v));
        Assert.Equal(1, model.Instance.Store.Derivations);
    }
}
