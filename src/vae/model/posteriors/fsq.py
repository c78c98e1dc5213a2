"""q(z|x) as one code of a grid: finite scalar quantisation."""

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn
from torch.distributions import Distribution

from vae.model.capabilities import Capability
from vae.model.distributions.codebook import GridCodes
from vae.model.distributions.codes import Code, on_grid, straight_through
from vae.model.precision import at_least_float32


class FSQ(nn.Module):
    r"""q(z|x) is certain of one code, whose numbers are rounded to a few levels in [-1, 1].

    .. math:: z_d = \tfrac{2}{L_d - 1} round\left( \tfrac{L_d - 1}{2} (\tanh(f_d) + 1) \right) - 1

    The gradient passes the rounding as if it were not there (straight-through). Against a uniform
    prior the rate is sum_d log L_d whatever x, and the ELBO, log p(x|z) + log p(z), is a bound of
    log p(x): of all codes that might have given x, one counts.

    Arguments:
        latent_dim: The length D of z.
        levels: How many levels each number has, again and again: [8, 5] is 8, 5, 8, 5, ...
        places: How many neighbours share a level: of maps, those of a channel.

    Raises:
        ValueError: If a number has fewer than two levels.

    References:
        Finite Scalar Quantization: VQ-VAE Made Simple (Mentzer et al., 2024), section 3.1
    """

    offers: ClassVar[frozenset[Capability]] = frozenset({"density", "moments", "maps"})
    discrete: ClassVar[bool] = True
    # all samples of q(z|x) are the same
    certain: ClassVar[bool] = True

    def __init__(self, latent_dim: int, levels: Sequence[int] = (8, 5, 5, 5), places: int = 1):
        if not levels or min(levels) < 2:
            raise ValueError(f"every number of a code has at least 2 levels, got {list(levels)}.")
        super().__init__()
        self.latent_dim = latent_dim
        self.feature_shape = (latent_dim,)
        each = [levels[d // places % len(levels)] for d in range(latent_dim)]
        self.codebook = GridCodes(each)

    def forward(self, features: Tensor) -> Distribution:
        """q(z|x), with batch shape (B,), for features with shape (B, D)."""
        features = at_least_float32(features)
        levels = self.codebook.counts.to(features.dtype)
        inside = features.tanh()
        z = on_grid(((inside + 1) / 2 * (levels - 1)).round(), levels)
        return Code(straight_through(z, inside))
