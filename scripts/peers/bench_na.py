"""Neighborhood attention alone (logits with bias, softmax, sum of values) on the layer shapes of DiNAT-Tiny at 224 pixels.

Useful FLOPs: two products of B * S * S * heads * K * K * d multiply-adds forward. Each implementation is compared in float64
with tests/fixtures/natten_standin.py before it is timed (NATTEN in float32). See run.sh.
"""
import argparse
import pathlib
import sys

import torch
from common import emit, measure
from neighborhood import IMPLEMENTATIONS

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "fixtures"))
import natten_standin  # noqa: E402

LAYERS = [(56, 2, 1), (56, 2, 8), (28, 4, 1), (28, 4, 4), (14, 8, 1), (14, 8, 2), (7, 16, 1)]  # size, heads, dilation
KERNEL, DIM = 7, 32


def inputs(batch, size, heads, dtype):
    torch.manual_seed(0)
    qkv = torch.randn(batch, size, size, 3, heads, DIM).to(dtype).requires_grad_()
    rpb = (0.02 * torch.randn(heads, 2 * KERNEL - 1, 2 * KERNEL - 1)).to(dtype).requires_grad_()
    return qkv, rpb


def check(attention, name, size, heads, dilation):
    dtype, tolerance = (torch.float32, 1e-4) if name == "natten" else (torch.float64, 1e-11)
    leaves = inputs(1, size, heads, dtype)
    qkv, rpb = leaves
    q, k, v = (x.permute(0, 3, 1, 2, 4) for x in qkv.unbind(3))
    logits = natten_standin.natten2dqkrpb(q * DIM ** -0.5, k, rpb, KERNEL, dilation)
    expected = natten_standin.natten2dav(logits.softmax(-1), v, KERNEL, dilation).permute(0, 2, 3, 1, 4).flatten(3)
    got = attention(qkv, rpb)
    up = torch.randn_like(expected)
    for a, b in zip((got, *torch.autograd.grad(got, leaves, up)),
                    (expected, *torch.autograd.grad(expected, leaves, up))):
        error = float(((a - b).abs().max() / b.abs().max()).detach())
        assert error < tolerance, f"{name} {size} x {size}, dilation {dilation}: error {error}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--implementation", choices=list(IMPLEMENTATIONS), default="tiled")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    dtype = torch.bfloat16 if options.precision == "bf16" else torch.float32
    for size, heads, dilation in LAYERS:
        attention = IMPLEMENTATIONS[options.implementation](size, KERNEL, dilation)
        check(attention, options.implementation, size, heads, dilation)
        leaves = inputs(options.batch, size, heads, dtype)
        up = torch.randn(options.batch, size, size, heads * DIM).to(dtype)

        def forward():
            with torch.no_grad():
                attention(*leaves)

        def both():
            torch.autograd.grad(attention(*leaves), leaves, up)

        one, two = measure(forward, options.seconds), measure(both, options.seconds)
        flops = 4 * options.batch * size * size * heads * KERNEL ** 2 * DIM
        emit(what="neighborhood_attention", implementation=options.implementation, precision=options.precision,
             batch=options.batch, map=size, heads=heads, dilation=dilation, forward_ms=one["ms_best"],
             backward_ms=two["ms_best"] - one["ms_best"], forward_gflops=flops / one["ms_best"] / 1e6,
             other_cpus=max(one["other_cpus"], two["other_cpus"]))


if __name__ == "__main__":
    main()
