"""A model's encoder, decoder and sampler as functions of tensors, without a generator inside."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from vae.config.groups import option_of
from vae.errors import ConfigError
from vae.model.capabilities import offers
from vae.model.families.vae import VAE


class Encoder(nn.Module):
    """x to the mean and the standard deviations of q(z|x)."""

    def __init__(self, model: VAE):
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        r"""Two tensors with shape (B, D), for x with shape (B, \*event_shape)."""
        q = self.model.given(context).encode(x)
        return q.mean, q.stddev


class FlowEncoder(nn.Module):
    """x and noise to a sample of q(z|x), where that is a flow and has no mean in closed form."""

    def __init__(self, model: VAE):
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, noise: Tensor, context: Tensor | None = None) -> Tensor:
        r"""z, with shape (B, D), for x with shape (B, \*event_shape) and noise with z's."""
        posterior: Any = self.model.posterior
        features = self.model.given(context).encoder_features(x)
        z: Tensor = posterior.from_noise(features, noise)
        return z


class Decoder(nn.Module):
    """z to the mean of p(x|z)."""

    def __init__(self, model: VAE):
        super().__init__()
        self.model = model

    def forward(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        r"""E[x|z], with shape (B, \*event_shape), for z with shape (B, D)."""
        return self.model.given(context).decode(z).mean


class Sampler(nn.Module):
    """Noise to new images: the mean of p(x|z) at z ~ p(z)."""

    def __init__(self, model: VAE):
        super().__init__()
        self.model = model

    def forward(self, noise: Tensor, uniform: Tensor, context: Tensor | None = None) -> Tensor:
        r"""Images, with shape (B, \*event_shape), for noise (B, D) and uniform numbers (B,)."""
        model = self.model.given(context)
        z = model.prior.from_noise(noise, uniform, *model.prior_context())
        # a prior without mixture has no use for uniform numbers, but every sampler takes them
        return model.decode(z + 0 * uniform[:, None]).mean


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
    """The encoder, the decoder and the sampler of a model.

    Raises:
        ConfigError: If its prior cannot be drawn from given noise.
    """
    if not hasattr(model.prior, "from_noise"):
        raise ConfigError(
            "a sampler turns noise into z, which "
            f"model/prior={option_of(model.prior)} cannot; add from_noise(noise, uniform) to it."
        )
    # a conditional model's parts take the classes or the attributes last
    context = [] if model.condition is None else [model.condition.kind]
    if not offers(model.posterior, "moments"):
        yield Part("encoder", FlowEncoder(model).eval(), ["x", "noise", *context], ["z"])
    else:
        yield Part("encoder", Encoder(model).eval(), ["x", *context], ["mean", "stddev"])
    yield Part("decoder", Decoder(model).eval(), ["z", *context], ["x_mean"])
    sampler = Sampler(model).eval()
    yield Part("sampler", sampler, ["noise", "uniform", *context], ["x_mean"])


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
    if model.condition is not None:
        size = model.condition.size
        made["label"] = torch.randint(size, (batch,), generator=g)
        made["attributes"] = torch.randn(batch, size, generator=g)
    return tuple(made[name] for name in part.inputs)
