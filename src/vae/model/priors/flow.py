"""p(z) as a normalising flow of coupling layers."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.distributions import AffineTransform, Distribution, Independent, Normal

from vae.model.capabilities import Capability
from vae.model.precision import at_least_float32
from vae.model.priors.fitting import Say, maximise, quiet


class Flow(nn.Module):
    r"""p(z) = N(f(z) | 0, I) |det df/dz|, with f a shift, a scale and a stack of coupling layers.

    Shift and scale are 0 and 1 until `fit` sets them. Each layer moves one half of z by an
    invertible map whose parameters a network computes from the other half: an affine map (RealNVP)
    or a monotonic rational-quadratic spline.

    Arguments:
        latent_dim: The length D of z.
        kind: "affine" or "spline".
        transforms: The number of layers.
        hidden: The width of each hidden layer of a coupling's network.

    Raises:
        ValueError: If there is no layer.

    References:
        Density estimation using Real NVP (Dinh et al., 2017) (affine)
        Neural Spline Flows (Durkan et al., 2019) (spline)
    """

    offers: ClassVar[frozenset[Capability]] = frozenset()
    shift: Tensor
    scale: Tensor

    def __init__(
        self,
        latent_dim: int,
        kind: Literal["affine", "spline"] = "affine",
        transforms: int = 6,
        hidden: Sequence[int] = (128, 128),
    ):
        from vae.model.distributions.zuko import MAF, NSF, prepared

        if transforms < 1:
            raise ValueError(f"a flow needs at least 1 transform, got {transforms}.")
        super().__init__()
        build: Any = {"affine": MAF, "spline": NSF}[kind]
        # two passes: one half given the other
        coupling = {"passes": 2, "hidden_features": tuple(hidden)} if latent_dim > 1 else {}
        self.flow = build(latent_dim, transforms=transforms, **coupling)
        for layer in self.flow.transform.transforms:
            prepared(layer)
        self.register_buffer("shift", torch.zeros(latent_dim))
        self.register_buffer("scale", torch.ones(latent_dim))
        self.numbers_per_sample = sum(hidden) + (24 if kind == "spline" else 2) * latent_dim

    def forward(self) -> Distribution:
        """p(z), with batch shape () and event shape (D,)."""
        from vae.model.distributions.zuko import ComposedTransform, NormalizingFlow

        shift, scale = at_least_float32(self.shift), at_least_float32(self.scale)
        standardise = AffineTransform(-shift / scale, 1 / scale, event_dim=1)
        # the flow's own base looks at its values to check them, for which a GPU is waited for
        normal = Normal(torch.zeros_like(shift), torch.ones_like(shift), validate_args=False)
        base = Independent(normal, 1, validate_args=False)
        p: Distribution = NormalizingFlow(
            ComposedTransform(standardise, self.flow.transform(None)), base
        )
        return p

    def from_noise(self, noise: Tensor, uniform: Tensor) -> Tensor:
        """z ~ p(z), with shape (B, D), as a function of noise, which an export takes as input.

        Arguments:
            noise: Standard normal numbers, with shape (B, D).
            uniform: Uniform numbers in [0, 1), with shape (B,), which choose a component.
        """
        p: Any = self()
        base = p.base.base_dist
        z: Tensor = p.transform.inv(base.loc + base.scale * noise)
        return z

    def fit(
        self,
        z: Tensor,
        seed: int = 0,
        steps: int = 3000,
        batch_size: int = 512,
        say: Say = quiet,
    ) -> None:
        """Maximise the density of `z`, by Adam with a cosine schedule.

        Arguments:
            z: Latent vectors, with shape (N, D).
            seed: The seed of the batches.
            steps: The number of steps.
            batch_size: The number of vectors in a step.
            say: Told how far it is.
        """
        self.shift.copy_(z.mean(0))
        self.scale.copy_(z.std(0).clamp_min(1e-6))
        maximise(self, z, seed, steps, batch_size, say)
