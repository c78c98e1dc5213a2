"""p(z) over discrete codes, each choice given those before it."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from vae.model.precision import FullPrecision
from vae.model.priors.code_prior import CodePrior, codebook_of


class Autoregressive(CodePrior):
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

    batch_size: ClassVar[int] = 512

    def __init__(self, posterior: nn.Module, hidden: Sequence[int] = (256, 256)):
        # zuko costs a second that no other prior has to pay
        from vae.model.distributions.zuko import MaskedMLP

        if any(width < 1 for width in hidden):
            raise ValueError(f"the widths in hidden must be at least 1, got {list(hidden)}.")
        codebook = codebook_of(posterior, "an autoregressive prior")
        super().__init__(codebook)
        sizes = torch.tensor(codebook.sizes)
        group = torch.arange(len(sizes)).repeat_interleave(sizes)
        # every choice also sees a number that is always 1: the first, and a code's only one, sees
        # nothing else
        before = torch.cat([torch.ones(len(group), 1).bool(), group[:, None] > group], 1)
        self.network = FullPrecision(MaskedMLP(before, list(hidden), nn.SiLU))
        self.numbers_per_sample = sum(hidden) + 3 * codebook.total

    def logits(self, choices: Tensor) -> Tensor:
        r"""The logits, with shape (\*, sum K_n), for one-hot choices of that shape."""
        logits: Tensor = self.network(nn.functional.pad(choices, (1, 0), value=1.0))
        return logits
