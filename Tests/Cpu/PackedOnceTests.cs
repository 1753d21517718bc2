using System;
using System.Linq;
using System.Threading;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets;
using Graph.Runtime.Cpu;
using Graph.Tests.Language;
using Xunit;

namespace Graph.Tests.Cpu;

/// <summary>What the model of the CPU says of packing once is what its library does, and dear arithmetic goes into products where it holds.</summary>
public sealed unsafe class PackedOnceTests
{
    // p[0] counts the elements that are made.
    static void Counted(void** p, long* d, float* tile, long stride, long batch, long row, long rows, long column, long columns)
    {
        Interlocked.Add(ref *(long*)p[0], rows * columns);
        for (long i = 0; i < rows; i++) new Span<float>(tile + i * stride, (int)columns).Fill(1);
    }

    static bool Says(long m, long n, long k) => CpuLibrary.Packing.PacksOnce(CpuLibrary.Products, m, n, k);

    [Theory]
    [InlineData(4096, 128, 512)]
    [InlineData(128, 512, 4096)]
    [InlineData(768, 1030, 256)]
    [InlineData(250, 768, 1111)]
    [InlineData(512, 500, 384)]
    public void Each_number_is_made_once(long m, long n, long k)
    {
        Assert.True(Says(m, n, k));
        long left = 0, right = 0;
        void** ofLeft = stackalloc void*[] { &left }, ofRight = stackalloc void*[] { &right };
        foreach (var width in Enum.GetValues<VectorWidth>().Where(w => w <= Machine.Best))
            foreach (var threads in (int[])[1, 2, 4])
            {
                using var pool = new WorkerPool(threads);
                using var c = new NativeArray(m * n);
                (left, right) = (0, 0);
                var call = ContractCall.RowMajor(m, n, k, null, null, c.Pointer);
                call.PrologueA = call.PrologueB = &Counted;
                call.PrologueAPointers = ofLeft;
                call.PrologueBPointers = ofRight;
                using var memory = new NativeArray(Contract.WorkspaceFloats(&call));
                call.Workspace = memory.Pointer;
                call.WorkspaceFloats = memory.Count;
                Machine.Override = width;
                try
                {
                    Contract.Run(pool, &call);
                }
                finally
                {
                    Machine.Override = null;
                }
                Assert.Equal((m * k, k * n), (left, right));
                Assert.All(c.Span.ToArray(), sum => Assert.Equal(k, sum));
            }
    }

    /// <summary>Few tasks, sums in slices, small products, and a result of many columns whose left operand is made for each part of them.</summary>
    [Theory]
    [InlineData(128, 128, 128)]
    [InlineData(32, 32, 100)]
    [InlineData(64, 64, 65536)]
    [InlineData(4096, 4096, 512)]
    public void Of_other_products_nothing_is_promised(long m, long n, long k) => Assert.False(Says(m, n, k));

    /// <summary>The activation of a wide layer is made by the product that reads it, forward and for the gradient of the weight; of one that stays in caches it is written.</summary>
    [Theory]
    [InlineData(1024, true)]
    [InlineData(512, false)]
    public void Dear_arithmetic_goes_into_the_product_that_makes_it_once(int rows, bool isMadeThere)
    {
        using var model = RunningModel.Of($$"""
            [Model] public partial class M
            {
                readonly Linear expand = new(64, 1024), contract = new(1024, 64);
                [Loss] public Tensor Loss([Shape({{rows}}, 64)] Tensor x, [Shape({{rows}}, 64)] Tensor y) => contract.Forward(expand.Forward(x).Gelu()).MseLoss(y);
                [Train] public static Sgd Optimizer() => new(learningRate: 0.01);
            }
            """);
        var products = model.Instance.Model.Lowered.Find("train_step")!.Launches.OfType<ContractLaunch>().ToList();
        static bool Computes(LoopKernel? kernel) => kernel?.Text.Contains("erf", StringComparison.Ordinal) == true;
        Assert.Equal(isMadeThere ? 2 : 0, products.Count(l => Computes(l.Kernel.MakesA?.Body) || Computes(l.Kernel.MakesB?.Body)));
    }

    /// <summary>With a second reader the activation is written, without one the products make it: the same random numbers, and the same bits.</summary>
    [Theory]
    [InlineData("Gelu()")]
    [InlineData("Gelu().Dropout(0.25)")]
    [InlineData("Tanh().Dropout(0.5)")]
    public void Products_that_make_what_they_read_have_the_bits_of_those_that_read_it(string activation)
    {
        (double Loss, float[] Weights, int Made) Step(string more)
        {
            using var model = RunningModel.Of($$"""
                [Model] public partial class M
                {
                    readonly Linear expand = new(64, 1024), contract = new(1024, 64);
                    [Loss] public Tensor Loss([Shape(1030, 64)] Tensor x)
                    {
                        var h = expand.Forward(x).{{activation}};
                        var y = contract.Forward(h).Square().Mean();
                        return {{more}};
                    }
                    [Train] public static Sgd Optimizer() => new(learningRate: 0.1);
                }
                """);
            var x = Enumerable.Range(0, 1030 * 64).Select(i => MathF.Sin(i * 0.37f)).ToArray();
            model.Step(x);
            var loss = (double)model.Step(x).Loss;
            var products = model.Instance.Model.Lowered.Find("train_step")!.Launches.OfType<ContractLaunch>();
            return (loss, [.. model.Instance.Store["expand.weight"].Values, .. model.Instance.Store["contract.weight"].Values], products.Count(l => l.Kernel.MakesA is not null || l.Kernel.MakesB is not null));
        }
        var (made, written) = (Step("y"), Step("y + h.Sum() * 1e-30f"));
        Assert.Equal(0, written.Made);
        Assert.InRange(made.Made, activation == "Gelu()" ? 2 : 0, 2);
        Assert.Equal(written.Loss, made.Loss);
        Assert.Equal(written.Weights, made.Weights);
    }
}
