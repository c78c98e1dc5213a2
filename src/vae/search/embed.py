"""Images to the vectors that are searched."""

from typing import Literal

import torch
from torch import Tensor
from torch.distributions import Distribution

from vae.errors import ConfigError
from vae.model.distributions.sampling import centre
from vae.model.families.vae import VAE

Distance = Literal["euclidean", "cosine", "wasserstein"]


@torch.no_grad()
def embed(model: VAE, x: Tensor, distance: Distance, layer: int | None = None) -> Tensor:
    r"""Vectors whose Euclidean distance is the one asked for.

    .. math:: \mu \text{ (euclidean)}, \quad \mu / |\mu| \text{ (cosine)}, \quad
        (\mu, \sigma) \text{ (wasserstein)}

    where mu and sigma are the mean and the standard deviations of q(z|x): between normals with
    diagonal covariances, the 2-Wasserstein distance is the Euclidean one of (mu, sigma).

    Arguments:
        model: The model, in evaluation mode.
        x: Images, with shape (B, \*event_shape).
        distance: "euclidean", "cosine" or "wasserstein".
        layer: The layer of a hierarchy, from 1 next to the data; None for all of z.

    Returns:
        Vectors, with shape (B, D), or (B, 2 D) for wasserstein.

    References:
        The distance between two random vectors with given dispersion matrices (Olkin & Pukelsheim,
        1982)
    """
    if model.condition is not None and not model.enumerates:
        raise ConfigError(
            "a search embeds pictures of which nothing else is known, but this model was trained "
            f"with model.condition={model.condition.kind}; search in a run with "
            "model.condition=null."
        )
    # a flow's mean is that of samples, which should be the same whenever a picture is looked at
    with torch.random.fork_rng():
        torch.manual_seed(0)
        q = model.encode(x)
        mean = of_layer(model, centre(q)[0].float(), layer)
        if distance == "euclidean":
            return mean
        if distance == "cosine":
            return torch.nn.functional.normalize(mean)
        return torch.cat([mean, of_layer(model, _deviation(q).float(), layer)], 1)


def of_layer(model: VAE, z: Tensor, layer: int | None) -> Tensor:
    r"""A layer of z, with shape (\*, D_l), for z with shape (\*, D).

    Raises:
        ConfigError: If the model has no such layer.
    """
    if layer is None:
        return z
    if layer > len(model.layers):
        raise ConfigError(
            f"layer is one of the model's {len(model.layers)} layers of latents, 1 next to the "
            f"data, got {layer}; set layer={len(model.layers)}, or layer=null for all of them."
        )
    return z.split(model.layers, dim=-1)[layer - 1]  # type: ignore[no-any-return]


def _deviation(q: Distribution) -> Tensor:
    try:
        return q.stddev
    except NotImplementedError:
        return q.sample(torch.Size([64])).std(0)
