using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes.Typing;

// Calls, loops and branches: what they take keeps its type, and what is in them is typed for it.
sealed partial class FunctionTyping
{
    void Structure(Node node)
    {
        if (CallOperation.CalleeName(node) is { } callee) Call(node, callee);
        else if (node.Operation == StructureOperations.Loop) Loop(node);
        else if (node.Operation == StructureOperations.If) If(node);
        else throw new System.InvalidOperationException($"{node.Name} comes behind the assignment of types.");
    }

    void Call(Node node, string name)
    {
        var callee = scope.Source.Find(name)!;
        ImmutableArray<Value> inputs = [.. node.Inputs.Select((v, i) => Given(v, callee.Parameters[i], callee, node))];
        var typed = scope.Callee(name, Origin(node), [.. inputs.Select(v => v.DType)]);
        b.Program = scope.Program; // which has the callee by now
        Emit(node, inputs, node.Attributes.With("callee", typed.Name), []);
    }

    // Carries keep the type that they begin with in the source: 32 bits, in which a state of many steps is added up.
    void Loop(Node node)
    {
        var body = node.Regions[0];
        var (carries, _, _) = LoopOperation.Shape(node.Attributes);
        ImmutableArray<Value> inputs = [.. node.Inputs.Select((v, i) => i < carries ? As(v, v.DType, $"what a loop carries is {v.DType.Name()}") : Given(v, body.Parameters[i + 1], body, node))];
        Emit(node, inputs, node.Attributes, [Region(body, [DType.I64, .. inputs.Select(v => v.DType)], carries)]);
    }

    // Two branches give the same types: those of the source.
    void If(Node node)
    {
        ImmutableArray<Value> inputs = [.. node.Inputs.Select((v, i) => i == 0 ? Natural(v) : Given(v, node.Regions[0].Parameters[i - 1], node.Regions[0], node))];
        Emit(node, inputs, node.Attributes, [.. node.Regions.Select(r => Region(r, [.. inputs.Skip(1).Select(v => v.DType)], r.Results.Length))]);
    }

    Function Region(Function region, ImmutableArray<DType> parameters, int declared) => new FunctionTyping(scope, region, region.Name, path, parameters, declared).Run();

    // A parameter of the model has the type that it is read in there.
    Value Given(Value value, Value parameter, Function region, Node node) =>
        !readers.IsFlexible(value) ? Natural(value)
        : Narrow(node) is { } narrow && readers.IsParameter(value) && new Readers(scope, region).WantNarrow(parameter) ? As(value, narrow, "")
        : As(value, value.DType, "");
}
