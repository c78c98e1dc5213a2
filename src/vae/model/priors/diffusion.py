"""p(z) by a diffusion of the codes of a trained model."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from vae.model.capabilities import Capability
from vae.model.distributions.probability_flow import EXACT, ProbabilityFlow
from vae.model.networks.velocity import MapVelocity, VectorVelocity
from vae.model.precision import at_least_float32, unrounded
from vae.model.priors.fitting import Say, minimise, quiet


class Diffusion(nn.Module):
    r"""A diffusion from codes to noise, and back by its probability-flow differential equation.

    .. math:: z_t = \cos(\tfrac{\pi t}{2}) z + \sin(\tfrac{\pi t}{2}) \epsilon, \quad
        v(z_t, t) \approx E[\cos(\tfrac{\pi t}{2}) \epsilon - \sin(\tfrac{\pi t}{2}) z \mid z_t],
        \quad \tfrac{dz}{dt} = \tfrac{\pi}{2} v(z, t)

    A network v is fitted by least squares (`vae.fit_prior`); log p(z) is that of
    `ProbabilityFlow`, exact up to the solver's steps for D of at most 64, and an unbiased estimate
    above.

    Arguments:
        latent_dim: The length D of z.
        width: Of the network's layers; None for 256, and 64 channels of maps.
        layers: Their number.
        steps: Of the solver, each of four passes of the network.
        map_shape: (C, H, W) where z is maps; the network is then a convolutional one.

    Raises:
        ValueError: If a number is less than 1.

    References:
        Score-Based Generative Modeling in Latent Space (Vahdat et al., 2021), without its joint
        training; Progressive Distillation (Salimans & Ho, 2022), appendix D (v, and this schedule)
    """

    offers: ClassVar[frozenset[Capability]] = frozenset()
    # a loss of its own, over codes that stay where they are
    fitted_afterwards: ClassVar[bool] = True
    shift: Tensor
    scale: Tensor

    def __init__(
        self,
        latent_dim: int,
        width: int | None = None,
        layers: int = 4,
        steps: int = 20,
        map_shape: tuple[int, int, int] | None = None,
    ):
        width = width or (256 if map_shape is None else 64)
        if min(width, layers, steps) < 1:
            raise ValueError(
                f"width, layers and steps are at least 1, got {width}, {layers} and {steps}."
            )
        super().__init__()
        self.steps = steps
        self.batch_size = 512 if map_shape is None else 64
        self.network: nn.Module = (
            VectorVelocity(latent_dim, width, layers)
            if map_shape is None
            else MapVelocity(map_shape, width, layers)
        )
        self.register_buffer("shift", torch.zeros(latent_dim))
        self.register_buffer("scale", torch.ones(latent_dim))
        places = 1 if map_shape is None else math.prod(map_shape[1:])
        at_once = latent_dim if latent_dim <= EXACT else 1
        self.numbers_per_sample = 4 * (latent_dim + width * places) * (1 + at_once)

    def forward(self) -> ProbabilityFlow:
        """p(z), with batch shape () and event shape (D,)."""
        shift, scale = at_least_float32(self.shift), at_least_float32(self.scale)
        return ProbabilityFlow(self.field, shift, scale, self.steps)

    def field(self, z: Tensor, t: Tensor) -> Tensor:
        """dz/dt with shape (N, D), for z with shape (N, D) and t with shape () or (N, 1)."""
        weights = next(self.network.parameters())
        with unrounded(z):
            velocity: Tensor = self.network(z.to(weights.dtype), t.to(weights.dtype))
        moves: Tensor = math.pi / 2 * at_least_float32(velocity)
        return moves

    def from_noise(self, noise: Tensor, uniform: Tensor) -> Tensor:
        """z ~ p(z), with shape (B, D), as a function of noise, which an export takes as input.

        Arguments:
            noise: Standard normal numbers, with shape (B, D).
            uniform: Uniform numbers in [0, 1), with shape (B,), which choose a component.
        """
        z: Tensor = self().inverse(noise)
        return z

    def fit(
        self,
        z: Tensor,
        seed: int = 0,
        steps: int = 5000,
        batch_size: int = 0,
        say: Say = quiet,
    ) -> None:
        """Minimise the squared error of v, at times that are uniform.

        Arguments:
            z: Latent vectors, with shape (N, D).
            seed: The seed of the batches.
            steps: The number of steps.
            batch_size: The number of vectors in a step; 0 for 512, and 64 of maps.
            say: Told how far it is.
        """
        self.shift.copy_(z.mean(0))
        self.scale.copy_(z.std(0).clamp_min(1e-6))
        minimise(self.error, self, z, seed, steps, batch_size or self.batch_size, say)

    def error(self, z: Tensor) -> Tensor:
        """The squared error of v over D, with shape (N,), for codes with shape (N, D)."""
        clean = (z - self.shift) / self.scale
        noise = torch.randn_like(clean)
        angle = math.pi / 2 * torch.rand(len(z), 1, dtype=z.dtype, device=z.device)
        noisy = angle.cos() * clean + angle.sin() * noise
        velocity = angle.cos() * noise - angle.sin() * clean
        found = self.field(noisy, angle / (math.pi / 2)) / (math.pi / 2)
        error: Tensor = (found - velocity).square().mean(-1)
        return error
