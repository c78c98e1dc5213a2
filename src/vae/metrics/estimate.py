"""Means over a data set, with their standard errors."""

from typing import NamedTuple

import torch
from torch import Tensor
from torchmetrics import Metric


class Estimate(NamedTuple):
    """A mean, its standard error over the examples, and the number of examples."""

    value: float
    standard_error: float
    num_examples: int


class Means(Metric):
    r"""The means of several per-example quantities, exact over batches and ranks of any size.

    .. math:: \bar{a} = \tfrac{1}{N} \sum_n a_n, \quad
        se(\bar{a}) = \sqrt{\tfrac{1}{N (N - 1)} \sum_n (a_n - \bar{a})^2}

    Sums are kept in float64.

    Arguments:
        names: The quantities' names, in the order `update` receives them.
    """

    full_state_update = False
    sums: Tensor
    squares: Tensor
    count: Tensor

    def __init__(self, *names: str):
        super().__init__()
        self.names = names
        zeros = torch.zeros(len(names), dtype=torch.float64)
        self.add_state("sums", zeros.clone(), dist_reduce_fx="sum")
        self.add_state("squares", zeros.clone(), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, *quantities: Tensor) -> None:
        """Add a batch of each quantity, all with shape (B,)."""
        values = torch.stack([q.detach().to(self.sums.dtype) for q in quantities])
        self.sums += values.sum(1)
        self.squares += values.square().sum(1)
        self.count += values.shape[1]

    def compute(self) -> dict[str, Estimate]:
        """The estimate of each quantity."""
        n = int(self.count.item())
        mean = self.sums / max(n, 1)
        variance = (self.squares / max(n, 1) - mean.square()).clamp_min(0) / max(n - 1, 1)
        pairs = zip(mean.tolist(), variance.sqrt().tolist(), strict=True)
        return {name: Estimate(*pair, n) for name, pair in zip(self.names, pairs, strict=True)}
