"""q(z|x) as the signs of features: lookup-free quantisation."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn.functional import logsigmoid

from vae.model.capabilities import Capability
from vae.model.distributions.codebook import GridCodes
from vae.model.distributions.codes import Code, straight_through
from vae.model.distributions.vector_codes import split
from vae.model.precision import at_least_float32, unrounded

# the entropy of a batch is a sum over 2^bits codes
MOST = 12


class LFQ(nn.Module):
    r"""q(z|x) is certain of one code, the signs of the features, -1 or 1.

    .. math:: penalty = \beta \|f - sg(z)\|^2
        + \gamma \left( \sum_n H(\pi(f_n)) - N H(\overline{\pi}) \right), \quad
        \pi_c(f_n) \propto \exp(-\|f_n - c\|^2 / \tau)

    where f_n are the `bits` numbers of a token, c the 2^bits codes that it may have, and the bar
    a mean over the tokens of a batch (on this device): each is to be certain, and all are to be
    used. The rate against a uniform prior is D log 2.

    Arguments:
        latent_dim: The length D of z.
        bits: Of a token; None for the most that divide the numbers of a place, up to 12.
        commitment: beta, in nats.
        entropy: gamma.
        temperature: tau.
        places: How many places z has, of maps.

    Raises:
        ValueError: If `bits` does not divide, or another number does not fit.

    References:
        Language Model Beats Diffusion: Tokenizer is Key (Yu et al., 2024)
    """

    offers: ClassVar[frozenset[Capability]] = frozenset({"density", "moments", "maps"})
    discrete: ClassVar[bool] = True
    # all samples of q(z|x) are the same
    certain: ClassVar[bool] = True
    codes: Tensor

    def __init__(
        self,
        latent_dim: int,
        bits: int | None = None,
        commitment: float = 0.25,
        entropy: float = 0.1,
        temperature: float = 1.0,
        places: int = 1,
    ):
        channels = latent_dim // places
        if bits is None:
            bits = max(n for n in range(1, MOST + 1) if channels % n == 0)
        if not 1 <= bits <= MOST or channels % bits:
            raise ValueError(
                f"the bits of a token are 1 to {MOST}, and divide the numbers that z has at a "
                f"place, got {bits} and {channels}; set model.posterior.bits to such a divisor."
            )
        if min(commitment, entropy) < 0 or not temperature > 0:
            raise ValueError(
                "commitment and entropy are at least 0, and temperature is positive, got "
                f"{commitment}, {entropy} and {temperature}."
            )
        super().__init__()
        self.latent_dim, self.bits, self.places = latent_dim, bits, places
        self.commitment, self.entropy, self.temperature = commitment, entropy, temperature
        self.feature_shape = (latent_dim,)
        self.codebook = GridCodes([2] * latent_dim)
        signs = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * bits).reshape(-1, bits)
        self.register_buffer("codes", signs, persistent=False)

    def forward(self, features: Tensor) -> Distribution:
        """q(z|x), with batch shape (B,), for features with shape (B, D)."""
        features = at_least_float32(features)
        z = torch.where(features > 0, 1.0, -1.0).to(features.dtype)
        penalty = self.commitment * (features - z).square().sum(-1)
        if self.entropy:
            penalty = penalty + self.entropy * self.excess(features)
        return Code(straight_through(z, features), penalty)

    def excess(self, features: Tensor) -> Tensor:
        """The entropies of an image's tokens, less as many of the batch's mean, with shape (B,)."""
        tokens = split(features, self.latent_dim // self.places // self.bits, self.places)
        # of the codes, a product over bits: the squared distances differ by 4 f
        logit = 4 * tokens / self.temperature
        one, zero = logsigmoid(logit), logsigmoid(-logit)
        certain = -(one.exp() * one + zero.exp() * zero).sum((-2, -1))
        codes = self.codes.to(one.dtype)
        with unrounded(tokens):
            log_pi = one @ codes.mT + zero @ (1 - codes.mT)
        log_mean = log_pi.flatten(0, -2).logsumexp(0) - math.log(log_pi[..., 0].numel())
        used = -(log_mean.exp() * log_mean).sum()
        return certain - tokens.shape[-2] * used
