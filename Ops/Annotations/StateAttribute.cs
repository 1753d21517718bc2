using System;

namespace Graph;

/// <summary>Marks a parameter of an optimizer's <c>Update</c> as a state that it keeps for each model parameter; zero at the start.</summary>
[AttributeUsage(AttributeTargets.Parameter)]
public sealed class StateAttribute : Attribute;
