"""The choices that make a discrete code, whatever numbers stand for them in z."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vae.model.distributions.codes import Grid, OneHots, on_grid


class Codebook(nn.Module):
    r"""N choices, the n-th among K_n, as numbers of z and as one-hot vectors side by side.

    Arguments:
        counts: K_n.
        one_hots: Whether z itself is the one-hot vectors; else it has a number in [-1, 1] for each
            choice, one of K_n levels.
    """

    counts: Tensor
    first: Tensor
    padded: Tensor
    there: Tensor
    values: Tensor

    def __init__(self, counts: Sequence[int], one_hots: bool):
        super().__init__()
        self.one_hots = one_hots
        self.sizes = list(counts)
        self.total = sum(counts)
        n = torch.tensor(self.sizes)
        first = n.cumsum(0) - n
        column = torch.arange(max(self.sizes))
        there = column < n[:, None]
        values = torch.zeros(self.total, len(self.sizes))
        for d, (start, size) in enumerate(zip(first.tolist(), self.sizes, strict=True)):
            values[start : start + size, d] = on_grid(torch.arange(size).float(), n[d].float())
        buffers = {"counts": n.float(), "first": first, "there": there, "values": values}
        buffers["padded"] = (first[:, None] + column).clamp_max(self.total - 1)
        for name, buffer in buffers.items():
            self.register_buffer(name, buffer, persistent=False)

    def uniform(self) -> OneHots | Grid:
        """The distribution of codes that are all as likely."""
        if self.one_hots:
            return OneHots(self.counts.new_zeros(len(self.sizes), self.sizes[0]))
        return Grid(self.counts)

    def choices(self, z: Tensor) -> Tensor:
        r"""One-hot vectors with shape (\*, sum K_n), for z with shape (\*, D)."""
        if self.one_hots:
            return z
        number = ((z + 1) / 2 * (self.counts - 1)).round().long()
        flat = z.new_zeros(*z.shape[:-1], self.total)
        return flat.scatter(-1, self.first + number, 1.0)

    def numbers(self, choices: Tensor) -> Tensor:
        r"""z with shape (\*, D), for one-hot vectors with shape (\*, sum K_n)."""
        return choices if self.one_hots else choices @ self.values.to(choices.dtype)

    def log_softmax(self, logits: Tensor) -> Tensor:
        r"""log p of each choice, with shape (\*, N, max K_n), for logits (\*, sum K_n).

        What pads is minus infinity.
        """
        each = logits[..., self.padded].masked_fill(~self.there, -torch.inf)
        return each.log_softmax(-1)

    def by_choice(self, choices: Tensor) -> Tensor:
        r"""One-hot vectors with shape (\*, N, max K_n), for those with shape (\*, sum K_n)."""
        return choices[..., self.padded] * self.there
