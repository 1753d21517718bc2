"""A training step of nanogpt (batch 64 of 64 tokens) in PyTorch, with and without torch.utils.checkpoint around each block, in turns: milliseconds, and bytes of what autograd keeps for the backward pass.

    OMP_WAIT_POLICY=PASSIVE python3 Tests/Benchmarks/torch_memory.py [--batch N] [--rounds N]
"""
import argparse
import json
import time

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention, self.projection = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.expand, self.contract = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = (p.view(batch, length, self.heads, -1).transpose(1, 2) for p in self.attention(self.norm1(x)).split(width, dim=2))
        scores = (q @ k.transpose(-2, -1)) * q.shape[-1] ** -0.5
        scores = scores.masked_fill(torch.ones(length, length, dtype=torch.bool).triu(1), float("-inf"))
        y = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, width)
        x = x + self.projection(y)
        return x + self.contract(F.gelu(self.expand(self.norm2(x)), approximate="tanh"))


class Gpt(nn.Module):
    def __init__(self, vocabulary=65, context=64, layers=4, heads=4, width=128):
        super().__init__()
        self.token, self.position = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens, checkpoints):
        x = self.token(tokens) + self.position(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False) if checkpoints else block(x)
        return self.norm(x) @ self.token.weight.T


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(2)
    torch.manual_seed(1)
    model = Gpt()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    tokens, targets = (torch.randint(0, 65, (options.batch, 64)) for _ in range(2))

    def step(checkpoints):
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(tokens, checkpoints).flatten(0, 1), targets.flatten())
        loss.backward()
        optimizer.step()

    def kept(checkpoints):
        parameters = {p.data_ptr() for p in model.parameters()}
        sizes = {}

        def pack(tensor):
            storage = tensor.storage()
            if storage.data_ptr() not in parameters:
                sizes[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            loss = F.cross_entropy(model(tokens, checkpoints).flatten(0, 1), targets.flatten())
        return sum(sizes.values()), loss

    for checkpoints in (False, True):
        step(checkpoints)
    times = {False: [], True: []}
    for _ in range(options.rounds):
        for checkpoints in times:
            start = time.perf_counter()
            step(checkpoints)
            times[checkpoints].append(1000 * (time.perf_counter() - start))
    plain, again = (sorted(times[c]) for c in (False, True))
    print(json.dumps({
        "torch": torch.__version__, "batch": options.batch, "min": round(plain[0], 1), "checkpoint_min": round(again[0], 1), "min_ratio": round(again[0] / plain[0], 3),
        "median_ratio": round(again[len(again) // 2] / plain[len(plain) // 2], 3), "kept_bytes": kept(False)[0],
    }))


if __name__ == "__main__":
    main()
