"""Several training programs over one set of parameters: a network that makes rows against one that judges them, a teacher beside its student, a head before the whole.

The models of Tests/Yardsticks/Programs, in float64 and in steps of their programs; modules carry the names that the C# fields have. Few parameters, so all of them are written after the last step.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
from golden_models import Gpt, describe
from golden_values import integers, numbers, reals

BATCH = 8


class RowGenerator(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(4, 16, bias=False), nn.BatchNorm1d(16), nn.Linear(16, 6)

    def forward(self, noise):
        return self.last(F.relu(self.norm(self.first(noise))))


class RowCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(6, 16), nn.Linear(16, 1)

    def forward(self, rows):
        return self.last(F.leaky_relu(self.first(rows), 0.2))


class Gan(nn.Module):
    inputs = dict(rows=dict(shape=[BATCH, 6]), noise=dict(shape=[BATCH, 4]))
    steps = ['Critic', 'Generator'] * 4

    def __init__(self):
        super().__init__()
        self.generator, self.critic = RowGenerator(), RowCritic()

    def programs(self):
        def critic(rows, noise):
            return F.softplus(-self.critic(rows)).mean() + F.softplus(self.critic(self.generator(noise))).mean()

        def generator(noise):
            return F.softplus(-self.critic(self.generator(noise))).mean()
        return dict(
            Critic=(critic, ['rows', 'noise'], self.critic, torch.optim.AdamW(self.critic.parameters(), lr=2e-3, betas=(0.5, 0.999), weight_decay=0.05), None),
            Generator=(generator, ['noise'], self.generator, torch.optim.AdamW(self.generator.parameters(), lr=1e-3, betas=(0.5, 0.999), weight_decay=0.01), 0.3))


class Perceptron(nn.Module):
    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.first, self.last = nn.Linear(inputs, hidden), nn.Linear(hidden, outputs)

    def forward(self, x):
        return self.last(torch.tanh(self.first(x)))


class Distillation(nn.Module):
    inputs = dict(x=dict(shape=[BATCH, 5]))
    steps = [''] * 6

    def __init__(self):
        super().__init__()
        self.teacher, self.student = Perceptron(5, 12, 3), Perceptron(5, 4, 3)

    def programs(self):
        def loss(x):
            return -((self.teacher(x) / 2).softmax(-1) * (self.student(x) / 2).log_softmax(-1)).sum(-1).mean()
        return {'': (loss, ['x'], self.student, torch.optim.SGD(self.student.parameters(), lr=0.2, momentum=0.9), None)}


class FineTuned(nn.Module):
    inputs = dict(x=dict(shape=[BATCH, 5]), label=dict(shape=[BATCH], classes=3))
    steps = ['Head'] * 3 + ['Whole'] * 3

    def __init__(self):
        super().__init__()
        self.body, self.head = Perceptron(5, 12, 8), nn.Linear(8, 3)

    def programs(self):
        def loss(x, label):
            return F.cross_entropy(self.head(F.relu(self.body(x))), label)
        return dict(
            Head=(loss, ['x', 'label'], self.head, torch.optim.SGD(self.head.parameters(), lr=0.3, momentum=0.9), None),
            Whole=(loss, ['x', 'label'], self, torch.optim.AdamW(self.parameters(), lr=2e-3, weight_decay=0.1), None))


class InParts(nn.Module):
    inputs = dict(x=dict(shape=[BATCH, 5]), label=dict(shape=[BATCH], classes=3))
    steps = ['Halves'] * 3 + ['Quarters'] * 3 + ['Halves']
    parts = dict(Halves=2, Quarters=4)

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(5, 12, bias=False), nn.BatchNorm1d(12), nn.Linear(12, 3)

    def programs(self):
        def loss(x, label):
            return F.cross_entropy(self.last(F.relu(self.norm(self.first(x)))), label)
        return dict(
            Halves=(loss, ['x', 'label'], self, torch.optim.AdamW(self.parameters(), lr=2e-3, weight_decay=0.1), 0.3),
            Quarters=(loss, ['x', 'label'], self, torch.optim.SGD(self.parameters(), lr=0.3, momentum=0.9), None))


class Lamb(torch.optim.Optimizer):
    """You et al., ICLR 2020, as written there; parameters of one axis by Adam."""

    def __init__(self, parameters, lr, decay):
        super().__init__(parameters, dict(lr=lr, decay=decay))
        self.count = 0

    @torch.no_grad()
    def step(self):
        self.count += 1
        for group in self.param_groups:
            for p in group['params']:
                s = self.state[p]
                s['m'] = 0.9 * s.get('m', 0) + 0.1 * p.grad
                s['v'] = 0.999 * s.get('v', 0) + 0.001 * p.grad**2
                r = s['m'] / (1 - 0.9**self.count) / ((s['v'] / (1 - 0.999**self.count)).sqrt() + 1e-6)
                trust = 1.0
                if p.dim() > 1:
                    r = r + group['decay'] * p
                    trust = p.norm() / r.norm()
                p -= group['lr'] * trust * r


class Lars(torch.optim.Optimizer):
    """You, Gitman and Ginsburg, 2017; parameters of one axis by plain momentum."""

    def __init__(self, parameters, lr, decay, trust):
        super().__init__(parameters, dict(lr=lr, decay=decay, trust=trust))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group['params']:
                s, g, local = self.state[p], p.grad, 1.0
                if p.dim() > 1:
                    local = group['trust'] * p.norm() / (g.norm() + group['decay'] * p.norm())
                    g = g + group['decay'] * p
                s['v'] = 0.9 * s.get('v', 0) + group['lr'] * local * g
                p -= s['v']


class Muon(torch.optim.Optimizer):
    """Jordan et al., 2024, in float64; vectors and what is excepted by AdamW."""

    def __init__(self, named, lr, decay, adam, skip):
        named = list(named)
        super().__init__([p for _, p in named], dict(lr=lr, decay=decay, adam=adam))
        self.skipped, self.count = {p for name, p in named if skip in name}, 0

    @staticmethod
    def orthogonal(x):
        tall = x.shape[0] > x.shape[1]
        x = x.T if tall else x
        x = x / (x.norm() + 1e-7)
        for _ in range(5):
            a = x @ x.T
            x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
        return x.T if tall else x

    @torch.no_grad()
    def step(self):
        self.count += 1
        group = self.param_groups[0]
        for p in group['params']:
            s = self.state[p]
            if p.dim() < 2 or p in self.skipped:
                rate = group['lr'] * group['adam']
                s['m'] = 0.9 * s.get('m', 0) + 0.1 * p.grad
                s['v'] = 0.95 * s.get('v', 0) + 0.05 * p.grad**2
                p *= 1 - rate * group['decay']
                p -= rate * s['m'] / (1 - 0.9**self.count) / ((s['v'] / (1 - 0.95**self.count)).sqrt() + 1e-8)
                continue
            s['m'] = 0.95 * s.get('m', 0) + p.grad
            p *= 1 - group['lr'] * group['decay']
            p -= group['lr'] * max(1, p.shape[0] / p.shape[1])**0.5 * self.orthogonal(p.grad + 0.95 * s['m'])


class ByTensor(nn.Module):
    inputs = dict(x=dict(shape=[BATCH, 6]), label=dict(shape=[BATCH], classes=3))
    steps = ['Lamb'] * 3 + ['Lars'] * 3 + ['Muon'] * 3 + ['AdamW'] * 3

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(6, 10), nn.LayerNorm(10), nn.Linear(10, 3)

    def programs(self):
        def loss(x, label):
            return F.cross_entropy(self.last(torch.tanh(self.norm(self.first(x)))), label)
        decay = [p for p in self.parameters() if p.dim() > 1]
        rest = [p for p in self.parameters() if p.dim() < 2]
        arguments = ['x', 'label']
        return dict(
            Lamb=(loss, arguments, self, Lamb(self.parameters(), 0.02, 0.1), None),
            Lars=(loss, arguments, self, Lars(self.parameters(), 2, 0.01, 0.02), None),
            Muon=(loss, arguments, self, Muon(self.named_parameters(), 0.02, 0.1, 0.1, 'last'), None),
            AdamW=(loss, arguments, self, torch.optim.AdamW([dict(params=decay, weight_decay=0.5), dict(params=rest, weight_decay=0.0)], lr=5e-3), None))


class LowRank(nn.Module):
    def __init__(self, weight, rank):
        super().__init__()
        self.a, self.b = nn.Parameter(torch.zeros(rank, weight.shape[1])), nn.Parameter(torch.zeros(weight.shape[0], rank))


class LoraLinear(nn.Linear):
    """Hu et al., ICLR 2022, beside the layer as published: x Wᵀ + bias + scale · (x Aᵀ) Bᵀ."""

    def __init__(self, inputs, outputs, rank, alpha):
        super().__init__(inputs, outputs)
        self.lora, self.scale = LowRank(self.weight, rank), alpha / rank

    def forward(self, x):
        return super().forward(x) + self.scale * (x @ self.lora.a.T) @ self.lora.b.T


class LoraGpt(Gpt):
    inputs = {name: dict(shape=[2, 8], classes=11) for name in ('tokens', 'targets')}
    steps = [''] * 6

    def __init__(self):
        super().__init__(11, 8, 2, 2, 8)
        for block in self.blocks:
            block.attention = LoraLinear(8, 24, 2, 4)

    # What the C# model calls a parameter: a parametrization lies below the parameter in whose place it stands.
    @staticmethod
    def named(path):
        return path.replace('.lora.', '.weight.lora.')

    def programs(self):
        for name, parameter in self.named_parameters():
            parameter.requires_grad_('.lora.' in name)
        adapted = nn.ModuleList(block.attention.lora for block in self.blocks)
        return {'': (super().forward, ['tokens', 'targets'], adapted, torch.optim.AdamW(adapted.parameters(), lr=1e-2, weight_decay=0.01), None)}


PROGRAMS = dict(gan=Gan, distillation=Distillation, fine_tuned=FineTuned, by_tensor=ByTensor, lora_gpt=LoraGpt, in_parts=InParts)


def train(name):
    torch.set_default_dtype(torch.float64)
    model = PROGRAMS[name]()
    described, steps = [], []
    modules = dict(model.named_modules())
    named = getattr(model, 'named', lambda path: path)
    with torch.no_grad():
        for path, parameter in model.named_parameters():
            owner, _, leaf = path.rpartition('.')
            kind = modules[owner]
            spec = dict(scale=0.2, offset=1.0 if leaf == 'weight' else 0.0) if isinstance(kind, nn.BatchNorm1d) else dict(scale=1.0, offset=0.0) if isinstance(kind, LowRank) else describe(kind, leaf, parameter)
            entry = dict(name=named(path), shape=list(parameter.shape), seed=f'{name}:{named(path)}') | spec
            parameter.copy_(reals(entry['seed'], entry['shape'], entry['scale'], entry['offset']))
            described.append(entry)
    programs = model.programs()
    for step, program in enumerate(model.steps, 1):
        loss_of, arguments, updated, optimizer, clip = programs[program]
        batch = []
        for key in arguments:
            spec, seed = model.inputs[key], f'{name}:{key}:{step}'
            batch.append(integers(seed, spec['shape'], spec['classes']) if 'classes' in spec else reals(seed, spec['shape']))
        model.zero_grad(set_to_none=True)
        # In parts: what a loop over them adds up.
        parts = getattr(model, 'parts', {}).get(program, 1)
        losses = [loss_of(*part) / parts for part in zip(*(tensor.chunk(parts) for tensor in batch))]
        for loss in losses:
            loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(updated.parameters(), clip or float('inf'))
        optimizer.step()
        steps.append(dict(program=program, loss=sum(losses).item(), gradient_norm=norm.item()))
    after = [*model.named_parameters(), *((n, b) for n, b in model.named_buffers() if b.is_floating_point())]
    torch.set_default_dtype(torch.float32)
    return dict(
        model=name, torch=torch.__version__, inputs=[dict(name=key) | spec for key, spec in model.inputs.items()], parameters=described, steps=steps,
        after=[dict(name=named(path), shape=list(value.shape), values=numbers(value)) for path, value in after])
