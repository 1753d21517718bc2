"""Ten steps of AdamW of the five yardstick models, from weights and batches that Golden.cs can make again.

Layer by layer the models of Tests/Yardsticks; modules carry the names that the C# fields have. Batches are small, dropout is off and gpt2 is cut
to two layers, so that an interpreter in float64 gets through.
"""
import json
import math
import os
import pathlib
import subprocess
import sys
import torch
import torch.nn as nn
import torch.nn.functional as F
from golden_values import integers, numbers, reals

STEPS = 10
BATCHES = 2  # used in turn, so that the losses fall and still no step sees the batch that it has just learned


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = nn.Linear(784, 512), nn.Linear(512, 512), nn.Linear(512, 10)

    def forward(self, image, label):
        return F.cross_entropy(self.last(F.relu(self.second(F.relu(self.first(image))))), label)


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32)
        self.conv2, self.norm2 = nn.Conv2d(32, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64)
        self.hidden, self.head = nn.Linear(64 * 7 * 7, 128), nn.Linear(128, 10)

    def forward(self, image, label):
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(image))), 2)
        x = F.max_pool2d(F.relu(self.norm2(self.conv2(x))), 2)
        return F.cross_entropy(self.head(F.relu(self.hidden(x.flatten(1)))), label)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention, self.projection = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.expand, self.contract = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        b, t, width = x.shape
        q, k, v = (part.reshape(b, t, self.heads, width // self.heads).transpose(1, 2) for part in self.attention(self.norm1(x)).split(width, 2))
        scores = q @ k.transpose(-2, -1) / math.sqrt(width // self.heads)
        scores = scores.masked_fill(torch.ones(t, t, dtype=torch.bool).triu(1), -math.inf)
        x = x + self.projection((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, width))
        return x + self.contract(F.gelu(self.expand(self.norm2(x)), approximate='tanh'))


class Gpt(nn.Module):
    def __init__(self, vocabulary, context, layers, heads, width):
        super().__init__()
        self.token, self.position = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.blocks, self.norm = nn.ModuleList(Block(width, heads) for _ in range(layers)), nn.LayerNorm(width)

    def forward(self, tokens, targets):
        x = self.token(tokens) + self.position(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        return F.cross_entropy((self.norm(x) @ self.token.weight.T).flatten(0, 1), targets.flatten())


class Basic(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.norm2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        self.projects = stride != 1 or inputs != outputs
        if self.projects:
            self.shortcut, self.shortcutNorm = nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)

    def forward(self, x):
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(y + (self.shortcutNorm(self.shortcut(x)) if self.projects else x))


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64)
        widths = [64, 64, 128, 256, 512]
        self.blocks = nn.ModuleList()
        for i in range(4):
            self.blocks.append(Basic(widths[i], widths[i + 1], 1 if i == 0 else 2))
            self.blocks.append(Basic(widths[i + 1], widths[i + 1], 1))
        self.head = nn.Linear(512, 10)

    def forward(self, image, label):
        x = F.relu(self.norm(self.stem(image)))
        for block in self.blocks:
            x = block(x)
        return F.cross_entropy(self.head(x.mean((2, 3))), label)


class Sequences(nn.Module):
    """Two layers in both directions and a classifier of the mean output and the last states."""
    def __init__(self, layer):
        super().__init__()
        self.layer, self.head = layer(4, 6, num_layers=2, batch_first=True, bidirectional=True), nn.Linear(12, 3)

    def forward(self, sequence, label):
        output, state = self.layer(sequence)
        for part in state if isinstance(state, tuple) else (state,):
            output = output + part.sum((0, 2))[:, None, None]
        return F.cross_entropy(self.head(output.mean(1)), label)


def pictures(*shape):
    return {'image': dict(shape=list(shape), scale=math.sqrt(12), offset=0.0), 'label': dict(shape=[shape[0]], classes=10)}


def texts(batch, context, vocabulary):
    return {n: dict(shape=[batch, context], classes=vocabulary) for n in ('tokens', 'targets')}


def sequences(batch, time, width):
    return {'sequence': dict(shape=[batch, time, width], scale=2.0, offset=0.0), 'label': dict(shape=[batch], classes=3)}


# name → (model, inputs of one step)
MODELS = {
    'mlp': (Mlp, pictures(8, 784)),
    'cnn': (Cnn, pictures(4, 1, 28, 28)),
    'nanogpt': (lambda: Gpt(65, 64, 4, 4, 128), texts(2, 16, 65)),
    'resnet18': (ResNet18, pictures(2, 3, 32, 32)),
    'gpt2': (lambda: Gpt(50257, 1024, 2, 12, 768), texts(1, 16, 50257)),
    'rnn': (lambda: Sequences(nn.RNN), sequences(3, 7, 4)),
    'lstm': (lambda: Sequences(nn.LSTM), sequences(3, 7, 4)),
    'gru': (lambda: Sequences(nn.GRU), sequences(3, 7, 4)),
}


def describe(module, name, parameter):
    """The scale and offset of a parameter: unit gain through every layer, none of it at a special value."""
    if isinstance(module, nn.Embedding):
        return dict(scale=0.02 * math.sqrt(12), offset=0.0)
    if isinstance(module, (nn.BatchNorm2d, nn.LayerNorm)):
        return dict(scale=0.2, offset=1.0 if name == 'weight' else 0.0)
    if isinstance(module, nn.RNNBase):
        return dict(scale=2 / math.sqrt(module.hidden_size), offset=0.0)
    fan_in = math.prod(module.weight.shape[1:])
    if name == 'bias':
        return dict(scale=2 / math.sqrt(fan_in), offset=0.0)
    relu = isinstance(module, nn.Conv2d)
    return dict(scale=2 * math.sqrt((6 if relu else 3) / fan_in), offset=0.0)


def start(name, model):
    """Gives a model its first weights; returns how each is made."""
    described = []
    with torch.no_grad():
        modules = dict(model.named_modules())
        for path, parameter in model.named_parameters():
            owner, _, leaf = path.rpartition('.')
            entry = dict(name=path, shape=list(parameter.shape), seed=f'{name}:{path}') | describe(modules[owner], leaf, parameter)
            parameter.copy_(reals(entry['seed'], entry['shape'], entry['scale'], entry['offset']))
            described.append(entry)
    return described


def run(name, dtype, onednn=True, threads=2, watch=()):
    """Returns the losses, the described parameters, and the digests after the watched steps."""
    make, inputs = MODELS[name]
    torch.set_num_threads(threads)
    torch.set_default_dtype(dtype)
    model = make()
    described = start(name, model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    losses, digests = [], {}
    with torch.backends.mkldnn.flags(enabled=onednn):
        for step in range(1, STEPS + 1):
            batch = []
            for key, spec in inputs.items():
                seed = f'{name}:{key}:{(step - 1) % BATCHES + 1}'
                batch.append(integers(seed, spec['shape'], spec['classes']) if 'classes' in spec
                             else reals(seed, spec['shape'], spec['scale'], spec['offset']).to(dtype))
            optimizer.zero_grad(set_to_none=True)
            loss = model(*batch)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if step in watch:
                digests[step] = digest(model)
    torch.set_default_dtype(torch.float32)
    return losses, described, digests


def digest(model):
    """Sum, Euclidean norm and three values of every parameter and running statistic."""
    rows = []
    for path, value in [*model.named_parameters(), *((n, b) for n, b in model.named_buffers() if b.is_floating_point())]:
        flat = value.detach().flatten()
        rows.append(dict(name=path, sum=flat.sum().item(), norm=flat.norm().item(),
                         values=numbers(flat[[0, flat.numel() // 2, flat.numel() - 1]])))
    return rows


# PyTorch's back ends in float32: oneDNN on and off, one thread and two, ATen's kernels without AVX, OpenBLAS's kernels without fused multiply-add.
BACKENDS = [
    dict(onednn=True, threads=2, environment={}),
    dict(onednn=False, threads=2, environment={}),
    dict(onednn=True, threads=1, environment={}),
    dict(onednn=False, threads=1, environment={}),
    dict(onednn=False, threads=2, environment={'ATEN_CPU_CAPABILITY': 'default'}),
    dict(onednn=False, threads=2, environment={'OPENBLAS_CORETYPE': 'Nehalem'}),
]


def run_backend(name, backend):
    """The losses of one back end, in a process of its own because libraries read the environment when they are loaded."""
    code = f'import json, torch, golden_models; print(json.dumps(golden_models.run({name!r}, torch.float32, {backend["onednn"]}, {backend["threads"]})[0]))'
    done = subprocess.run([sys.executable, '-c', code], env=os.environ | backend['environment'], cwd=pathlib.Path(__file__).parent,
                          check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def train(name):
    exact, described, digests = run(name, torch.float64, watch=(1, STEPS))
    singles = [backend | dict(losses=run_backend(name, backend)) for backend in BACKENDS]

    def apart(a, b):
        return max(abs(x - y) / abs(z) for x, y, z in zip(a, b, exact))
    return dict(
        model=name, torch=torch.__version__, steps=STEPS, batches=BATCHES,
        optimizer=dict(name='adamw', learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.01),
        inputs=[dict(name=key) | spec for key, spec in MODELS[name][1].items()],
        parameters=described,
        losses=exact,
        float32=dict(
            runs=singles,
            onednn_spread=apart(singles[0]['losses'], singles[1]['losses']),
            spread=max(apart(a['losses'], b['losses']) for a in singles for b in singles),
            error=max(apart(a['losses'], exact) for a in singles)),
        digests=[dict(step=step, rows=rows) for step, rows in digests.items()])
