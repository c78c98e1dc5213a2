"""p(z) over discrete codes, each choice given those before it."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae.model.capabilities import Capability
from vae.model.distributions.autoregressive_codes import AutoregressiveCodes
from vae.model.priors.fitting import maximise
from vae.model.priors.uniform import codebook_of


class Autoregressive(nn.Module):
    r"""p(z) = prod_n p(z_n | z_1, ..., z_(n-1)), by a masked network over one-hot choices.

    Arguments:
        posterior: The model's own, which knows its codes.
        hidden: The width of each hidden layer.

    Raises:
        ValueError: If its z is no code but any vector, or a width is not positive.

    References:
        MADE: Masked Autoencoder for Distribution Estimation (Germain et al., 2015), section 4;
        as the prior of codes: Neural Discrete Representation Learning (van den Oord et al., 2017),
        section 3.3
    """

    offers: ClassVar[frozenset[Capability]] = frozenset()
    discrete: ClassVar[bool] = True

    def __init__(self, posterior: nn.Module, hidden: Sequence[int] = (256, 256)):
        # zuko costs a second that no other prior has to pay
        from vae.model.distributions.zuko import FullPrecision, MaskedMLP

        if any(width < 1 for width in hidden):
            raise ValueError(f"the widths in hidden must be at least 1, got {list(hidden)}.")
        codebook = codebook_of(posterior, "an autoregressive prior")
        super().__init__()
        self.codebook = codebook
        sizes = torch.tensor(codebook.sizes)
        group = torch.arange(len(sizes)).repeat_interleave(sizes)
        # every choice also sees a number that is always 1: the first, and a code's only one, sees
        # nothing else
        before = torch.cat([torch.ones(len(group), 1).bool(), group[:, None] > group], 1)
        self.network = FullPrecision(MaskedMLP(before, list(hidden), nn.SiLU))
        self.numbers_per_sample = sum(hidden) + 3 * codebook.total

    def forward(self) -> Distribution:
        """p(z), with batch shape () and event shape (D,)."""
        return AutoregressiveCodes(self.logits, self.codebook)

    def logits(self, choices: Tensor) -> Tensor:
        r"""The logits, with shape (\*, sum K_n), for one-hot choices of that shape."""
        logits: Tensor = self.network(nn.functional.pad(choices, (1, 0), value=1.0))
        return logits

    def from_noise(self, noise: Tensor, uniform: Tensor) -> Tensor:
        """z ~ p(z), with shape (B, D), as a function of noise, which an export takes as input.

        Arguments:
            noise: Standard normal numbers, with shape (B, D).
            uniform: Uniform numbers in [0, 1), with shape (B,), which choose a component.
        """
        first = self.codebook.first if self.codebook.one_hots else slice(None)
        below_one = 1 - torch.finfo(noise.dtype).eps
        chosen = torch.special.ndtr(noise)[:, first].clamp_max(below_one)
        return AutoregressiveCodes(self.logits, self.codebook).inverse(chosen)

    def fit(self, z: Tensor, seed: int = 0, steps: int = 3000, batch_size: int = 512) -> None:
        """Maximise the probability of `z`.

        Arguments:
            z: Codes, with shape (N, D).
            seed: The seed of the batches.
            steps: The number of steps.
            batch_size: The number of codes in a step.
        """
        maximise(self, z, seed, steps, batch_size)
