"""A rise and a fall along cosines."""

from dataclasses import dataclass

from vae.training.schedules.curve import cosine


@dataclass(frozen=True)
class OneCycle:
    r"""A cosine from 1/div up to 1, then a cosine down to 1/final_div.

    Step n of N is taken at t = n / N, n = 0, ..., N - 1: the last one is a step short of the end.

    Arguments:
        warmup: The fraction of training that rises.
        div: The peak over the first rate.
        final_div: The peak over the last rate.

    References:
        Super-Convergence (Smith & Topin, 2018)
    """

    warmup: float = 0.1
    div: float = 25.0
    final_div: float = 1e4

    def __post_init__(self) -> None:
        if not 0 <= self.warmup < 1 or self.div <= 0 or self.final_div <= 0:
            raise ValueError(
                "a one_cycle schedule needs 0 <= warmup < 1 and positive div and final_div, got "
                f"warmup={self.warmup}, div={self.div}, final_div={self.final_div}."
            )

    def __call__(self, t: float) -> float:
        """The factor at fraction t of training."""
        if t < self.warmup:
            return cosine(1 / self.div, 1.0, t / self.warmup)
        return cosine(1.0, 1 / self.final_div, (t - self.warmup) / (1 - self.warmup))
