using System;

namespace Graph;

/// <summary>
/// What is computed inside of a module is not kept for the backward pass, but computed again there, as torch.utils.checkpoint does: of each of its calls only what others read stays. On the module's class it holds for every use of
/// it, on a field that holds modules for these, each by itself. No number changes its bits, dropout included. Where the model has a memory budget that this is not enough for, the budget decides what is computed again.
/// </summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Field | AttributeTargets.Property)]
public sealed class CheckpointAttribute : Attribute;
