"""The distance from a capacity that rises."""

from dataclasses import dataclass

from torch import Tensor


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
