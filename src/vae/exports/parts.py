"""A model's encoder, decoder and sampler as functions of tensors, without a generator inside."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import (
    Distribution,
    Independent,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
)

from vae.model.distributions.delta import Delta
from vae.model.distributions.normal_mixture import NormalMixture
from vae.model.vae import VAE


def from_noise(p: Distribution, noise: Tensor, uniform: Tensor) -> Tensor:
    """z ~ p as a function of standard noise.

    Arguments:
        p: A normal, a mixture of normals, a flow over a normal, or a point.
        noise: Standard normal numbers, with shape (B, D).
        uniform: Uniform numbers in [0, 1), with shape (B,), which choose a mixture's component.
    """
    if isinstance(p, Delta):
        return p.mean.expand(noise.shape)
    if isinstance(p, Independent) and isinstance(p.base_dist, Normal):
        return p.base_dist.loc + p.base_dist.scale * noise
    if isinstance(p, MultivariateNormal):
        return p.loc + (p.scale_tril @ noise[..., None])[..., 0]
    if isinstance(p, NormalMixture):
        which = _component(p.log_weights.exp(), uniform)
        return p.loc[which] + p.scale[which] * noise
    if isinstance(p, MixtureSameFamily):
        which = _component(p.mixture_distribution.probs, uniform)
        parts = p.component_distribution
        assert isinstance(parts, MultivariateNormal)
        return parts.loc[which] + (parts.scale_tril[which] @ noise[..., None])[..., 0]
    # zuko's flows, whose transform leads to the base
    z: Tensor = p.transform.inv(from_noise(p.base, noise, uniform))  # type: ignore[attr-defined]
    return z


def _component(weights: Tensor, uniform: Tensor) -> Tensor:
    edges = weights.cumsum(0)
    return (uniform[:, None] * edges[-1] >= edges).sum(1).clamp(max=len(weights) - 1)


class Encoder(nn.Module):
    """x to the mean and the standard deviations of q(z|x)."""

    def __init__(self, model: VAE):
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        r"""Two tensors with shape (B, D), for x with shape (B, \*event_shape)."""
        q = self.model.encode(x)
        return q.mean, q.stddev


class FlowEncoder(nn.Module):
    """x and noise to a sample of q(z|x), where that is a flow and has no mean in closed form."""

    def __init__(self, model: VAE):
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        r"""z, with shape (B, D), for x with shape (B, \*event_shape) and noise with z's."""
        return from_noise(self.model.encode(x), noise, noise[:, 0])


class Decoder(nn.Module):
    """z to the mean of p(x|z)."""

    def __init__(self, model: VAE):
        super().__init__()
        self.model = model

    def forward(self, z: Tensor) -> Tensor:
        r"""E[x|z], with shape (B, \*event_shape), for z with shape (B, D)."""
        return self.model.decode(z).mean


class Sampler(nn.Module):
    """Noise to new images: the mean of p(x|z) at z ~ p(z)."""

    def __init__(self, model: VAE):
        super().__init__()
        self.model = model

    def forward(self, noise: Tensor, uniform: Tensor) -> Tensor:
        r"""Images, with shape (B, \*event_shape), for noise (B, D) and uniform numbers (B,)."""
        z = from_noise(self.model.prior(), noise, uniform)
        # a prior without mixture has no use for uniform numbers, but every sampler takes them
        return self.model.decode(z + 0 * uniform[:, None]).mean


class Part(NamedTuple):
    """A function and what it takes.

    Arguments:
        name: Its name.
        module: The function.
        inputs: The names of what it takes.
        outputs: The names of what it gives.
    """

    name: str
    module: nn.Module
    inputs: list[str]
    outputs: list[str]


def parts(model: VAE) -> Iterator[Part]:
    """The encoder, the decoder and the sampler of a model."""
    if model.posterior.density == "sequential":
        yield Part("encoder", FlowEncoder(model).eval(), ["x", "noise"], ["z"])
    else:
        yield Part("encoder", Encoder(model).eval(), ["x"], ["mean", "stddev"])
    yield Part("decoder", Decoder(model).eval(), ["z"], ["x_mean"])
    yield Part("sampler", Sampler(model).eval(), ["noise", "uniform"], ["x_mean"])


def example(
    part: Part, model: VAE, event_shape: tuple[int, ...], batch: int, seed: int = 0
) -> tuple[Tensor, ...]:
    """Inputs of a part.

    Arguments:
        part: The part.
        model: Its model.
        event_shape: The shape of an example.
        batch: How many examples.
        seed: Of which noise.
    """
    g = torch.Generator().manual_seed(seed)
    made = {
        "x": torch.rand(batch, *event_shape, generator=g),
        "z": torch.randn(batch, model.latent_dim, generator=g),
        "noise": torch.randn(batch, model.latent_dim, generator=g),
        "uniform": torch.rand(batch, generator=g),
    }
    return tuple(made[name] for name in part.inputs)
