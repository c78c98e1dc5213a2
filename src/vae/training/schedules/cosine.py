"""A linear rise, then a fall along a cosine."""

from dataclasses import dataclass

from vae.training.schedules.curve import cosine


@dataclass(frozen=True)
class Cosine:
    r"""A linear rise from 0 to 1, then a cosine down to `final`.

    Arguments:
        warmup: The fraction of training that rises.
        final: The last factor.

    References:
        SGDR (Loshchilov & Hutter, 2017), eq. 5
    """

    warmup: float = 0.0
    final: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.warmup < 1 or self.final < 0:
            raise ValueError(
                "a cosine schedule needs 0 <= warmup < 1 and final >= 0, got "
                f"warmup={self.warmup}, final={self.final}."
            )

    def __call__(self, t: float) -> float:
        """The factor at fraction t of training."""
        if t < self.warmup:
            return t / self.warmup
        return cosine(1.0, self.final, (t - self.warmup) / (1 - self.warmup))
