"""q(z|x) as codes of learned vectors: vector quantisation."""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae.model.capabilities import Capability
from vae.model.distributions.codes import Code, straight_through
from vae.model.distributions.vector_codes import VectorCodes, split
from vae.model.distributions.vector_list import VectorList
from vae.model.precision import at_least_float32


class VQ(nn.Module):
    r"""q(z|x) is certain of one code: of each vector of features, the nearest in a list.

    .. math:: z_n = e_{k(n)}, \quad k(n) = \arg\min_k \|f_n - e_k\|, \quad
        penalty = \beta \sum_n \|f_n - sg(e_{k(n)})\|^2

    The list follows the features by moving averages (`VectorList`). Against a uniform prior the
    rate is N log K whatever x, and log p(x|z) + log p(z) a bound of log p(x).

    With a depth (residual quantisation), the m-th of so many lists takes what those before leave:

    .. math:: k_m(n) = \arg\min_k \|f_n - \sum_{j<m} e^j_{k_j(n)} - e^m_k\|

    z has the vectors of all side by side, so that it says which they are: a decoder that begins
    with a linear layer can add them up. The penalty is of what is left after each.

    Arguments:
        latent_dim: The length D of z.
        classes: K.
        length: Of each vector; None for all numbers that z has at a place, divided by the depth.
        depth: The number of lists.
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
        Restructuring Vector Quantization with the Rotation Trick (Fifty et al., 2025);
        Autoregressive Image Generation using Residual Quantization (Lee et al., 2022), eq. 2 to 5,
        with a list of its own at each depth, as in SoundStream (Zeghidour et al., 2021)
    """

    offers: ClassVar[frozenset[Capability]] = frozenset({"density", "moments", "maps"})
    discrete: ClassVar[bool] = True
    # all samples of q(z|x) are the same
    certain: ClassVar[bool] = True

    def __init__(
        self,
        latent_dim: int,
        classes: int = 512,
        length: int | None = None,
        depth: int = 1,
        commitment: float = 0.25,
        gradient: Literal["straight_through", "rotation"] = "straight_through",
        decay: float = 0.99,
        revive: float = 0.01,
        places: int = 1,
    ):
        channels = latent_dim // places
        if depth < 1 or channels % depth:
            raise ValueError(
                "depth is at least 1 and divides the numbers that z has at a place, got "
                f"{depth} and {channels}; set model.posterior.depth to a divisor."
            )
        length = channels // depth if length is None else length
        if classes < 2 or length < 1 or channels % (depth * length):
            raise ValueError(
                "vq has at least 2 classes, and vectors whose length times depth divides the "
                f"numbers that z has at a place, got classes={classes}, length={length}, "
                f"depth={depth} and {channels} numbers a place; set model.posterior.length so."
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
        self.depth, self.places, self.groups = depth, places, channels // depth // length
        self.feature_shape = (latent_dim // depth,)
        self.codebook = VectorCodes(
            classes, length, self.groups * depth, places, depth, decay, revive
        )

    def forward(self, features: Tensor) -> Distribution:
        """q(z|x), with batch shape (B,), for features with shape (B, D / depth)."""
        found = split(at_least_float32(features), self.groups, self.places)
        penalty = found.new_zeros(len(found))
        chosen, passed = [], []
        for d in range(self.depth):
            e = self.assigned(self.codebook.list_of(d), found.detach())
            penalty = penalty + self.commitment * (found - e).square().sum((-2, -1))
            chosen.append(e)
            passed.append(rotated(found, e) if self.gradient == "rotation" else found)
            found = found - e
        value, gradient = (
            self.codebook.join(torch.stack(t, -2).flatten(-3, -2)) for t in (chosen, passed)
        )
        # a decoder that adds the vectors up gets the gradient of one
        return Code(straight_through(value, gradient / self.depth), penalty)

    def assigned(self, own: VectorList, found: Tensor) -> Tensor:
        r"""The nearest of a list to each, with shape (\*, length); it follows in training."""
        learns = self.training and torch.is_grad_enabled()
        rows = found.flatten(0, -2)
        if learns:
            own.restart(rows)
        number = own.nearest(found)
        e = own.vectors[number].to(found.dtype)
        if learns:
            own.follow(rows, number.flatten())
        return e


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
