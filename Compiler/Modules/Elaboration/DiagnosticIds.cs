using System.Collections.Generic;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>The identities of the errors that elaboration finds; where binding finds the same in source, it has the same identity. Each has one meaning for ever.</summary>
public static class DiagnosticIds
{
    /// <summary>A defect of the compiler.</summary>
    public const string Internal = "GR0001";
    /// <summary>A parameter whose shape has a named dimension.</summary>
    public const string SymbolicParameter = "GR1011";
    /// <summary>A value that is needed while building but depends on data or on a named dimension.</summary>
    public const string NotKnown = "GR1012";
    /// <summary>The model's own exception.</summary>
    public const string Thrown = "GR1022";
    /// <summary>What would throw in C#: an overflow, a division by zero, an index out of range, a null.</summary>
    public const string Failed = "GR1023";
    /// <summary>The evaluation took too many steps: most likely a loop without end.</summary>
    public const string OutOfFuel = "GR1024";
    /// <summary>Calls nest too deeply: most likely a recursion without end.</summary>
    public const string TooDeep = "GR1016";
    /// <summary>Something too large to build.</summary>
    public const string TooLarge = "GR1031";
    /// <summary>A module, function or field whose definition cannot be found.</summary>
    public const string Missing = "GR0003";
    /// <summary>A member that a model reaches and that is not part of the modelling language.</summary>
    public const string NotBound = "GR1050";
    /// <summary>Code without a meaning in C#, which C# most likely reports itself.</summary>
    public const string NoMeaning = "GR1060";
    /// <summary>A construct that has no meaning while building.</summary>
    public const string Unsupported = "GR1033";
    /// <summary>A tensor operation outside of a method: in a constructor or field initializer.</summary>
    public const string OperationInConstructor = "GR1034";
    /// <summary>A parameter or state that no field of the model holds.</summary>
    public const string ParameterWithoutField = "GR1035";
    /// <summary>Two parameters with one path.</summary>
    public const string DuplicatePath = "GR1036";
    /// <summary>A module that changes after its construction.</summary>
    public const string MutatedModule = "GR1037";
    /// <summary>A tensor that was computed in another function.</summary>
    public const string ForeignTensor = "GR1038";
    /// <summary>A [Shape] with a dimension that no [Dim] declares.</summary>
    public const string UndeclaredDimension = "GR1014";
    /// <summary>A [Dim] without sensible bounds.</summary>
    public const string WrongDimension = "GR1015";
    /// <summary>An entry or loss whose parameter is no tensor or has no [Shape].</summary>
    public const string EntryParameter = "GR1017";
    /// <summary>A model with hyper-parameters that have no value.</summary>
    public const string OpenModel = "GR1004";
    /// <summary>Two functions of a model with one name.</summary>
    public const string DuplicateFunction = "GR1043";
    /// <summary>Operands whose shapes do not fit.</summary>
    public const string Shape = "GR2001";
    /// <summary>A window that is larger than what it slides over.</summary>
    public const string Window = "GR2006";
    /// <summary>An element type that an operation or the target does not take.</summary>
    public const string ElementType = "GR2008";
    /// <summary>An operation that one of the targets has no kernel for.</summary>
    public const string NoKernel = "GR2080";
    /// <summary>A function that cannot run within the model's memory budget.</summary>
    public const string MemoryBudget = "GR2120";
    /// <summary>A batch that has no equal parts.</summary>
    public const string MicroBatches = "GR2122";
    /// <summary>A state of the model that is to be stored in 16 bits.</summary>
    public const string StateStorage = "GR2123";
    /// <summary>A parametrization of parameters that a module does not have.</summary>
    public const string NothingParametrized = "GR2085";
    /// <summary>A parametrization that does not give what stands in a parameter's place.</summary>
    public const string Parametrization = "GR2086";
    /// <summary>An exponential that float16 may not hold: a warning.</summary>
    public const string NarrowExponential = "GR2087";
    /// <summary>Squares that float16 may not hold: a warning.</summary>
    public const string NarrowSquares = "GR2088";
    /// <summary>A number of the source that float16 does not hold: a warning.</summary>
    public const string NarrowNumber = "GR2089";
    /// <summary>A quotient that float16 may not hold: a warning.</summary>
    public const string NarrowQuotient = "GR2090";
    /// <summary>A product of activations that float16 may not hold: a warning.</summary>
    public const string NarrowProduct = "GR2091";
    /// <summary>Random numbers in an optimizer's rule.</summary>
    public const string DrawingRule = "GR2060";
    /// <summary>More numbers of the source than an assembly takes.</summary>
    public const string LargeArray = "GR2063";
    /// <summary>A session's state that training assigns.</summary>
    public const string SessionInTraining = "GR2064";
    /// <summary>A whole number that no tensor would hold exactly.</summary>
    public const string InexactNumber = "GR2021";
    /// <summary>A tensor, or all parameters together, with more elements than can be counted or held.</summary>
    public const string TooManyElements = "GR2030";
    /// <summary>A tensor that is null where an operation or the caller needs one.</summary>
    public const string NullTensor = "GR2031";
    /// <summary>A model that needs much memory: a warning.</summary>
    public const string MuchMemory = "GR2032";
    /// <summary>A carry of a loop that an iteration gives another shape.</summary>
    public const string CarryShape = "GR2050";
    /// <summary>A carry of a loop that an iteration gives another element type.</summary>
    public const string CarryType = "GR2051";
    /// <summary>A Scan whose carry, sequence or step is of the wrong form.</summary>
    public const string ScanStep = "GR2052";
    /// <summary>A tensor of one iteration that is used outside of its loop.</summary>
    public const string IterationTensor = "GR2053";
    /// <summary>Lengths that do not fit the rows of a Scan.</summary>
    public const string ScanLengths = "GR2054";
    /// <summary>A loop over a named axis that does what no loop of a program can.</summary>
    public const string NamedLoop = "GR2055";
    /// <summary>A condition of an If that is no single bool.</summary>
    public const string Condition = "GR2056";
    /// <summary>An If whose sides give different things.</summary>
    public const string Sides = "GR2057";
    /// <summary>Attention that is written by hand: information.</summary>
    public const string WrittenAttention = "GR2058";
    /// <summary>A target that a model is compiled without: information.</summary>
    public const string LeftOutTarget = "GR2100";
    /// <summary>An entry that returns something other than tensors.</summary>
    public const string EntryResult = "GR3005";
    /// <summary>A loss that is no scalar.</summary>
    public const string LossResult = "GR3002";
    /// <summary>A [Train] method without a loss, or one that gives no optimizer.</summary>
    public const string Train = "GR3003";
    /// <summary>A setting of training that makes no sense.</summary>
    public const string TrainingSetting = "GR3009";
    /// <summary>An optimizer whose Update does not fit.</summary>
    public const string OptimizerUpdate = "GR3010";
    /// <summary>A [Train] method that names parameters which the model does not have.</summary>
    public const string UnknownParameter = "GR3020";
    /// <summary>A [Train] method that changes nothing that its loss depends on.</summary>
    public const string NothingTrained = "GR3021";

    /// <summary>Those that leave the model as it is.</summary>
    public static IReadOnlyList<string> Warnings { get; } = [MuchMemory, NarrowExponential, NarrowSquares, NarrowNumber, NarrowQuotient, NarrowProduct];

    /// <summary>Those that say what could be better.</summary>
    public static IReadOnlyList<string> Hints { get; } = [WrittenAttention, LeftOutTarget];

    /// <summary>All identities with their titles, in order: what the generator makes its descriptors from.</summary>
    public static IReadOnlyList<(string Id, string Title)> All { get; } =
    [
        (Internal, "The compiler has a defect"),
        (SymbolicParameter, "A parameter's shape must be constant"),
        (NotKnown, "The value is not known while compiling"),
        (Thrown, "The module refuses its arguments"),
        (Failed, "The code fails while the model is compiled"),
        (OutOfFuel, "The code takes too long to evaluate"),
        (TooDeep, "Calls nest too deeply"),
        (TooLarge, "Too large to build"),
        (Missing, "A definition is missing"),
        (Unsupported, "Not possible while a model is compiled"),
        (OperationInConstructor, "A tensor operation in a constructor"),
        (ParameterWithoutField, "A parameter is not held by a field"),
        (DuplicatePath, "Two parameters have one path"),
        (MutatedModule, "A module changes after its construction"),
        (ForeignTensor, "A tensor of another function"),
        (UndeclaredDimension, "A dimension is not declared"),
        (WrongDimension, "A dimension has wrong bounds"),
        (EntryParameter, "An entry's parameter is no tensor with a shape"),
        (OpenModel, "A model has open hyper-parameters"),
        (DuplicateFunction, "Two functions have one name"),
        (NotBound, "A model reaches what is not part of the modelling language"),
        (NoMeaning, "C# gives this code no meaning while models are compiled"),
        (Shape, "Shapes do not fit"),
        // What operations say of their own shape rules.
        ("GR2002", "There is no such axis"),
        ("GR2003", "Inner dimensions differ"),
        ("GR2004", "A reshape changes the number of elements"),
        ("GR2005", "Channels do not fit"),
        (Window, "A window does not fit"),
        ("GR2007", "The wrong number of axes"),
        (ElementType, "The wrong element type"),
        ("GR2009", "Outside of an axis"),
        ("GR2010", "Tensors cannot be joined"),
        ("GR2011", "An axis cannot be expanded"),
        ("GR2012", "A weight, bias or target does not fit"),
        ("GR2013", "A size has to be a number"),
        (InexactNumber, "A whole number is too large for a tensor"),
        (TooManyElements, "Too many elements"),
        (NullTensor, "The tensor is null"),
        (MuchMemory, "The model needs much memory"),
        (WrittenAttention, "Attention is written by hand"),
        (LeftOutTarget, "The model is not compiled for a target"),
        (CarryShape, "A carry changes its shape"),
        (CarryType, "A carry changes its element type"),
        (ScanStep, "A Scan does not fit together"),
        (IterationTensor, "A tensor of one iteration is used outside of its loop"),
        (ScanLengths, "Lengths do not fit the rows"),
        (NamedLoop, "Not possible in a loop over a named axis"),
        (Condition, "The condition is no single bool"),
        (Sides, "The sides of an If differ"),
        (DrawingRule, "An optimizer's rule draws no random numbers"),
        (LargeArray, "Too many numbers for an assembly"),
        (SessionInTraining, "Training assigns a session's state"),
        (NoKernel, "A target has no kernel for the operation"),
        (MemoryBudget, "The model does not fit its memory budget"),
        (MicroBatches, "A batch cannot be cut into micro-batches"),
        (StateStorage, "A state of the model is to be stored in 16 bits"),
        (NothingParametrized, "A parametrization fits no parameter"),
        (Parametrization, "A parametrization does not fit its parameter"),
        (NarrowExponential, "An exponential may overflow float16"),
        (NarrowSquares, "Squares may leave float16"),
        (NarrowNumber, "A number is too large for float16"),
        (NarrowQuotient, "A quotient may overflow float16"),
        (NarrowProduct, "A product of activations may overflow float16"),
        (EntryResult, "An entry returns something other than tensors"),
        (LossResult, "A loss is no scalar"),
        (Train, "The optimizer cannot be built"),
        (TrainingSetting, "The training setting makes no sense"),
        (OptimizerUpdate, "The optimizer's Update does not fit"),
        (UnknownParameter, "A [Train] method names no parameter of the model"),
        (NothingTrained, "A [Train] method trains nothing"),
    ];
}
