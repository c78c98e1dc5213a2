"""A weight that rises several times."""

from dataclasses import dataclass

from torch import Tensor


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
