namespace Graph.Runtime.Cpu;

/// <summary>A number as a type, so that the JIT compiles a generic method once for each.</summary>
interface IExtent
{
    static abstract int Value { get; }
}

readonly struct Extent1 : IExtent { public static int Value => 1; }
readonly struct Extent2 : IExtent { public static int Value => 2; }
readonly struct Extent3 : IExtent { public static int Value => 3; }
readonly struct Extent4 : IExtent { public static int Value => 4; }
readonly struct Extent5 : IExtent { public static int Value => 5; }
readonly struct Extent6 : IExtent { public static int Value => 6; }
readonly struct Extent7 : IExtent { public static int Value => 7; }
readonly struct Extent8 : IExtent { public static int Value => 8; }
readonly struct Extent9 : IExtent { public static int Value => 9; }
readonly struct Extent10 : IExtent { public static int Value => 10; }
readonly struct Extent11 : IExtent { public static int Value => 11; }
readonly struct Extent12 : IExtent { public static int Value => 12; }
readonly struct Extent13 : IExtent { public static int Value => 13; }
readonly struct Extent14 : IExtent { public static int Value => 14; }

/// <summary>How a micro-kernel gets from one row of A and B to the next, as a type.</summary>
interface ISteps
{
    static abstract bool AreListed { get; }
}

/// <summary>Rows at one distance.</summary>
readonly struct EvenSteps : ISteps { public static bool AreListed => false; }

/// <summary>Rows wherever a list of <see cref="KernelList"/> says.</summary>
readonly struct ListedSteps : ISteps { public static bool AreListed => true; }

/// <summary>Where a row of A and one of B lie, in floats from the first of each.</summary>
struct KernelStep
{
    public int A, B;
}

/// <summary>The steps of a micro-kernel, and memory that is asked for on the way, a place a step: what comes next is near when its turn comes.</summary>
/// <remarks><see cref="AheadStep"/> is in bytes; with 0 and memory that is near, nothing happens.</remarks>
unsafe struct KernelList
{
    public KernelStep* Steps;
    public byte* Ahead;
    public long AheadStep;
}
