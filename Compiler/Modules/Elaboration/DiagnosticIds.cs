using System.Collections.Generic;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>The identities of the errors that elaboration finds. Each has one meaning for ever.</summary>
public static class DiagnosticIds
{
    /// <summary>A construct that has no meaning while building.</summary>
    public const string Unsupported = "GR1100";
    /// <summary>A condition that depends on the numbers in a tensor.</summary>
    public const string TensorCondition = "GR1101";
    /// <summary>The evaluation took too many steps: most likely a loop without end.</summary>
    public const string OutOfFuel = "GR1102";
    /// <summary>Calls nest too deeply: most likely a recursion without end.</summary>
    public const string TooDeep = "GR1103";
    /// <summary>The model's own exception.</summary>
    public const string Thrown = "GR1104";
    /// <summary>What would throw in C#: an overflow, a division by zero, an index out of range, a null.</summary>
    public const string WouldThrow = "GR1105";
    /// <summary>A named dimension where a number is needed.</summary>
    public const string SymbolicDimension = "GR1106";
    /// <summary>A module, function or field whose definition cannot be found.</summary>
    public const string Missing = "GR1107";
    /// <summary>Something too large to build.</summary>
    public const string TooLarge = "GR1108";
    /// <summary>A tensor operation outside of a method: in a constructor or field initializer.</summary>
    public const string OperationInConstructor = "GR1109";
    /// <summary>A parameter or state that no field of the model holds.</summary>
    public const string ParameterWithoutField = "GR1110";
    /// <summary>Two parameters with one path.</summary>
    public const string DuplicatePath = "GR1111";
    /// <summary>A module that changes after its construction.</summary>
    public const string MutatedModule = "GR1112";
    /// <summary>A parameter whose shape has a named dimension.</summary>
    public const string SymbolicParameter = "GR1113";
    /// <summary>A [Shape] with a dimension that no [Dim] declares.</summary>
    public const string UndeclaredDimension = "GR1114";
    /// <summary>A [Dim] without sensible bounds.</summary>
    public const string WrongDimension = "GR1115";
    /// <summary>An entry or loss whose parameter is no tensor or has no [Shape].</summary>
    public const string EntryParameter = "GR1116";
    /// <summary>An entry that returns something other than tensors.</summary>
    public const string EntryResult = "GR1117";
    /// <summary>A loss that is no scalar.</summary>
    public const string LossResult = "GR1118";
    /// <summary>A [Train] method without a loss, or one that gives no optimizer.</summary>
    public const string Train = "GR1119";
    /// <summary>An optimizer whose Update does not fit.</summary>
    public const string OptimizerUpdate = "GR1120";
    /// <summary>A model with hyper-parameters that have no value.</summary>
    public const string OpenModel = "GR1121";
    /// <summary>Two functions of a model with one name.</summary>
    public const string DuplicateFunction = "GR1122";
    /// <summary>A value that was computed in another function, for example one kept in a list.</summary>
    public const string ForeignTensor = "GR1123";
    /// <summary>A defect of the compiler.</summary>
    public const string Internal = "GR1199";
    /// <summary>Operands whose shapes do not fit.</summary>
    public const string Shape = "GR2001";

    /// <summary>All identities with their titles, in order: what the generator makes its descriptors from.</summary>
    public static IReadOnlyList<(string Id, string Title)> All { get; } =
    [
        (Unsupported, "Not part of the modelling language"),
        (TensorCondition, "A condition depends on data"),
        (OutOfFuel, "Building the model does not end"),
        (TooDeep, "Calls nest too deeply"),
        (Thrown, "The model reports an error"),
        (WouldThrow, "Building the model throws"),
        (SymbolicDimension, "A named dimension has no number while building"),
        (Missing, "A definition is missing"),
        (TooLarge, "Too large to build"),
        (OperationInConstructor, "A tensor operation in a constructor"),
        (ParameterWithoutField, "A parameter is not held by a field"),
        (DuplicatePath, "Two parameters have one path"),
        (MutatedModule, "A module changes after its construction"),
        (SymbolicParameter, "A parameter has a named dimension"),
        (UndeclaredDimension, "A dimension is not declared"),
        (WrongDimension, "A dimension has wrong bounds"),
        (EntryParameter, "An entry's parameter is no tensor with a shape"),
        (EntryResult, "An entry returns something other than tensors"),
        (LossResult, "A loss is no scalar"),
        (Train, "The optimizer cannot be built"),
        (OptimizerUpdate, "The optimizer's Update does not fit"),
        (OpenModel, "A model has open hyper-parameters"),
        (DuplicateFunction, "Two functions have one name"),
        (ForeignTensor, "A tensor of another function"),
        (Internal, "A defect of the compiler"),
        (Shape, "Shapes do not fit"),
    ];
}
