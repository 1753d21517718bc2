"""What the modelling language has beyond layers, said by PyTorch's autograd in float64: gradients inside of a model."""
import torch
from golden_values import numbers, reals


def wgan_gp():
    """Six steps of plain gradient descent on a critic with a gradient penalty (Gulrajani et al., NeurIPS 2017)."""
    shapes = {'first.weight': [8, 5], 'first.bias': [8], 'second.weight': [6, 8], 'second.bias': [6], 'last.weight': [1, 6], 'last.bias': [1]}
    p = {name: reals(f'wgan:{name}', shape, 1.0).requires_grad_() for name, shape in shapes.items()}

    def critic(x):
        h = torch.nn.functional.leaky_relu(x @ p['first.weight'].T + p['first.bias'], 0.2)
        h = torch.tanh(h @ p['second.weight'].T + p['second.bias'])
        return h @ p['last.weight'].T + p['last.bias']

    losses, norms = [], []
    for step in range(6):
        real, fake = reals(f'wgan:real:{step}', [4, 5]), reals(f'wgan:fake:{step}', [4, 5])
        part = reals(f'wgan:part:{step}', [4, 1], 1.0, 0.5)
        between = (part * real + (1 - part) * fake).requires_grad_()
        slope, = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        penalty = ((slope.norm(2, dim=1) - 1) ** 2).mean()
        loss = critic(fake).mean() - critic(real).mean() + 10 * penalty
        found = torch.autograd.grad(loss, list(p.values()), allow_unused=True)
        losses.append(loss.item())
        norms.append(sum((g ** 2).sum() for g in found if g is not None).sqrt().item())
        with torch.no_grad():
            for t, g in zip(p.values(), found):
                if g is not None:
                    t -= 0.01 * g
    return {'losses': losses, 'gradientNorms': norms, 'parameters': {name: numbers(t) for name, t in p.items()}}


def saliency():
    """The gradient of the largest class's score by the image, through a convolution, a normalization and a pool."""
    image = reals('saliency:image', [2, 1, 6, 6]).requires_grad_()
    kernel, bias = reals('saliency:kernel', [3, 1, 3, 3]), reals('saliency:bias', [3])
    head = reals('saliency:head', [4, 27])
    h = torch.nn.functional.conv2d(image, kernel, bias, padding=1)
    h = torch.nn.functional.layer_norm(h, [6])
    h = torch.nn.functional.max_pool2d(torch.nn.functional.gelu(h), 2)
    scores = h.flatten(1) @ head.T
    slope, = torch.autograd.grad(scores.max(1).values.sum(), image)
    return {'scores': numbers(scores), 'slope': numbers(slope)}


def recurrent_penalty():
    """Four steps of plain gradient descent on a recurrent critic with a gradient penalty: the LSTM is differentiated twice."""
    lstm, head = torch.nn.LSTM(3, 5, batch_first=True).double(), torch.nn.Linear(5, 1).double()
    p = {**{f'lstm.{n}': t for n, t in lstm.named_parameters()}, **{f'head.{n}': t for n, t in head.named_parameters()}}
    with torch.no_grad():
        for name, t in p.items():
            t.copy_(reals(f'recurrent:{name}', list(t.shape), 1.0))

    def critic(x):
        return head(lstm(x)[0].mean(1))

    losses, norms = [], []
    for step in range(4):
        real, fake = reals(f'recurrent:real:{step}', [4, 6, 3]), reals(f'recurrent:fake:{step}', [4, 6, 3])
        part = reals(f'recurrent:part:{step}', [4, 1, 1], 1.0, 0.5)
        between = (part * real + (1 - part) * fake).requires_grad_()
        slope, = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        penalty = ((slope.flatten(1).norm(2, dim=1) - 1) ** 2).mean()
        loss = critic(fake).mean() - critic(real).mean() + 10 * penalty
        found = torch.autograd.grad(loss, list(p.values()), allow_unused=True)
        losses.append(loss.item())
        norms.append(sum((g ** 2).sum() for g in found if g is not None).sqrt().item())
        with torch.no_grad():
            for t, g in zip(p.values(), found):
                if g is not None:
                    t -= 0.01 * g
    return {'losses': losses, 'gradientNorms': norms, 'parameters': {name: numbers(t) for name, t in p.items()}}


CASES = {'wgan_gp': wgan_gp, 'saliency': saliency, 'recurrent_penalty': recurrent_penalty}
