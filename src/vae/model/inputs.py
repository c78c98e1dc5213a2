"""Whether examples are what a model explains; asked at its public entrances and in training."""

import math

import torch
from torch import Tensor
from torch.distributions import constraints

from vae.errors import DataError

# by how much rounding may leave the interval
_NEAR = 1e-6


def check_shape(x: Tensor, event_shape: tuple[int, ...]) -> None:
    r"""Refuse examples of another shape or of whole numbers.

    Arguments:
        x: The examples, with shape (B, \*event_shape).
        event_shape: The shape that the model explains.

    Raises:
        DataError: If they are others.
    """
    if tuple(x.shape[1:]) != tuple(event_shape):
        shape = ", ".join(map(str, event_shape))
        raise DataError(
            f"this model explains examples of shape (B, {shape}), got {tuple(x.shape)}; reshape "
            "them, channels first."
        )
    if not x.is_floating_point():
        raise DataError(
            f"examples are floating-point numbers from 0 to 1, got {x.dtype}; divide bytes by 255."
        )


def check_support(x: Tensor, support: constraints.Constraint, likelihood: str) -> None:
    r"""Refuse values that the likelihood gives no density or probability to.

    Arguments:
        x: The examples, with shape (B, \*event_shape).
        support: The likelihood's support.
        likelihood: Its name, for the error.

    Raises:
        DataError: If any value is outside.
    """
    if _traced() or not x.numel():
        return
    if support is constraints.boolean:
        inside = (x * x == x).all()
    else:
        inside = (support.check(x) & x.isfinite()).all()
    if not bool(inside):
        low, high = x.aminmax()
        raise DataError(
            f"{likelihood} explains pixels in its support ({support}), but a batch has values "
            f"from {low:.4g} to {high:.4g}; set data.binarize, or choose another model/likelihood."
        )


def check_range(x: Tensor, support: constraints.Constraint) -> None:
    r"""Refuse values that no example has: an encoder also takes what is between the levels.

    Arguments:
        x: The examples, with shape (B, \*event_shape).
        support: The likelihood's support: all numbers, or some of those from 0 to 1.

    Raises:
        DataError: If any value is not from 0 to 1; of all numbers, if any is not finite.
    """
    if _traced() or not x.numel():
        return
    low, high = x.aminmax()
    least, most = (-math.inf, math.inf) if support is constraints.real else (-_NEAR, 1 + _NEAR)
    if not bool((low >= least) & (high <= most) & (low > -math.inf) & (high < math.inf)):
        raise DataError(
            f"an encoder takes pixels from 0 to 1, got values from {low:.4g} to {high:.4g}; bring "
            "them there, for instance by (x - low) / (high - low)."
        )


def _traced() -> bool:
    """Whether a graph is made of the model, in which no value can be looked at."""
    return bool(torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None)
