"""The peer of Gpu on a card: the same five models and batches in PyTorch, a step of AdamW each, one JSON object a model.

usage: python3 peer.py [--speed] [--steps N] [--precision fp32|fp16|bf16] [--device cuda] [--compile] [MODEL]...     (PyTorch 2.3 or newer with CUDA; nothing else)
With --speed the kernels of the section "tensor" instead, in float16.
Batches have the sizes of Tests/Benchmarks/Yardstick.cs; dropout is on where the yardstick has it. In fp32 matrix products do not go through TF32, as ours do not.
"""
import argparse
import json
import pathlib
import sys
import time
import torch
import torch.nn.functional as F

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / 'Goldens'))
import golden_models as models  # noqa: E402


class Cnn(models.Cnn):
    """With the dropout that the golden has not."""
    def forward(self, image, label):
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(image))), 2)
        x = F.max_pool2d(F.relu(self.norm2(self.conv2(x))), 2)
        return F.cross_entropy(self.head(F.dropout(F.relu(self.hidden(x.flatten(1))), 0.25, self.training)), label)


def pictures(rows, *shape):
    return lambda: (torch.randn(rows, *shape), torch.randint(10, (rows,)))


def texts(rows, context, vocabulary):
    return lambda: tuple(torch.randint(vocabulary, (rows, context)) for _ in range(2))


MODELS = {
    'mlp': (models.Mlp, pictures(128, 784)),
    'cnn': (Cnn, pictures(64, 1, 28, 28)),
    'nanogpt': (lambda: models.Gpt(65, 64, 4, 4, 128), texts(12, 64, 65)),
    'resnet18': (models.ResNet18, pictures(32, 3, 32, 32)),
    'gpt2': (lambda: models.Gpt(50257, 1024, 12, 12, 768), texts(4, 64, 50257)),
}


def speed(wait, isCard):
    """Products, causal attention and convolutions in float16, as TensorSpeedSection has them; attention by FLASH_ATTENTION. Small sizes without a card."""
    def half(*shape):
        x = (torch.rand(*shape) - 0.5).half() if isCard else torch.rand(*shape) - 0.5
        return x.requires_grad_()

    def report(name, operations, run, rounds=10 if isCard else 1):
        for _ in range(3):
            run()
        wait()
        began = time.perf_counter()
        for _ in range(rounds):
            run()
        wait()
        seconds = (time.perf_counter() - began) / rounds
        print(json.dumps({'name': name, 'ms': seconds * 1e3, 'tflops': operations / seconds / 1e12}), flush=True)

    for n in (4096, 8192) if isCard else (64,):
        a, b = half(n, n).detach(), half(n, n).detach()
        report(f'product {n}', 2 * n ** 3, lambda: a @ b)
    batch, heads, length = (4, 16, 4096) if isCard else (1, 2, 64)
    for width in (64, 128):
        q, k, v = (half(batch, heads, length, width) for _ in range(3))
        each = batch * heads * length * length * width
        from torch.nn.attention import SDPBackend, sdpa_kernel
        with sdpa_kernel(SDPBackend.FLASH_ATTENTION if isCard else SDPBackend.MATH):
            with torch.no_grad():
                report(f'attention {width} forward', 2 * each, lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True))
            result = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            gradient = torch.ones_like(result)
            report(f'attention {width} backward', 5 * each, lambda: torch.autograd.grad(result, (q, k, v), gradient, retain_graph=True))
    for channels, size in ((64, 56), (256, 14)) if isCard else ((8, 6),):
        images = 64 if isCard else 1
        x, w = half(images, channels, size, size), half(channels, channels, 3, 3)
        operations = 2 * images * size * size * channels * channels * 9
        with torch.no_grad():
            report(f'convolution {channels} forward', operations, lambda: F.conv2d(x, w, padding=1))
        result = F.conv2d(x, w, padding=1)
        gradient = torch.ones_like(result)
        report(f'convolution {channels} image gradient', operations, lambda: torch.autograd.grad(result, x, gradient, retain_graph=True))
        report(f'convolution {channels} weight gradient', operations, lambda: torch.autograd.grad(result, w, gradient, retain_graph=True))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--steps', type=int, default=50)
    parser.add_argument('--precision', choices=['fp32', 'fp16', 'bf16'], default='fp32')
    parser.add_argument('--device', default='cuda', help='cpu, to see that it runs')
    parser.add_argument('--compile', action='store_true')
    parser.add_argument('--speed', action='store_true')
    parser.add_argument('models', nargs='*', choices=[[], *MODELS])
    options = parser.parse_args()
    isCard = options.device.startswith('cuda')
    if isCard and not torch.cuda.is_available():
        print('peer: PyTorch finds no card', file=sys.stderr)
        return 3
    torch.set_default_device(options.device)
    wait = torch.cuda.synchronize if isCard else lambda: None
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    if options.speed:
        speed(wait, isCard)
        return 0
    narrow = {'fp16': torch.float16, 'bf16': torch.bfloat16}.get(options.precision)
    for name in options.models or MODELS:
        make, batch = MODELS[name]
        torch.manual_seed(1)
        model, arguments = make(), batch()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=isCard)
        scaler = torch.amp.GradScaler(options.device, enabled=options.precision == 'fp16')
        run = torch.compile(model) if options.compile else model

        def step():
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(options.device.split(':')[0], dtype=narrow, enabled=narrow is not None):
                loss = run(*arguments)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            return loss

        for _ in range(5):
            step()
        times = []
        for _ in range(options.steps):
            wait()
            start = time.perf_counter()
            loss = step()
            wait()
            times.append(time.perf_counter() - start)
        times.sort()
        print(json.dumps(dict(model=name, precision=options.precision, compiled=options.compile, torch=torch.__version__, device=torch.cuda.get_device_name() if isCard else options.device,
                              ms_per_step=round(times[len(times) // 2] * 1e3, 4), min=round(times[0] * 1e3, 4), loss=loss.item())), flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
