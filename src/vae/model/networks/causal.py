"""A causal transformer over choices."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


class Causal(nn.Module):
    """One-hot choices to logits, each of which sees the choices before it.

    Arguments:
        num_choices: N.
        classes: K.
        width: Of each choice's features.
        layers: The number of layers.
        heads: Of the attention.

    References:
        Attention Is All You Need (Vaswani et al., 2017), section 3; normalised before each part
    """

    def __init__(self, num_choices: int, classes: int, width: int, layers: int, heads: int):
        super().__init__()
        self.embedding = nn.Linear(classes, width, bias=False)
        self.place = nn.Parameter(0.02 * torch.randn(num_choices, width))
        self.layers = nn.ModuleList(CausalLayer(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, classes)

    def forward(self, choices: Tensor) -> Tensor:
        """Logits with shape (B, N, K), for one-hot choices of that shape."""
        y = functional.pad(self.embedding(choices[:, :-1]), (0, 0, 1, 0)) + self.place
        for layer in self.layers:
            y = layer(y)
        logits: Tensor = self.out(self.norm(y))
        return logits

    def one_by_one(self) -> Callable[[int, Tensor | None], Tensor]:
        """A function of n = 0, 1, ... and the choice before it, one-hot with shape (B, K).

        It gives the logits of the n-th, with shape (B or 1, K), and keeps what later ones look at.
        """
        seen: list[list[Tensor]] = [[] for _ in self.layers]

        def following(n: int, previous: Tensor | None) -> Tensor:
            y = self.place[None, n : n + 1]
            if previous is not None:
                y = y + self.embedding(previous)[:, None]
            for layer, own in zip(self.layers, seen, strict=True):
                y = layer(y, own)
            logits: Tensor = self.out(self.norm(y))[:, 0]
            return logits

        return following


class CausalLayer(nn.Module):
    """x + attention to those before, then y + a layer of its own for each.

    Arguments:
        width: Of the features.
        heads: A divisor of it.
    """

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.mixed = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.inner, self.outer = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor, seen: list[Tensor] | None = None) -> Tensor:
        """With the shape of x, (B, N, width).

        Arguments:
            x: The features; of the next one alone, with shape (B, 1, width), if `seen` is given.
            seen: Keys and values of those before, which it adds to.
        """
        parts = self.qkv(self.norm1(x)).unflatten(-1, (3, self.heads, -1))
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        if seen is not None:
            # the first choice follows nothing, and is the same for all rows
            if seen:
                before = [t.expand(len(x), -1, -1, -1) for t in seen]
                k, v = (torch.cat(pair, 2) for pair in zip(before, (k, v), strict=True))
            seen[:] = k, v
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=seen is None)
        x = x + self.mixed(y.transpose(1, 2).flatten(-2))
        added: Tensor = self.outer(functional.gelu(self.inner(self.norm2(x))))
        return x + added
