"""q(z|x) as codes of learned vectors: vector quantisation."""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae.model.capabilities import Capability
from vae.model.distributions.codes import Code, straight_through
from vae.model.distributions.vector_codes import VectorCodes
from vae.model.precision import at_least_float32


class VQ(nn.Module):
    r"""q(z|x) is certain of one code: of each vector of features, the nearest in a list.

    .. math:: z_n = e_{k(n)}, \quad k(n) = \arg\min_k \|f_n - e_k\|, \quad
        penalty = \beta \sum_n \|f_n - sg(e_{k(n)})\|^2

    The list follows the features by moving averages (`VectorCodes`). Against a uniform prior the
    rate is N log K whatever x, and log p(x|z) + log p(z) a bound of log p(x).

    Arguments:
        latent_dim: The length D of z.
        classes: K.
        length: Of each vector; None for all numbers that z has at a place.
        commitment: beta, in nats.
        gradient: "straight_through" for that of f_n as if it were z_n; "rotation" for that of f_n
            turned and stretched to z_n, by a matrix that is held fixed.
        decay: Of the moving averages.
        revive: Below this fraction of an even share, a vector starts anew.
        places: How many places z has, of maps.

    Raises:
        ValueError: If K is less than 2, a length does not divide, or another number does not fit.

    References:
        Neural Discrete Representation Learning (van den Oord et al., 2017), eq. 2, 3;
        Restructuring Vector Quantization with the Rotation Trick (Fifty et al., 2025)
    """

    offers: ClassVar[frozenset[Capability]] = frozenset({"density", "moments"})
    discrete: ClassVar[bool] = True
    # all samples of q(z|x) are the same
    certain: ClassVar[bool] = True

    def __init__(
        self,
        latent_dim: int,
        classes: int = 512,
        length: int | None = None,
        commitment: float = 0.25,
        gradient: Literal["straight_through", "rotation"] = "straight_through",
        decay: float = 0.99,
        revive: float = 0.01,
        places: int = 1,
    ):
        channels = latent_dim // places
        length = channels if length is None else length
        if classes < 2 or length < 1 or channels % length:
            raise ValueError(
                "vq has at least 2 classes, and vectors whose length divides the numbers that z "
                f"has at a place, got classes={classes}, length={length} and {channels} numbers a "
                "place; set model.posterior.length to a divisor."
            )
        if not (commitment >= 0 and 0 <= decay < 1 and 0 <= revive < 1):
            raise ValueError(
                "commitment is at least 0, decay and revive are in [0, 1), got "
                f"{commitment}, {decay} and {revive}."
            )
        if gradient not in ("straight_through", "rotation"):
            raise ValueError(f"gradient is straight_through or rotation, got {gradient}.")
        super().__init__()
        self.latent_dim, self.commitment, self.gradient = latent_dim, commitment, gradient
        self.feature_shape = (latent_dim,)
        self.codebook = VectorCodes(classes, length, channels // length, places, decay, revive)

    def forward(self, features: Tensor) -> Distribution:
        """q(z|x), with batch shape (B,), for features with shape (B, D)."""
        book = self.codebook
        found = book.split(at_least_float32(features))
        rows = found.detach().flatten(0, -2)
        learns = self.training and torch.is_grad_enabled()
        if learns:
            book.restart(rows)
        number = book.nearest(found.detach())
        chosen = book.vectors[number].to(found.dtype)
        if learns:
            book.follow(rows, number.flatten())
        penalty = self.commitment * (found - chosen).square().sum((-2, -1))
        passed = rotated(found, chosen) if self.gradient == "rotation" else found
        return Code(straight_through(book.join(chosen), book.join(passed)), penalty)


def rotated(f: Tensor, e: Tensor) -> Tensor:
    r"""`f` turned and stretched to `e`, with shape (\*, length); the gradient is of f alone.

    .. math:: \tfrac{\|e\|}{\|f\|} (I - 2 r r^T + 2 \hat{e} \hat{f}^T) f, \quad
        r = \frac{\hat{f} + \hat{e}}{\|\hat{f} + \hat{e}\|}

    References:
        Restructuring Vector Quantization with the Rotation Trick (Fifty et al., 2025)
    """
    fixed = f.detach()
    unit_f, unit_e = nn.functional.normalize(fixed, dim=-1), nn.functional.normalize(e, dim=-1)
    r = nn.functional.normalize(unit_f + unit_e, dim=-1)
    stretch = e.norm(dim=-1, keepdim=True) / fixed.norm(dim=-1, keepdim=True).clamp_min(1e-12)
    along_r, along_f = (r * f).sum(-1, keepdim=True), (unit_f * f).sum(-1, keepdim=True)
    turned: Tensor = stretch * (f - 2 * r * along_r + 2 * unit_e * along_f)
    return turned
