"""A network that tells two sets of codes apart, and how it is trained."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import softplus


class Adversary(nn.Module):
    r"""D(z), the log-odds that z is of the first of two sets; it is trained beside the model.

    .. math:: \min_D E_1[-\log \sigma(D(z))] + E_2[-\log \sigma(-D(z))], \quad
        D^* = \log p_1(z) - \log p_2(z)

    It has settings of its own within the model's optimiser, and a step moves both at once: the
    model's gradient takes D as it is, and D's gradient takes the codes as they are.

    Arguments:
        latent_dim: The length of z.
        hidden: The widths of the hidden layers, of leaky rectified units (FactorVAE's paper has six
            of 1000, WAE-GAN's four of 512).
        lr: The learning rate, times the schedule's factor.
        betas: The decays of Adam's two averages.
        weight_decay: As the optimiser's.

    Raises:
        ValueError: If a width or the learning rate is not positive.

    References:
        Generative Adversarial Nets (Goodfellow et al., 2014), eq. 1
        Disentangling by Factorising (Kim & Mnih, 2018), appendix B (the network)
    """

    def __init__(
        self,
        latent_dim: int,
        hidden: Sequence[int] = (512, 512, 512, 512),
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.5, 0.9),
        weight_decay: float = 0.0,
    ):
        if min([1, *hidden]) < 1 or lr <= 0:
            raise ValueError(
                f"hidden and lr must be positive, got {list(hidden)} and {lr}; set them so."
            )
        super().__init__()
        self.settings = {"lr": lr, "betas": betas, "weight_decay": weight_decay}
        widths = [latent_dim, *hidden]
        hiddens = [(nn.Linear(a, b), nn.LeakyReLU(0.2)) for a, b in pairwise(widths)]
        self.network = nn.Sequential(*(part for both in hiddens for part in both))
        self.network.append(nn.Linear(widths[-1], 1))

    def forward(self, z: Tensor) -> Tensor:
        r"""D(z) in nats, with shape (\*), for z with shape (\*, D)."""
        odds: Tensor = self.network(z.to(next(self.parameters()).dtype)).squeeze(-1)
        return odds.float() if odds.dtype in (torch.float16, torch.bfloat16) else odds

    def judged(self, z: Tensor) -> Tensor:
        r"""D(z), with a gradient of z alone."""
        fixed = {name: p.detach() for name, p in self.named_parameters()}
        odds: Tensor = functional_call(self, fixed, (z,))
        return odds

    def error(self, first: Tensor, second: Tensor) -> Tensor:
        r"""What D minimises in nats, with shape (\*), for as many codes of each, (\*, D).

        2 log 2 for a D that knows nothing. It has a gradient of D's own weights alone.
        """
        return softplus(-self(first.detach())) + softplus(self(second.detach()))
