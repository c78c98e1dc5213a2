"""A trained model to rows of images."""

import torch
from torch import Tensor
from torch.distributions import Normal

from vae.model.families.vae import VAE
from vae.model.importance import in_chunks

# MB that decoding takes at once
MEMORY = 256.0
# images that are encoded at once
AT_ONCE = 500


@torch.no_grad()
def samples(model: VAE, count: int) -> Tensor:
    r"""New images E[x|z], z ~ p(z), with shape (count, \*event_shape)."""
    return decoded(model, model.prior().sample(torch.Size([count])))


@torch.no_grad()
def decoded(model: VAE, z: Tensor, memory: float = MEMORY) -> Tensor:
    r"""E[x|z], with shape (N, \*event_shape), for z with shape (N, D), some at a time.

    Arguments:
        model: The model.
        z: Latent vectors.
        memory: How much decoding may take at once, in MB.
    """
    return torch.cat([model.decode(some).mean for some in in_chunks(model, z, memory)])


@torch.no_grad()
def embedded(model: VAE, x: Tensor) -> Tensor:
    r"""E_q[z], with shape (N, D), for x with shape (N, \*event_shape), some at a time."""
    return torch.cat([model.embed(some) for some in x.split(AT_ONCE)])


@torch.no_grad()
def reconstructions(model: VAE, x: Tensor, columns: int) -> Tensor:
    r"""Rows of originals, each above the row of their reconstructions E[x | z = E_q[z]].

    Arguments:
        model: The model.
        x: Originals, with shape (B, \*event_shape); B is a multiple of `columns`.
        columns: The number of images in a row.

    Returns:
        The images row by row, with shape (2 B, \*event_shape).
    """
    again = decoded(model, embedded(model, x))
    pairs = torch.stack([x.unflatten(0, (-1, columns)), again.unflatten(0, (-1, columns))], 1)
    return pairs.flatten(0, 2)


@torch.no_grad()
def interpolation(model: VAE, x: Tensor, y: Tensor, columns: int) -> Tensor:
    r"""Rows that lead along a straight line in latent space from an image of x to one of y.

    Arguments:
        model: The model.
        x: Images, with shape (B, \*event_shape).
        y: As many others.
        columns: The number of images in a row, ends included.

    Returns:
        The images row by row, with shape (B columns, \*event_shape).
    """
    start, end = embedded(model, x), embedded(model, y)
    t = torch.linspace(0, 1, columns, dtype=start.dtype, device=start.device)[:, None]
    z = start[:, None] + t * (end - start)[:, None]
    return decoded(model, z.flatten(0, 1))


@torch.no_grad()
def traversal(model: VAE, x: Tensor, rows: int, columns: int) -> Tensor:
    r"""One image with one latent dimension moved in each row, the most used dimensions first.

    A dimension moves over three standard deviations of E_q[z_d] to each side of its mean.

    Arguments:
        model: The model.
        x: Images, with shape (B, \*event_shape); the first is moved, all tell where dimensions lie.
        rows: The number of dimensions at most.
        columns: The number of images in a row.

    Returns:
        The images row by row, with shape (rows columns, \*event_shape).
    """
    codes = embedded(model, x)
    centre, spread = codes.mean(0), codes.std(0, correction=0)
    order = spread.argsort(descending=True)[:rows]
    z = codes[0].repeat(len(order), columns, 1)
    steps = torch.linspace(-3, 3, columns, dtype=z.dtype, device=z.device)
    for row, d in enumerate(order):
        z[row, :, d] = centre[d] + steps * spread[d]
    return decoded(model, z.flatten(0, 1))


@torch.no_grad()
def manifold(model: VAE, side: int) -> Tensor:
    r"""What a 2-D latent space decodes to, at the quantiles of a standard normal.

    Arguments:
        model: A model with latent_dim 2.
        side: The number of points along each axis.

    Returns:
        The images row by row, with shape (side^2, \*event_shape).

    References:
        Auto-Encoding Variational Bayes (Kingma & Welling, 2014), figure 4
    """
    parameter = next(model.parameters())
    quantiles = torch.linspace(0, 1, side + 2, device=parameter.device)[1:-1]
    at = Normal(0.0, 1.0).icdf(quantiles)
    z = torch.stack(torch.meshgrid(-at, at, indexing="ij")[::-1], -1)
    return decoded(model, z.flatten(0, 1).to(parameter.dtype))
