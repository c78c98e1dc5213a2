"""An exponential moving average of the weights."""

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn


class EMA(WeightAveraging):
    r"""Validate, keep and test an exponential moving average of the weights.

    .. math:: \bar{w} \leftarrow d_t \bar{w} + (1 - d_t) w, \quad
        d_t = \min(d, \tfrac{1 + t}{10 + t})

    The decay of step t grows to d, so that a short run's average is not its initialisation.
    Lightning's own EMA visits the parameters one by one; this one moves them all at once.

    Arguments:
        decay: d, between 0 and 1.

    Raises:
        ValueError: If `decay` is not between 0 and 1.

    References:
        Acceleration of Stochastic Approximation by Averaging (Polyak & Juditsky, 1992)
    """

    # a strategy that divides the weights among devices has none to average
    needs_whole_weights = True

    def __init__(self, decay: float = 0.998):
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be at least 0 and less than 1, got {decay}.")
        super().__init__(multi_avg_fn=self._move)
        self.decay = decay
        self.step = 0

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the average in the precision that the strategy has given the weights.

        Its count of steps stays on the CPU: every step looks at it, and would wait for a GPU.
        """
        assert self._average_model is not None
        self._average_model.to(pl_module.dtype)
        self._average_model.n_averaged = self._average_model.n_averaged.cpu()

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        """After every step, and not again after an epoch."""
        self.step = self.step if step_idx is None else step_idx
        return step_idx is not None

    def _move(self, average: list[Tensor], current: list[Tensor], count: Tensor) -> None:
        if not average[0].is_floating_point():
            # indices, orders and counts have no average; tensors come here type by type
            for old, new in zip(average, current, strict=True):
                old.copy_(new)
            return
        decay = min(self.decay, (1 + self.step) / (10 + self.step))
        get_ema_multi_avg_fn(decay)(average, current, count)
