"""Ten steps of AdamW of yardstick models under torch.autocast in bfloat16 on the CPU, beside the same in float32: how far one lies from the other.

The models, weights and batches are those of golden_models.
"""
import math
import torch
import golden_models
from golden_models import BATCHES, MODELS, STEPS
from golden_values import integers, reals

NAMES = ['mlp', 'cnn', 'nanogpt']


def steps(name, described, autocast):
    """The losses, and the parameters after the last step."""
    make, inputs = MODELS[name]
    model = make()
    with torch.no_grad():
        parameters = dict(model.named_parameters())
        for entry in described:
            parameters[entry['name']].copy_(reals(entry['seed'], entry['shape'], entry['scale'], entry['offset']))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    losses = []
    for step in range(1, STEPS + 1):
        batch = []
        for key, spec in inputs.items():
            seed = f'{name}:{key}:{(step - 1) % BATCHES + 1}'
            batch.append(integers(seed, spec['shape'], spec['classes']) if 'classes' in spec else reals(seed, spec['shape'], spec['scale'], spec['offset']).float())
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast('cpu', dtype=torch.bfloat16, enabled=autocast):
            loss = model(*batch)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, [p.detach().double() for p in model.parameters()]


def train(name):
    described = golden_models.run(name, torch.float32)[1]
    (single, exact), (mixed, rounded) = steps(name, described, False), steps(name, described, True)
    return dict(
        model=name, torch=torch.__version__, float32=single, bfloat16=mixed,
        # Of all parameters as one vector, after the last step.
        parameters=math.sqrt(sum((a - b).pow(2).sum().item() for a, b in zip(exact, rounded))))
