using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Runtime.Execution;
using Graph.Yardsticks.Small;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>States that entries assign: the next call reads what the last one wrote.</summary>
public sealed class AssignedStateTests
{
    static ParameterStore Store(IModel model) => model.Instance.Store;

    static float[] State(CacheModel model, string path) => Store(model)[path].Read<float>().ToArray();

    [Fact]
    public void A_cache_of_keys_and_values_stays_in_the_model()
    {
        using var owner = CacheModel.Create(seed: 3);
        using var model = owner.NewSession();
        var weight = Store(model)["head.weight"].Read<float>().ToArray();
        var rows = new List<float[]>();
        var random = new Random(1);
        for (var step = 0; step < 8; step++)
        {
            float[] token = [.. Enumerable.Range(0, 4).Select(_ => random.NextSingle() - 0.5f)], result = new float[4];
            model.Next(token, result);
            rows.Add([.. Enumerable.Range(0, 4).Select(o => Enumerable.Range(0, 4).Sum(i => weight[o * 4 + i] * token[i]))]);
            var shares = rows.Select(r => Math.Exp(r.Zip(token).Sum(p => p.First * p.Second))).ToArray();
            for (var i = 0; i < 4; i++) Assert.Equal(rows.Select((r, k) => r[i] * shares[k]).Sum() / shares.Sum(), result[i], 1e-5);
        }
    }

    [Fact]
    public void Reads_see_what_was_assigned_last_within_a_call_and_in_the_next()
    {
        using var owner = CacheModel.Create();
        using var model = owner.NewSession();
        float[] before = new float[1], between = new float[1], after = new float[1];
        foreach (var (x, expected) in new[] { (1f, (0f, 1f, 10f)), (2f, (10f, 12f, 120f)), (0f, (120f, 120f, 1200f)) })
        {
            model.Count([x], before, between, after);
            Assert.Equal(expected, (before[0], between[0], after[0]));
            model.Read([1], after);
            Assert.Equal(expected.Item3, after[0]);
        }
    }

    // Each new value is the other's old one: neither may be written before both are read.
    [Fact]
    public void Two_states_change_places()
    {
        using var owner = CacheModel.Create();
        using var model = owner.NewSession();
        float[] x = new float[1], a = new float[1], b = new float[1], c = new float[1];
        model.Count([0.7f], a, b, c);
        model.Swap(x, a, b);
        Assert.Equal((7f, 0f), (a[0], b[0]));
        model.Swap(x, a, b);
        Assert.Equal((0f, 7f), (a[0], b[0]));
    }

    [Fact]
    public void A_loss_keeps_what_it_assigns_in_training_alone()
    {
        using var model = CacheModel.Create();
        float[] x = [1, 2, 3, 4, 5, 6, 7, 9];
        model.Loss(x);
        Assert.Equal([0], State(model, "seen"));
        Assert.Equal([0, 0, 0, 0], State(model, "norm.running_mean"));
        model.TrainStep(x);
        model.TrainStep(x);
        Assert.Equal([4], State(model, "seen"));
        Assert.NotEqual([0, 0, 0, 0], State(model, "norm.running_mean"));
        var mean = State(model, "norm.running_mean");
        model.Loss(x);
        Assert.Equal([4], State(model, "seen"));
        Assert.Equal(mean, State(model, "norm.running_mean"));
    }

    // The entry reaches the same method: what it assigns is kept, what layers assign in training alone is not, and nothing is dropped out.
    [Fact]
    public void An_entry_keeps_what_it_assigns_but_is_no_training()
    {
        using var owner = CacheModel.Create();
        using var model = owner.NewSession();
        float[] x = [.. Enumerable.Range(0, 12)];
        var first = model.Look(x);
        Assert.Equal(first, model.Look(x));
        Assert.Equal([6], State(model, "seen"));
        Assert.Equal([0, 0, 0, 0], State(model, "norm.running_mean"));
    }

    [Fact]
    public void A_function_says_which_states_it_assigns()
    {
        using var model = CacheModel.Create();
        var compiled = ((IModel)model).Instance.Model;
        Assert.Equal(["cache", "length"], compiled["next"].AssignedStates.AsEnumerable());
        Assert.Equal(["length", "seen"], compiled["swap"].AssignedStates.Order());
        Assert.Equal(["seen"], compiled["look"].AssignedStates.AsEnumerable());
        Assert.Empty(compiled["read"].AssignedStates);
        Assert.Empty(compiled["loss"].AssignedStates);
        Assert.Contains("norm.running_var", compiled["train_step"].AssignedStates);
    }
}
