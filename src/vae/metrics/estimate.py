"""Means over a data set, with their standard errors."""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torchmetrics import Metric

from vae.model.precision import widest


class Estimate(NamedTuple):
    """A mean, its standard error over the examples, and the number of examples."""

    value: float
    standard_error: float
    num_examples: int

    @classmethod
    def of(cls, values: Tensor) -> "Estimate":
        """That of some values, with shape (N,); its error is nan for a single one."""
        n = len(values)
        error = float(values.std()) / math.sqrt(n) if n > 1 else math.nan
        return cls(float(values.mean()), error, n)


class Wide(Metric):
    """A metric whose sums are as precise as its device allows.

    They become so with the first update or, in a process that never gets an example, before they
    are gathered from all: every process must send the same type.
    """

    def widen(self) -> None:
        """Make the sums float64, or leave them float32 on devices that have no other."""
        for name, value in self.metric_state.items():
            if isinstance(value, Tensor):
                setattr(self, name, value.to(widest(value.device)))

    def sync(self, *arguments: Any, **options: Any) -> None:
        """Gather the sums of all processes."""
        self.widen()
        super().sync(*arguments, **options)


class Means(Wide):
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
        self.widen()
        values = torch.stack([q.detach().to(self.sums.dtype) for q in quantities])
        self.sums += values.sum(1)
        self.squares += values.square().sum(1)
        self.count += values.shape[1]

    def compute(self) -> dict[str, Estimate]:
        """The estimate of each quantity; nan where there are too few examples for it."""
        n = int(self.count.item())
        mean = self.sums / n
        variance = (self.squares / n - mean.square()).clamp_min(0) / (n - 1)
        pairs = zip(mean.tolist(), variance.sqrt().tolist(), strict=True)
        return {name: Estimate(*pair, n) for name, pair in zip(self.names, pairs, strict=True)}
