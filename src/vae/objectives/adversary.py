"""A network that tells two sets of codes apart, and how it is trained."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import softplus


class Judge(nn.Module):
    """A network with weights and settings of its own in the optimiser.

    Arguments:
        settings: lr, betas and weight_decay.

    Raises:
        ValueError: If the learning rate is not positive.
    """

    def __init__(self, **settings: Any):
        if settings["lr"] <= 0:
            raise ValueError(f"lr must be positive, got {settings['lr']}; set it so.")
        super().__init__()
        self.settings = settings

    def judged(self, x: Tensor) -> Tensor:
        """What it says of x, with a gradient of x alone."""
        fixed = {name: p.detach() for name, p in self.named_parameters()}
        said: Tensor = functional_call(self, fixed, (x,))
        return said


class Adversary(Judge):
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
        if min([1, *hidden]) < 1:
            raise ValueError(f"hidden must be positive, got {list(hidden)}; set it so.")
        super().__init__(lr=lr, betas=betas, weight_decay=weight_decay)
        widths = [latent_dim, *hidden]
        hiddens = [(nn.Linear(a, b), nn.LeakyReLU(0.2)) for a, b in pairwise(widths)]
        self.network = nn.Sequential(*(part for both in hiddens for part in both))
        self.network.append(nn.Linear(widths[-1], 1))

    def forward(self, z: Tensor) -> Tensor:
        r"""D(z) in nats, with shape (\*), for z with shape (\*, D)."""
        odds: Tensor = self.network(z.to(next(self.parameters()).dtype)).squeeze(-1)
        return odds.float() if odds.dtype in (torch.float16, torch.bfloat16) else odds

    def error(self, first: Tensor, second: Tensor) -> Tensor:
        r"""What D minimises in nats, with shape (\*), for as many codes of each, (\*, D).

        2 log 2 for a D that knows nothing. It has a gradient of D's own weights alone.
        """
        return softplus(-self(first.detach())) + softplus(self(second.detach()))
