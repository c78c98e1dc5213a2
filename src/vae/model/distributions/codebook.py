"""The choices that make a discrete code, whatever numbers stand for them in z."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae.model.distributions.codes import OneHots, UniformCodes, on_grid
from vae.model.precision import unrounded


class Codebook(nn.Module):
    r"""N choices, the n-th among K_n, and what stands for them in z.

    Arguments:
        counts: K_n.
        size: The length D of z.
        lead: Where z has one number of each choice, with shape (N,).
        lists: The n-th choice is among the same things as the (n mod `lists`)-th; None for N, each
            among its own.
    """

    counts: Tensor
    first: Tensor
    lead: Tensor
    padded: Tensor
    there: Tensor

    def __init__(self, counts: Sequence[int], size: int, lead: Tensor, lists: int | None = None):
        super().__init__()
        self.sizes = list(counts)
        self.total = sum(counts)
        self.size = size
        self.lists = len(self.sizes) if lists is None else lists
        n = torch.tensor(self.sizes)
        column = torch.arange(max(self.sizes))
        first = n.cumsum(0) - n
        self.keep("counts", n.float())
        self.keep("first", first)
        self.keep("lead", lead)
        self.keep("there", column < n[:, None])
        self.keep("padded", (first[:, None] + column).clamp_max(self.total - 1))

    def keep(self, name: str, value: Tensor) -> None:
        """A constant, which moves with the module and is no part of a checkpoint."""
        self.register_buffer(name, value, persistent=False)

    def uniform(self) -> Distribution:
        """The distribution of codes that are all as likely."""
        return UniformCodes(self)

    def choices(self, z: Tensor) -> Tensor:
        r"""One-hot vectors with shape (\*, sum K_n), for z with shape (\*, D)."""
        raise NotImplementedError

    def numbers(self, choices: Tensor) -> Tensor:
        r"""z with shape (\*, D), for one-hot vectors with shape (\*, sum K_n)."""
        raise NotImplementedError

    def code(self, uniform: Tensor) -> Tensor:
        r"""z with shape (\*, D), of which numbers in [0, 1) with shape (\*, N) choose each part."""
        chosen = torch.minimum((uniform * self.counts).floor(), self.counts - 1).long()
        flat = uniform.new_zeros(*uniform.shape[:-1], self.total)
        return self.numbers(flat.scatter(-1, self.first + chosen, 1.0))

    def log_softmax(self, logits: Tensor) -> Tensor:
        r"""log p of each choice, with shape (\*, N, max K_n), for logits (\*, sum K_n).

        What pads is minus infinity.
        """
        each = logits[..., self.padded].masked_fill(~self.there, -torch.inf)
        return each.log_softmax(-1)

    def by_choice(self, choices: Tensor) -> Tensor:
        r"""One-hot vectors with shape (\*, N, max K_n), for those with shape (\*, sum K_n)."""
        return choices[..., self.padded] * self.there


class OneHotCodes(Codebook):
    """z is the one-hot vectors themselves, N of K numbers.

    Arguments:
        num_choices: N.
        classes: K.
    """

    def __init__(self, num_choices: int, classes: int):
        lead = torch.arange(num_choices) * classes
        super().__init__([classes] * num_choices, num_choices * classes, lead)

    def uniform(self) -> Distribution:
        """The distribution of codes that are all as likely."""
        return OneHots(self.counts.new_zeros(len(self.sizes), self.sizes[0]))

    def choices(self, z: Tensor) -> Tensor:
        r"""One-hot vectors, or probabilities, with shape (\*, N K), for z of that shape."""
        return z

    def numbers(self, choices: Tensor) -> Tensor:
        r"""z with shape (\*, N K), for one-hot vectors of that shape."""
        return choices


class GridCodes(Codebook):
    """z has a number in [-1, 1] for each choice, one of K_n levels.

    Arguments:
        counts: K_n.
    """

    values: Tensor

    def __init__(self, counts: Sequence[int]):
        super().__init__(counts, len(counts), torch.arange(len(counts)))
        values = torch.zeros(self.total, len(counts))
        for d, (start, size) in enumerate(zip(self.first.tolist(), counts, strict=True)):
            values[start : start + size, d] = on_grid(torch.arange(size).float(), self.counts[d])
        self.keep("values", values)

    def choices(self, z: Tensor) -> Tensor:
        r"""One-hot vectors with shape (\*, sum K_n), for z with shape (\*, D)."""
        number = ((z + 1) / 2 * (self.counts - 1)).round().long()
        flat = z.new_zeros(*z.shape[:-1], self.total)
        return flat.scatter(-1, self.first + number, 1.0)

    def numbers(self, choices: Tensor) -> Tensor:
        r"""z with shape (\*, D), for one-hot vectors with shape (\*, sum K_n)."""
        with unrounded(choices):
            return choices @ self.values.to(choices.dtype)
