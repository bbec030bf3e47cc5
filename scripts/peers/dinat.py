"""DiNAT in plain PyTorch, channels last, one matrix for query, key and value."""
import torch
from neighborhood import IMPLEMENTATIONS
from torch import nn
from torch.nn import functional

VARIANTS = {
    "mini": dict(depths=[3, 4, 6, 5], dilations=[[1, 8, 1], [1, 4, 1, 4], [1, 2] * 3, [1] * 5]),
    "base": dict(depths=[3, 4, 18, 5], dilations=[[1, 8, 1], [1, 4, 1, 4], [1, 2] * 9, [1] * 5], embed=128, ratio=2.0, rate=0.5),
    "tiny": dict(depths=[3, 4, 18, 5], dilations=[[1, 8, 1], [1, 4, 1, 4], [1, 2] * 9, [1] * 5]),
}


def drop_path(x, rate, training):
    if not training or rate == 0:
        return x
    return x * x.new_empty(x.shape[0], 1, 1, 1).bernoulli_(1 - rate).div_(1 - rate)


class Block(nn.Module):
    def __init__(self, attention, dim, heads, size, kernel, dilation, ratio, rate):
        super().__init__()
        self.heads, self.rate = heads, rate
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.fc1, self.fc2 = nn.Linear(dim, int(ratio * dim)), nn.Linear(int(ratio * dim), dim)
        self.rpb = nn.Parameter(0.02 * torch.randn(heads, 2 * kernel - 1, 2 * kernel - 1))
        self.attention = attention(size, kernel, dilation)

    def forward(self, x):
        qkv = self.qkv(self.norm1(x)).unflatten(-1, (3, self.heads, -1))
        x = x + drop_path(self.proj(self.attention(qkv, self.rpb)), self.rate, self.training)
        return x + drop_path(self.fc2(functional.gelu(self.fc1(self.norm2(x)))), self.rate, self.training)


class Down(nn.Module):
    """3x3 convolution of stride 2 on a channels-last map, then a norm."""

    def __init__(self, inputs, outputs, bias=False, norm=True):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, 2, 1, bias=bias)
        self.norm = nn.LayerNorm(outputs) if norm else nn.Identity()

    def forward(self, x):
        return self.norm(self.conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))


class Dinat(nn.Module):
    """pixels [B, 3, S, S] -> logits [B, classes]"""

    def __init__(self, depths, dilations, implementation="tiled", image=224, embed=64, kernel=7, ratio=3.0,
                 rate=0.2, classes=1000):
        super().__init__()
        rates = iter(torch.linspace(0, rate, sum(depths)).tolist())
        layers = [Down(3, embed // 2, bias=True, norm=False), Down(embed // 2, embed, bias=True)]
        dim, size = embed, image // 4
        for level, dilation in enumerate(dilations):
            if level > 0:
                layers.append(Down(dim, 2 * dim))
                dim, size = 2 * dim, size // 2
            layers += [Block(IMPLEMENTATIONS[implementation], dim, dim // 32, size, kernel, d, ratio, next(rates))
                       for d in dilation]
        self.layers, self.norm, self.head = nn.Sequential(*layers), nn.LayerNorm(dim), nn.Linear(dim, classes)

    def forward(self, pixels):
        return self.head(self.norm(self.layers(pixels.permute(0, 2, 3, 1))).mean((1, 2)))
