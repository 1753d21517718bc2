using System;

namespace Graph.Benchmarks;

static class Program
{
    static int Main(string[] args)
    {
        string command = args.Length > 0 ? args[0] : "";
        string[] rest = args.Length > 0 ? args[1..] : args;
        switch (command)
        {
            case "gemm": return GemmCommand.Run(rest);
            default:
                Console.Error.WriteLine("usage: Benchmarks gemm [M N K]...");
                return 2;
        }
    }
}
