using Graph.Compiler.Targets;
using Graph.Runtime.Cpu;

namespace Graph.Runtime.Execution;

// Weights that are brought into the form in which the library's products and convolutions read them.
sealed unsafe partial class LaunchTableBuilder
{
    void WritePack(LaunchEntry* entry)
    {
        entry->Kind = LaunchKind.Library;
        var (form, groups) = ((PackedOperands)Next(), Next());
        var type = Accumulator();
        if (form == PackedOperands.ConvolutionWeight)
        {
            var call = memory.Take<ConvolutionCall>(1);
            *call = new() { Filters = Next(), Channels = Next() * groups, KernelHeight = Next(), KernelWidth = Next(), Groups = groups };
            Access(type, (void**)&call->Weight);
            call->WeightStrides = new() { Image = Next(), Channel = Next(), Row = Next(), Column = Next() };
            Access(type, (void**)&call->PackedWeight);
            entry->Library = &PackWeight;
            entry->Call = call;
        }
        else
        {
            var call = memory.Take<ContractCall>(1);
            var (k, n) = (Next(), Next());
            *call = new(1, n, k);
            Access(type, (void**)&call->B);
            (call->BK, call->BN) = (Next(), Next());
            Access(type, (void**)&call->PackedB);
            entry->Library = &PackRight;
            entry->Call = call;
        }
        // The packed form lies one element behind the other.
        at++;
    }

    static void PackWeight(WorkerPool pool, void* call) => Convolution.PackWeight(pool, (ConvolutionCall*)call);

    static void PackRight(WorkerPool pool, void* call) => Contract.PackRight(pool, (ContractCall*)call);
}
