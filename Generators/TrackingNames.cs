namespace Graph.Generators;

/// <summary>The names of the generator's steps, which tests of its caching know.</summary>
public static class TrackingNames
{
    /// <summary>The modules of the compilation, and where they stand in the source.</summary>
    public const string Catalog = nameof(Catalog);

    /// <summary>The modules of the compilation, bound.</summary>
    public const string BoundModules = nameof(BoundModules);

    /// <summary>One bound module.</summary>
    public const string Module = nameof(Module);

    /// <summary>The modules that references publish.</summary>
    public const string PublishedModules = nameof(PublishedModules);

    /// <summary>One model with all that it needs.</summary>
    public const string Model = nameof(Model);

    /// <summary>One compiled model.</summary>
    public const string EmittedModel = nameof(EmittedModel);

    /// <summary>A module or model with errors.</summary>
    public const string Failure = nameof(Failure);

    /// <summary>Where one compiled model's operations stand in the source.</summary>
    public const string Origins = nameof(Origins);

    /// <summary>Whether a debug build is to run kernels at full speed.</summary>
    public const string FullSpeed = nameof(FullSpeed);
}
