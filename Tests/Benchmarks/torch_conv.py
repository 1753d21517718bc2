#!/usr/bin/env python3
"""Times convolutions and their gradients in PyTorch (oneDNN on the CPU): what `Benchmarks conv --peer "python3 torch_conv.py"` asks.

usage: torch_conv.py THREADS [BATCH CHANNELS SIZE FILTERS KERNEL STRIDE]...
Prints one JSON line a shape with milliseconds, the best of several runs and of both memory layouts. OMP_WAIT_POLICY=PASSIVE keeps its threads from spinning between shapes.
"""
import json, sys, time
import torch

threads, *numbers = map(int, sys.argv[1:])
torch.set_num_threads(threads)


def best(run):
    run()
    times, end = [], time.perf_counter() + 0.25
    while len(times) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


with torch.no_grad():
    for batch, channels, size, filters, kernel, stride in zip(*[iter(numbers)] * 6):
        result = {}
        for layout in (torch.contiguous_format, torch.channels_last):
            image = torch.randn(batch, channels, size, size).contiguous(memory_format=layout)
            weight = torch.randn(filters, channels, kernel, kernel).contiguous(memory_format=layout)
            padding = kernel // 2
            map = torch.nn.functional.conv2d(image, weight, None, stride, padding)

            def gradient(mask):
                torch.ops.aten.convolution_backward(map, image, weight, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1, mask)

            for name, run in (('forward', lambda: torch.nn.functional.conv2d(image, weight, None, stride, padding)),
                              ('image_gradient', lambda: gradient([True, False, False])), ('weight_gradient', lambda: gradient([False, True, False]))):
                result[name] = min(best(run), result.get(name, float('inf')))
        print(json.dumps({'torch': torch.__version__, **{name + '_ms': round(ms, 3) for name, ms in result.items()}}), flush=True)
