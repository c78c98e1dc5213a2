"""The distortion, and an adversary that tells codes from samples of the prior."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import softplus

from vae.model.record import Record
from vae.objectives.adversary import Adversary
from vae.objectives.objective import Objective, distortion


class Adversarial(Objective):
    r"""The adversarial autoencoder: codes that an adversary takes for samples of p(z).

    .. math:: E_q[\log p(x \mid z)] + \lambda E_q[\log \sigma(D(z))]

    where D learns the odds that z was drawn from p(z) and not from q(z).

    Arguments:
        adversary: D, and how it is trained.
        weight: lambda, in nats.
        num_samples: The number S of samples of z for each example; D takes the first.

    Raises:
        ValueError: If `weight` is negative, or `num_samples` not positive.

    References:
        Adversarial Autoencoders (Makhzani et al., 2016), section 2 (both steps are one here)
        Wasserstein Auto-Encoders (Tolstikhin et al., 2018), algorithm 1 (with a weight)
    """

    name: ClassVar[str] = "adversarial"
    requires = frozenset()
    adversary: Adversary
    aggregates = True
    pathwise = True
    # samples of a learned prior carry no gradient to it here
    trains_prior = False

    def __init__(self, adversary: Adversary, weight: float = 10.0, num_samples: int = 1):
        if weight < 0:
            raise ValueError(f"weight must be at least 0, got {weight}; set it so.")
        super().__init__(num_samples)
        self.adversary, self.weight = adversary, weight

    def maximised(self, record: Record, t: float) -> Tensor:
        """Fidelity and how far the adversary is deceived, with shape (B,)."""
        missed = softplus(-self.adversary.judged(record.z[0]))
        return -(distortion(record) + self.weight * missed)

    def error(self, record: Record, t: float) -> Tensor:
        """What the adversary minimises in nats, with shape (B,)."""
        z = record.z[0]
        drawn = record.prior.sample(torch.Size([len(z)])).to(z.dtype)
        return self.adversary.error(drawn, z)
