"""Neighborhood attention for square maps as fast as plain PyTorch gets it.

Dilation is folded into the batch: each residue class is a map of its own with dilation 1. That map is cut into tiles of
queries; a tile multiplies with the block of keys that holds all its windows (tile + kernel - 1 a side), and a bias table
holds the relative position bias, or minus infinity outside a query's window. A tile as large as the map is dense.
"""
import os
import sys

import torch


def axis(length, kernel, tile):
    """Keys of every tile [tiles, span]; distinct bias rows [kinds, tile, span], -1 outside; kind of a tile."""
    span = min(tile + kernel - 1, length)
    first = (torch.arange(0, length, tile) - kernel // 2).clamp(0, length - span)
    keys = first[:, None] + torch.arange(span)
    query = torch.arange(length).view(-1, tile, 1)
    start = (query - kernel // 2).clamp(0, length - kernel)
    inside = (keys[:, None] >= start) & (keys[:, None] < start + kernel)
    rows, kind = torch.unique(torch.where(inside, keys[:, None] - query + kernel - 1, -1),
                              dim=0, return_inverse=True)
    return keys, rows, kind


class TiledAttention(torch.nn.Module):
    """qkv [B, S, S, 3, heads, d] and rpb [heads, 2K - 1, 2K - 1] -> [B, S, S, heads * d]."""

    def __init__(self, size, kernel, dilation):
        super().__init__()
        if size % dilation:
            raise ValueError(f"map of {size} does not split into {dilation} equal residue classes")
        self.dilation, self.length = dilation, size // dilation
        dense = self.length < 4 * kernel or self.length % kernel  # measured: tiles pay from 4 x 4 of them on
        self.tile = self.length if dense else kernel
        keys, rows, kind = axis(self.length, kernel, self.tile)
        self.tiles, self.span = keys.shape
        side = 2 * kernel - 1
        r, c = rows[:, None, :, None, :, None], rows[None, :, None, :, None, :]
        cell = torch.where((r >= 0) & (c >= 0), r * side + c, side * side)
        self.shape = (len(rows) ** 2, self.tile ** 2, self.span ** 2)
        self.register_buffer("keys", keys.flatten(), persistent=False)
        self.register_buffer("cell", cell.flatten(), persistent=False)
        self.register_buffer("kind", (kind[:, None] * len(rows) + kind).flatten(), persistent=False)

    def bias(self, rpb):
        """[tiles^2 * heads, tile^2, span^2]"""
        padded = torch.cat([rpb.flatten(1), rpb.new_full((rpb.shape[0], 1), float("-inf"))], 1)
        table = padded.index_select(1, self.cell).view(-1, *self.shape).transpose(0, 1)
        return table.index_select(0, self.kind).flatten(0, 1)

    def blocks(self, x, edge):
        """[B, L, d, L, d, heads, h], L = tiles * edge -> [B * d * d, tiles^2 * heads, edge^2, h]"""
        x = x.unflatten(3, (-1, edge)).unflatten(1, (-1, edge))  # [B, t, e, d, t, e, d, heads, h]
        x = x.permute(0, 3, 6, 1, 4, 7, 2, 5, 8)
        return x.reshape(x.shape[0] * self.dilation ** 2, -1, edge * edge, x.shape[-1])

    def forward(self, qkv, rpb):
        batch, size, _, _, heads, dim = qkv.shape
        qkv = qkv.view(batch, self.length, self.dilation, self.length, self.dilation, 3, heads, dim)
        q, k, v = qkv.unbind(5)
        if self.span < self.length:
            k, v = (x.index_select(1, self.keys).index_select(3, self.keys) for x in (k, v))
        scores = self.blocks(q * dim ** -0.5, self.tile) @ self.blocks(k, self.span).transpose(-1, -2)
        weights = (scores + self.bias(rpb.to(scores.dtype))).softmax(-1).to(v.dtype)
        out = (weights @ self.blocks(v, self.span)).view(
            batch, self.dilation, self.dilation, self.tiles, self.tiles, heads, self.tile, self.tile, dim)
        return out.permute(0, 3, 6, 1, 4, 7, 2, 5, 8).reshape(batch, size, size, heads * dim)


def load_natten():
    """NATTEN 0.17.5 as setup.sh --natten built it; its import wants two things of torch.cuda."""
    sys.path.insert(0, os.path.join(os.environ["VICINITY_PEERS"], "natten"))
    torch.cuda._device_t = object
    capability, torch.cuda.get_device_capability = torch.cuda.get_device_capability, lambda *_: (0, 0)
    import natten.functional
    torch.cuda.get_device_capability = capability
    return natten.functional


class NattenAttention(torch.nn.Module):
    """The same by NATTEN's CPU kernels, which know float32 only."""

    def __init__(self, size, kernel, dilation):
        super().__init__()
        self.kernel, self.dilation, self.natten = kernel, dilation, load_natten()

    def forward(self, qkv, rpb):
        q, k, v = (x.float().permute(0, 3, 1, 2, 4).contiguous() for x in qkv.unbind(3))
        with torch.autocast("cpu", enabled=False):
            scores = self.natten.na2d_qk(q * q.shape[-1] ** -0.5, k, self.kernel, self.dilation, rpb=rpb.float())
            out = self.natten.na2d_av(scores.softmax(-1), v, self.kernel, self.dilation)
        return out.permute(0, 2, 3, 1, 4).flatten(3).to(qkv.dtype)


class FlexAttention(TiledAttention):
    """Where TiledAttention would gather tiles: PyTorch's FlexAttention over whole residue classes, which skips blocks that no
    window meets. Where a window covers a class, dense as there."""

    def __init__(self, size, kernel, dilation):
        super().__init__(size, kernel, dilation)
        self.kernel, self.covered = kernel, self.length == kernel
        if not self.covered:
            from torch.nn.attention.flex_attention import create_block_mask
            self.mask = create_block_mask(lambda b, h, q, k: self.window(b, h, q, k), None, None, self.length ** 2,
                                          self.length ** 2, device="cpu")

    def _apply(self, move):
        super()._apply(move)
        if not self.covered:
            self.mask = self.mask.to(self.keys.device)
        return self

    def window(self, _batch, _head, query, key):
        inside = True
        for q, k in ((query // self.length, key // self.length), (query % self.length, key % self.length)):
            start = (q - self.kernel // 2).clamp(0, self.length - self.kernel)
            inside = inside & (k >= start) & (k < start + self.kernel)
        return inside

    def forward(self, qkv, rpb):
        if self.covered:
            return super().forward(qkv, rpb)
        from torch.nn.attention.flex_attention import flex_attention
        batch, size, _, _, heads, dim = qkv.shape
        length, d, count = self.length, self.dilation, self.length ** 2
        parts = qkv.view(batch, length, d, length, d, 3, heads, dim).permute(5, 0, 2, 4, 6, 1, 3, 7)
        q, k, v = parts.reshape(3, batch * d * d, heads, count, dim).unbind(0)

        def biased(score, _batch, head, query, key):
            row, col = key // length - query // length, key % length - query % length
            last = 2 * self.kernel - 2  # offsets outside the window are masked, but looked up
            return score + rpb[head, (row + self.kernel - 1).clamp(0, last), (col + self.kernel - 1).clamp(0, last)]

        out = flex_attention(q, k, v, score_mod=biased, block_mask=self.mask)
        out = out.view(batch, d, d, heads, length, length, dim).permute(0, 4, 1, 5, 2, 3, 6)
        return out.reshape(batch, size, size, heads * dim)


IMPLEMENTATIONS = {"tiled": TiledAttention, "flex": FlexAttention, "natten": NattenAttention}
