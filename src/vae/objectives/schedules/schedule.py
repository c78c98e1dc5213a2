"""What every schedule of the rate's price is."""

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Schedule(Protocol):
    """The rate in nats, with shape (B,), to its price before the weight beta."""

    def __call__(self, rate: Tensor, t: float) -> Tensor: ...
