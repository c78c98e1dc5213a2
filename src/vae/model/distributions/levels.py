"""What the distributions over the levels of 8-bit pixels share."""

from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints


class _Levels(constraints.Constraint):
    """Multiples of 1 / (levels - 1) from 0 to 1."""

    is_discrete = True

    def __init__(self, levels: int):
        self.levels = levels
        super().__init__()

    def check(self, value: Tensor) -> Tensor:
        steps = value * (self.levels - 1)
        whole = (steps - steps.round()).abs() < 1e-3
        return whole & (value >= 0) & (value <= 1)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, _Levels) and other.levels == self.levels

    def __hash__(self) -> int:
        return hash(self.levels)

    def __repr__(self) -> str:
        return f"the {self.levels} levels from 0 to 1"


bytes_ = _Levels(256)


def level(value: Tensor, levels: int = 256) -> Tensor:
    """The number of each level, with the shape of `value`, as integers."""
    return (value * (levels - 1)).round().to(torch.int64)
