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
    r"""New images E[x|z], z ~ p(z), with shape (count, \*event_shape).

    Of a conditional model, which is given as many contexts: E[x|z, c], z ~ p(z|c).
    """
    return decoded(model, model.draw(count))


def contexts(model: VAE, known: Tensor | None, rows: int, columns: int) -> Tensor | None:
    """One context for each row of a picture of samples: every class in turn, or attributes met.

    Arguments:
        model: The model.
        known: The contexts of some examples, from which attributes are taken.
        rows: The number of rows.
        columns: The number of images in a row.

    Returns:
        A context for each image, row by row; None of an unconditional model.
    """
    if model.condition is None:
        return None
    if model.condition.kind == "label":
        each = torch.arange(rows) % model.condition.size
    else:
        assert known is not None
        each = known[torch.arange(rows) % len(known)]
    return each.repeat_interleave(columns, 0)


@torch.no_grad()
def decoded(model: VAE, z: Tensor, memory: float = MEMORY) -> Tensor:
    r"""E[x|z], with shape (N, \*event_shape), for z with shape (N, D), some at a time.

    Arguments:
        model: The model.
        z: Latent vectors.
        memory: How much decoding may take at once, in MB.
    """
    return torch.cat([own.decode(some).mean for own, some in in_chunks(model, z, memory)])


@torch.no_grad()
def embedded(model: VAE, x: Tensor) -> Tensor:
    r"""E_q[z], with shape (N, D), for x with shape (N, \*event_shape), some at a time."""
    starts = range(0, len(x), AT_ONCE)
    return torch.cat([model.rows(i, i + AT_ONCE).embed(x[i : i + AT_ONCE]) for i in starts])


@torch.no_grad()
def reconstructions(model: VAE, x: Tensor, columns: int, under: Tensor | None = None) -> Tensor:
    r"""Rows of originals, each above the row of their reconstructions E[x | z = E_q[z]].

    Arguments:
        model: The model.
        x: Originals, with shape (B, \*event_shape); B is a multiple of `columns`.
        columns: The number of images in a row.
        under: The one context that all are decoded under; None for each one's own.

    Returns:
        The images row by row, with shape (2 B, \*event_shape).
    """
    decoder = model if under is None else model.given(under)
    again = decoded(decoder, embedded(model, x))
    pairs = torch.stack([x.unflatten(0, (-1, columns)), again.unflatten(0, (-1, columns))], 1)
    return pairs.flatten(0, 2)


@torch.no_grad()
def interpolation(
    model: VAE, x: Tensor, y: Tensor, columns: int, under: Tensor | None = None
) -> Tensor:
    r"""Rows that lead along a straight line in latent space from an image of x to one of y.

    Of a conditional model, c changes along the line too, unless it is said what it is.

    Arguments:
        model: The model; a conditional one given the contexts of x and then of y.
        x: Images, with shape (B, \*event_shape).
        y: As many others.
        columns: The number of images in a row, ends included.
        under: The one context that all are decoded under.

    Returns:
        The images row by row, with shape (B columns, \*event_shape).
    """
    if under is not None:
        between = model.given(under)
    elif model.context is not None and len(model.context) > 1:
        between = model.given_embedded(_lines(model.context, columns))
    else:
        between = model
    return decoded(between, _lines(embedded(model, torch.cat([x, y])), columns))


def _lines(ends: Tensor, columns: int) -> Tensor:
    """From each of the first half of the rows to its partner in the second half."""
    start, end = ends.chunk(2)
    t = torch.linspace(0, 1, columns, dtype=ends.dtype, device=ends.device)[:, None]
    return (start[:, None] + t * (end - start)[:, None]).flatten(0, 1)


@torch.no_grad()
def analogies(model: VAE, x: Tensor, context: Tensor) -> Tensor:
    r"""Rows of an image and what its code is decoded to under other conditions: E[x | E_q[z], c].

    Arguments:
        model: A conditional model, given the contexts of x.
        x: Images, with shape (B, \*event_shape).
        context: What stands in the columns: classes, with shape (N,), or attributes, with (N, A).

    Returns:
        The images row by row, with shape (B (1 + N), \*event_shape).

    References:
        Semi-supervised Learning with Deep Generative Models (Kingma et al., 2014), figure 1
    """
    z = embedded(model, x).repeat_interleave(len(context), 0)
    others = model.given(context.repeat(len(x), *[1] * (context.ndim - 1)))
    again = decoded(others, z).unflatten(0, (len(x), len(context)))
    return torch.cat([x[:, None], again], 1).flatten(0, 1)


@torch.no_grad()
def traversal(
    model: VAE, x: Tensor, rows: int, columns: int, under: Tensor | None = None
) -> Tensor:
    r"""One image with one latent dimension moved in each row, the most used dimensions first.

    A dimension moves over three standard deviations of E_q[z_d] to each side of its mean.

    Arguments:
        model: The model.
        x: Images, with shape (B, \*event_shape); the first is moved, all tell where dimensions lie.
        rows: The number of dimensions at most.
        columns: The number of images in a row.
        under: The one context that all are decoded under; None for the first image's own.

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
    decoder = model.rows(0, 1) if under is None else model.given(under)
    return decoded(decoder, z.flatten(0, 1))


@torch.no_grad()
def manifold(model: VAE, side: int) -> Tensor:
    r"""What a 2-D latent space decodes to, at the quantiles of a standard normal.

    Arguments:
        model: A model with latent_dim 2; a conditional one given one context.
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
