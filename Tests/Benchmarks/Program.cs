namespace Graph.Benchmarks;

static class Program
{
    static int Main(string[] args)
    {
        System.Console.Error.WriteLine("usage: Benchmarks steps|gemm|compile");
        return args.Length == 0 ? 2 : 2;
    }
}
