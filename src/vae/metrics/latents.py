"""What each dimension of z carries."""

from typing import NamedTuple

import torch
from torch import Tensor

from vae.metrics.estimate import Wide

THRESHOLD = 0.01


class LatentUse(NamedTuple):
    """What each dimension of z carries, over a set of examples.

    Arguments:
        variance: Var_x(E_q[z_d]), with shape (D,).
        rate: The mean KL(q(z_d|x) || p(z_d)) in nats, with shape (D,); None unless q(z|x) and
            p(z) are products over the dimensions.
    """

    variance: Tensor
    rate: Tensor | None

    @property
    def active(self) -> Tensor:
        """Whether each dimension is active, with shape (D,): its variance is above 0.01.

        References:
            Importance Weighted Autoencoders (Burda et al., 2016), section 5.2
        """
        return self.variance > THRESHOLD


class Latents(Wide):
    r"""The variance of E_q[z] and the rate of each dimension, exact over batches and ranks.

    .. math:: A_d = Var_{x}(E_{q(z \mid x)}[z_d])

    Arguments:
        latent_dim: The length D of z.

    References:
        Importance Weighted Autoencoders (Burda et al., 2016), section 5.2
    """

    full_state_update = False
    sums: Tensor
    squares: Tensor
    errors: Tensor
    rates: Tensor
    count: Tensor

    def __init__(self, latent_dim: int):
        super().__init__()
        for name in ("sums", "squares", "errors", "rates"):
            self.add_state(name, torch.zeros(latent_dim), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros(()), dist_reduce_fx="sum")

    def update(self, mean: Tensor, error: Tensor, rate: Tensor | None) -> None:
        """Add a batch.

        Arguments:
            mean: E_q[z], with shape (B, D).
            error: The variance of each mean where it is an estimate, with shape (B, D); it would
                count as variance over the examples, and is taken off.
            rate: The rate of each dimension, with shape (B, D), if there is one.
        """
        self.widen()
        each = torch.full_like(mean, torch.nan) if rate is None else rate
        wide = self.sums.dtype
        self.sums += mean.to(wide).sum(0)
        self.squares += mean.to(wide).square().sum(0)
        self.errors += error.to(wide).sum(0)
        self.rates += each.to(wide).sum(0)
        self.count += len(mean)

    def use(self) -> LatentUse:
        """What each dimension carries; torchmetrics would make a scalar of a single one."""
        variance, rate = self.compute()
        return LatentUse(variance.reshape(-1), None if rate is None else rate.reshape(-1))

    def compute(self) -> tuple[Tensor, Tensor | None]:
        """The variance and the rate of each dimension."""
        mean = self.sums / self.count
        spread = self.squares / self.count - mean.square() - self.errors / self.count
        rate = None if self.rates.isnan().any() else (self.rates / self.count).cpu()
        return spread.clamp_min(0).cpu(), rate
