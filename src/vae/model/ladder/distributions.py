"""p(z) and q(z|x) of a path, as distributions of the whole z."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vae.model.distributions.joint import Joint

if TYPE_CHECKING:
    from vae.model.ladder.path import Path
    from vae.model.ladder.posterior import Heads

Shape = torch.Size | list[int] | tuple[int, ...]


class GivenPath(Joint):
    r"""p(z) of a path; or q(z|x), where posterior heads see features of x.

    Arguments:
        path: The path.
        heads: The posterior's heads, given the features of B examples; None for p(z).
        batch_shape: (B,), or () of p(z).
    """

    has_rsample = True
    # its mean is that of so few samples, since each is a way down all layers
    samples_for_mean = 4

    def __init__(self, path: Path, heads: Heads | None, batch_shape: torch.Size):
        self.path, self.heads = path, heads
        # from the top downwards
        self.order = range(len(path.lengths))[::-1]
        super().__init__(batch_shape, torch.Size([sum(path.lengths)]), validate_args=False)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        r"""z, with shape (\*sample_shape, \*batch_shape, D), without a gradient."""
        with torch.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        r"""z, with shape (\*sample_shape, \*batch_shape, D)."""
        shape = torch.Size(sample_shape) + self.batch_shape
        rows = math.prod(shape)
        heads = None if self.heads is None else self.heads.repeated(rows)
        return self.path.walk(rows, heads).flat().reshape(*shape, -1)

    def rsample_and_log_prob(self, sample_shape: torch.Size) -> tuple[Tensor, Tensor]:
        """z and its log-density, in one way down."""
        shape = sample_shape + self.batch_shape
        rows = math.prod(shape)
        heads = None if self.heads is None else self.heads.repeated(rows)
        walk = self.path.walk(rows, heads)
        log_prob = torch.stack(walk.log_p if heads is None else walk.log_q).sum(0)
        return walk.flat().reshape(*shape, -1), log_prob.reshape(shape)

    def log_prob_of_each(self, value: Tensor) -> list[Tensor]:
        r"""The share of each layer, z_1 first, each with shape (\*)."""
        shape = torch.broadcast_shapes(value.shape[:-1], self.batch_shape)
        rows = math.prod(shape)
        heads = None if self.heads is None else self.heads.repeated(rows)
        z = value.expand(*shape, value.shape[-1]).reshape(rows, -1)
        walk = self.path.walk(rows, heads, z=z)
        terms = walk.log_p if heads is None else walk.log_q
        return [term.reshape(shape) for term in reversed(terms)]
