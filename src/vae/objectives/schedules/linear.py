"""A weight that rises once."""

from dataclasses import dataclass

from torch import Tensor


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
