"""An exponential moving average of the weights."""

from lightning.pytorch.callbacks import WeightAveraging
from torch.optim.swa_utils import get_ema_multi_avg_fn


class EMA(WeightAveraging):
    r"""Validate, keep and test an exponential moving average of the weights.

    .. math:: \bar{w} \leftarrow d \bar{w} + (1 - d) w

    Lightning's own EMA visits the parameters one by one; this one moves them all at once.

    Arguments:
        decay: d, between 0 and 1.

    Raises:
        ValueError: If `decay` is not between 0 and 1.

    References:
        Acceleration of Stochastic Approximation by Averaging (Polyak & Juditsky, 1992)
    """

    def __init__(self, decay: float = 0.998):
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be at least 0 and less than 1, got {decay}.")
        super().__init__(multi_avg_fn=get_ema_multi_avg_fn(decay))
