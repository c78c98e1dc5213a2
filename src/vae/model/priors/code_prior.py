"""What the priors over discrete codes share whose choices depend on those before them."""

from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae.model.capabilities import Capability, has_trait
from vae.model.distributions.autoregressive_codes import AutoregressiveCodes
from vae.model.distributions.codebook import Codebook
from vae.model.priors.fitting import Say, maximise, quiet


class CodePrior(nn.Module):
    r"""p(z) = prod_n p(z_n | z_1, ..., z_(n-1)), by a network that gives all logits at once.

    Arguments:
        codebook: The choices.
    """

    offers: ClassVar[frozenset[Capability]] = frozenset()
    discrete: ClassVar[bool] = True
    # how many codes a step of `fit` takes
    batch_size: ClassVar[int]

    def __init__(self, codebook: Codebook):
        super().__init__()
        self.codebook = codebook

    def forward(self) -> Distribution:
        """p(z), with batch shape () and event shape (D,)."""
        return self.codes()

    def codes(self) -> AutoregressiveCodes:
        """p(z); a prior that need not make a whole pass for every choice says so here."""
        return AutoregressiveCodes(self.logits, self.codebook)

    def logits(self, choices: Tensor) -> Tensor:
        r"""The logits, with shape (\*, sum K_n), for one-hot choices of that shape."""
        raise NotImplementedError

    def from_noise(self, noise: Tensor, uniform: Tensor) -> Tensor:
        """z ~ p(z), with shape (B, D), as a function of noise, which an export takes as input.

        Arguments:
            noise: Standard normal numbers, with shape (B, D).
            uniform: Uniform numbers in [0, 1), with shape (B,), which choose a component.
        """
        below_one = 1 - torch.finfo(noise.dtype).eps
        chosen = torch.special.ndtr(noise)[:, self.codebook.lead].clamp_max(below_one)
        return self.codes().inverse(chosen)

    def fit(
        self,
        z: Tensor,
        seed: int = 0,
        steps: int = 3000,
        batch_size: int = 0,
        say: Say = quiet,
    ) -> None:
        """Maximise the probability of `z`.

        Arguments:
            z: Codes, with shape (N, D).
            seed: The seed of the batches.
            steps: The number of steps.
            batch_size: The number of codes in a step; 0 for the prior's own.
            say: Told how far it is.
        """
        maximise(self, z, seed, steps, batch_size or self.batch_size, say)


def codebook_of(posterior: nn.Module, what: str) -> Codebook:
    """The codes of a posterior.

    Raises:
        ValueError: If its z is no code but any vector.
    """
    if not has_trait(posterior, "discrete"):
        raise ValueError(
            f"{what} is over discrete codes, and this posterior's z is any vector; choose "
            "model/posterior=categorical, fsq, lfq or vq, or model/prior=standard_normal."
        )
    return cast(Codebook, posterior.codebook)
