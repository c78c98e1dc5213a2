"""The rate itself."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor


@dataclass(frozen=True)
class Constant:
    """The rate itself, at all times.

    References:
        beta-VAE (Higgins et al., 2017), eq. 4
    """

    # whether it depends on how long training lasts; others do
    needs_length: ClassVar[bool] = False

    def __call__(self, rate: Tensor, t: float) -> Tensor:
        """The price, with shape (B,)."""
        return rate
