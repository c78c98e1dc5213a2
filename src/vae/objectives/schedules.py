r"""How the price of the rate changes: the fraction t of training that has passed, and the rate."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Schedule(Protocol):
    """The rate in nats, with shape (B,), to its price before the weight beta."""

    def __call__(self, rate: Tensor, t: float) -> Tensor: ...


@dataclass(frozen=True)
class Constant:
    """The rate itself, at all times.

    References:
        beta-VAE (Higgins et al., 2017), eq. 4
    """

    def __call__(self, rate: Tensor, t: float) -> Tensor:
        """The price, with shape (B,)."""
        return rate


@dataclass(frozen=True)
class Linear:
    r"""A weight that rises in a line from 0 to 1, then stays.

    .. math:: \min(t / warmup, 1) \cdot rate

    Arguments:
        warmup: The fraction of training that rises.

    References:
        Generating Sentences from a Continuous Space (Bowman et al., 2016), section 3.1
        Ladder Variational Autoencoders (Sønderby et al., 2016), warm-up
    """

    warmup: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.warmup <= 1:
            raise ValueError(f"a linear schedule needs 0 < warmup <= 1, got {self.warmup}.")

    def __call__(self, rate: Tensor, t: float) -> Tensor:
        """The price, with shape (B,)."""
        return min(t / self.warmup, 1.0) * rate


@dataclass(frozen=True)
class Cyclical:
    r"""A weight that rises in a line from 0 to 1 several times.

    .. math:: \min(u / ramp, 1) \cdot rate, \quad u = \text{frac}(cycles \cdot t)

    Arguments:
        cycles: How often.
        ramp: The fraction of a cycle that rises; in the rest the weight is 1.

    References:
        Cyclical Annealing Schedule (Fu et al., 2019), section 3
    """

    cycles: int = 4
    ramp: float = 0.5

    def __post_init__(self) -> None:
        if self.cycles < 1 or not 0 < self.ramp <= 1:
            raise ValueError(
                "a cyclical schedule needs cycles >= 1 and 0 < ramp <= 1, got "
                f"cycles={self.cycles}, ramp={self.ramp}."
            )

    def __call__(self, rate: Tensor, t: float) -> Tensor:
        """The price, with shape (B,)."""
        u = 1.0 if t >= 1 else self.cycles * t % 1.0
        return min(u / self.ramp, 1.0) * rate


@dataclass(frozen=True)
class Capacity:
    r"""The distance of the rate from a capacity that rises in a line from 0.

    .. math:: |rate - capacity \cdot \min(t / warmup, 1)|

    The distance is taken for each example, where the paper takes that of the mean rate.

    Arguments:
        capacity: The last capacity, in nats.
        warmup: The fraction of training that rises.

    References:
        Understanding disentangling in beta-VAE (Burgess et al., 2018), eq. 8
    """

    capacity: float = 25.0
    warmup: float = 0.5

    def __post_init__(self) -> None:
        if self.capacity < 0 or not 0 < self.warmup <= 1:
            raise ValueError(
                "a capacity schedule needs capacity >= 0 and 0 < warmup <= 1, got "
                f"capacity={self.capacity}, warmup={self.warmup}."
            )

    def __call__(self, rate: Tensor, t: float) -> Tensor:
        """The price, with shape (B,)."""
        return (rate - self.capacity * min(t / self.warmup, 1.0)).abs()
