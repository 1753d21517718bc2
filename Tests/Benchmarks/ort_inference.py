#!/usr/bin/python3
"""Runs one of the benchmarks' models in ONNX Runtime: the peer of `Benchmarks inference`.

usage: ort_inference.py LIBRARY MODEL BATCH THREADS SECONDS WEIGHTS INPUT OUTPUT
PyTorch exports the model with the weights that Benchmarks saved (safetensors) to ONNX, its batch norms folded, and ONNX Runtime's native library (libonnxruntime.so.1, of the npm package onnxruntime-node or any other of its
packages) runs it, with all of its graph optimizations, on the numbers in INPUT (float32, or int32 tokens). It is called through its C interface, with operands and results in memory of ours: what a call costs in Python is a
microsecond or two. Writes the results to OUTPUT and prints {"ms_per_step": median, "min": ..., "version": ...}.
"""
import ctypes, json, os, statistics, struct, sys, tempfile, time, warnings
import numpy as np
import torch, torch.nn as nn, torch.nn.functional as F


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = nn.Linear(784, 512), nn.Linear(512, 512), nn.Linear(512, 10)

    def forward(self, x): return self.last(F.relu(self.second(F.relu(self.first(x)))))


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32)
        self.conv2, self.norm2 = nn.Conv2d(32, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64)
        self.hidden, self.head = nn.Linear(64 * 7 * 7, 128), nn.Linear(128, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.norm2(self.conv2(x))), 2)
        return self.head(F.relu(self.hidden(x.flatten(1))))


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.norm2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        self.shortcut = self.shortcutNorm = None
        if stride != 1 or inputs != outputs:
            self.shortcut, self.shortcutNorm = nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)

    def forward(self, x):
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(y + (x if self.shortcut is None else self.shortcutNorm(self.shortcut(x))))


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.norm, self.head = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.Linear(512, 10)
        widths = [64, 64, 128, 256, 512]
        self.blocks = nn.ModuleList(b for i, (n, m) in enumerate(zip(widths, widths[1:])) for b in (BasicBlock(n, m, 1 if i == 0 else 2), BasicBlock(m, m, 1)))

    def forward(self, x):
        x = F.relu(self.norm(self.stem(x)))
        for block in self.blocks: x = block(x)
        return self.head(x.mean((2, 3)))


class GptBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.norm1, self.norm2 = heads, nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention, self.projection = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.expand, self.contract = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = (t.reshape(batch, length, self.heads, width // self.heads).transpose(1, 2) for t in self.attention(self.norm1(x)).split(width, 2))
        scores = (q @ k.transpose(-2, -1)) * (width // self.heads) ** -0.5 + torch.full((length, length), -1e30).triu(1)
        x = x + self.projection((scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, width))
        h = self.expand(self.norm2(x))
        return x + self.contract(0.5 * h * (1 + torch.tanh(0.7978845608028654 * (h + 0.044715 * h * h * h))))


class NanoGpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.token, self.position, self.norm = nn.Embedding(65, 128), nn.Embedding(64, 128), nn.LayerNorm(128)
        self.blocks = nn.ModuleList(GptBlock(128, 4) for _ in range(4))

    def forward(self, tokens):
        x = self.token(tokens) + self.position.weight[:tokens.shape[1]]
        for block in self.blocks: x = block(x)
        return self.norm(x) @ self.token.weight.t()


MODELS = {"mlp": (Mlp, (784,)), "cnn": (Cnn, (1, 28, 28)), "resnet18": (ResNet18, (3, 32, 32)), "nanogpt": (NanoGpt, (64,))}


def weights(path):
    with open(path, "rb") as file: data = file.read()
    length, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    tensors = {}
    for name, of in header.items():
        if name == "__metadata__" or of["dtype"] != "F32": continue
        begin, end = of["data_offsets"]
        tensors[name] = torch.frombuffer(bytearray(data[8 + length + begin:8 + length + end]), dtype=torch.float32).reshape(of["shape"])
    return tensors


class OnnxRuntime:
    """As much of the C interface as it takes; functions are told by their places in the table, which never change."""
    GET_MESSAGE, CREATE_ENV, CREATE_SESSION, RUN, CREATE_OPTIONS, OPTIMIZATION, THREADS, CREATE_TENSOR, CREATE_MEMORY = 2, 3, 7, 9, 10, 23, 24, 49, 69

    def __init__(self, library, path, threads):
        base = ctypes.CDLL(library).OrtGetApiBase
        base.restype = ctypes.POINTER(ctypes.c_void_p)
        functions = base()
        self.version = ctypes.CFUNCTYPE(ctypes.c_char_p)(functions[1])().decode()
        self.table = ctypes.CFUNCTYPE(ctypes.POINTER(ctypes.c_void_p), ctypes.c_uint32)(functions[0])(1)
        env, options, self.session, self.memory = (ctypes.c_void_p() for _ in range(4))
        self.call(self.CREATE_ENV, ctypes.c_int(3), ctypes.c_char_p(b"benchmark"), ctypes.byref(env))
        self.call(self.CREATE_OPTIONS, ctypes.byref(options))
        self.call(self.OPTIMIZATION, options, ctypes.c_int(99))
        self.call(self.THREADS, options, ctypes.c_int(threads))
        self.call(self.CREATE_SESSION, env, ctypes.c_char_p(path.encode()), options, ctypes.byref(self.session))
        self.call(self.CREATE_MEMORY, ctypes.c_int(1), ctypes.c_int(0), ctypes.byref(self.memory))

    def function(self, place, *types):
        return ctypes.CFUNCTYPE(ctypes.c_void_p, *types)(self.table[place])

    def call(self, place, *arguments):
        status = self.function(place, *(type(a) if not type(a).__name__.startswith("CArgObject") else ctypes.c_void_p for a in arguments))(*arguments)
        if status: raise RuntimeError(ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_void_p)(self.table[self.GET_MESSAGE])(status).decode())

    def tensor(self, array):
        value, shape = ctypes.c_void_p(), (ctypes.c_int64 * array.ndim)(*array.shape)
        kind = {np.dtype("float32"): 1, np.dtype("int64"): 7}[array.dtype]
        self.call(self.CREATE_TENSOR, self.memory, ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(array.nbytes), shape, ctypes.c_size_t(array.ndim), ctypes.c_int(kind), ctypes.byref(value))
        return value

    def runner(self, x, y):
        names = [(ctypes.c_char_p * 1)(name) for name in (b"x", b"y")]
        values = [(ctypes.c_void_p * 1)(self.tensor(a).value) for a in (x, y)]
        size, pointer = ctypes.c_size_t, ctypes.c_void_p
        run = self.function(self.RUN, pointer, pointer, pointer, pointer, size, pointer, size, pointer)
        arguments = (self.session.value, None, ctypes.addressof(names[0]), ctypes.addressof(values[0]), 1, ctypes.addressof(names[1]), 1, ctypes.addressof(values[1]))

        def once():
            if run(*arguments): raise RuntimeError("ONNX Runtime refused the call")
        once.keep = names, values, x, y
        return once


def main():
    library, name, batch, threads, seconds, weight_file, input_file, output_file = sys.argv[1:]
    warnings.filterwarnings("ignore")
    make, shape = MODELS[name]
    model = make().eval()
    missing = [m for m in model.load_state_dict(weights(weight_file), strict=False).missing_keys if not m.endswith("num_batches_tracked")]
    if missing: raise SystemExit(f"{weight_file} lacks {missing}")
    shape = (int(batch), *shape)
    x = np.fromfile(input_file, np.int32).astype(np.int64).reshape(shape) if name == "nanogpt" else np.fromfile(input_file, np.float32).reshape(shape)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        path = os.path.join(folder, "model.onnx")
        torch.onnx.export(model, torch.from_numpy(x), path, input_names=["x"], output_names=["y"], opset_version=14)
        y = np.zeros(tuple(model(torch.from_numpy(x)).shape), np.float32)
        session = OnnxRuntime(library, path, int(threads))
        once = session.runner(x, y)
        for _ in range(3): once()
        times, end = [], time.perf_counter() + float(seconds)
        while len(times) < 5 or time.perf_counter() < end:
            start = time.perf_counter_ns()
            once()
            times.append((time.perf_counter_ns() - start) * 1e-6)
    y.tofile(output_file)
    print(json.dumps({"ms_per_step": round(statistics.median(times), 5), "min": round(min(times), 5), "version": session.version}))


main()
