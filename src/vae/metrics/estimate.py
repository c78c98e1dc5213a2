"""Means over a data set, with their standard errors."""

from typing import NamedTuple

import torch
from torch import Tensor
from torchmetrics import Metric

from vae.model.precision import widest


class Estimate(NamedTuple):
    """A mean, its standard error over the examples, and the number of examples."""

    value: float
    standard_error: float
    num_examples: int


class Means(Metric):
    r"""The means of several per-example quantities, exact over batches and ranks of any size.

    .. math:: \bar{a} = \tfrac{1}{N} \sum_n a_n, \quad
        se(\bar{a}) = \sqrt{\tfrac{1}{N (N - 1)} \sum_n (a_n - \bar{a})^2}

    Sums are kept in float64, or float32 on devices that have no other.

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
        zeros = torch.zeros(len(names))
        self.add_state("sums", zeros.clone(), dist_reduce_fx="sum")
        self.add_state("squares", zeros.clone(), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros(()), dist_reduce_fx="sum")

    def update(self, *quantities: Tensor) -> None:
        """Add a batch of each quantity, all with shape (B,)."""
        wide = widest(quantities[0].device)
        values = torch.stack([q.detach().to(wide) for q in quantities])
        self.sums = self.sums.to(wide) + values.sum(1)
        self.squares = self.squares.to(wide) + values.square().sum(1)
        self.count = self.count.to(wide) + values.shape[1]

    def compute(self) -> dict[str, Estimate]:
        """The estimate of each quantity; nan where there are too few examples for it."""
        n = int(self.count.item())
        mean = self.sums / n
        variance = (self.squares / n - mean.square()).clamp_min(0) / (n - 1)
        pairs = zip(mean.tolist(), variance.sqrt().tolist(), strict=True)
        return {name: Estimate(*pair, n) for name, pair in zip(self.names, pairs, strict=True)}
