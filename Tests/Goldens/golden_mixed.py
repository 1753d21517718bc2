"""Ten steps of AdamW of yardstick models under torch.autocast in bfloat16 on the CPU, beside the same in float32: how far one lies from the other.

The models, weights and batches are those of golden_models.
"""
import math
import torch
import golden_models
from golden_models import BATCHES, MODELS, STEPS
from golden_values import integers, reals

# With oneDNN; resnet18 without it too: two images in a batch norm make ten of its steps chaotic, so that back ends differ by more than types do (already in float32 by 3 %).
BACKENDS = {'resnet18': [True, False]}
NAMES = ['mlp', 'cnn', 'nanogpt', 'resnet18', 'gpt2']


def steps(name, autocast, onednn=True):
    """The losses, and the parameters after the last step."""
    with torch.backends.mkldnn.flags(enabled=onednn):
        return run(name, autocast)


def run(name, autocast):
    make, inputs = MODELS[name]
    model = make()
    golden_models.start(name, model)
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
    runs = []
    for onednn in BACKENDS.get(name, [True]):
        (single, exact), (mixed, rounded) = steps(name, False, onednn), steps(name, True, onednn)
        # The distance of all parameters as one vector, after the last step.
        runs.append(dict(onednn=onednn, float32=single, bfloat16=mixed, parameters=math.sqrt(sum((a - b).pow(2).sum().item() for a, b in zip(exact, rounded)))))
    return dict(model=name, torch=torch.__version__, runs=runs)
