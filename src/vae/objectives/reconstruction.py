"""The distortion alone: an autoencoder, regularised or not."""

from typing import ClassVar

import torch
from torch import Tensor

from vae.model.record import Record
from vae.objectives.objective import Objective, Requirements, distortion


class Reconstruction(Objective):
    r"""The distortion, with optional costs of long codes and of a steep decoder.

    .. math:: E_q[\log p(x \mid z)] - \tfrac{a}{2} \|z\|^2
        - \tfrac{b}{2} \left\| \tfrac{\partial E[x \mid z]}{\partial z} \right\|_F^2

    The norm of the Jacobian is estimated without bias, as E |J^T v|^2 with v ~ N(0, I).

    Arguments:
        latent_l2: a, in nats.
        decoder_gradient: b, in nats.
        num_samples: The number S of samples of z for each example.

    Raises:
        ValueError: If a cost is negative, or `num_samples` not positive.

    References:
        From Variational to Deterministic Autoencoders (Ghosh et al., 2020), section 3 (RAE-GP; its
        penalty is the same norm)
    """

    name: ClassVar[str] = "reconstruction"
    requires: Requirements = frozenset()
    matches_prior = False
    trains_prior = False

    def __init__(self, latent_l2: float = 0.0, decoder_gradient: float = 0.0, num_samples: int = 1):
        if min(latent_l2, decoder_gradient) < 0:
            raise ValueError(
                "latent_l2 and decoder_gradient must be at least 0, got "
                f"{latent_l2} and {decoder_gradient}."
            )
        super().__init__(num_samples)
        self.latent_l2, self.decoder_gradient = latent_l2, decoder_gradient

    def maximised(self, record: Record, t: float) -> Tensor:
        """What is maximised, with shape (B,)."""
        price = distortion(record)
        if self.latent_l2:
            price = price + self.latent_l2 / 2 * record.z.square().sum(-1).mean(0)
        # a validation step tracks no gradients, and needs none
        if self.decoder_gradient and torch.is_grad_enabled():
            mean = record.likelihood.mean
            (gradient,) = torch.autograd.grad(
                mean, record.z, torch.randn_like(mean), create_graph=True
            )
            price = price + self.decoder_gradient / 2 * gradient.square().sum(-1).mean(0)
        return -price
