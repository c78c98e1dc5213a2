"""Random numbers that depend on nothing but a seed and where they are used."""

import math

import torch
from torch import Tensor


def uniform(seed: int, index: Tensor, shape: tuple[int, ...]) -> Tensor:
    r"""Uniform numbers in [0, 1) that are a function of the seed, the example and the pixel alone.

    Whatever the batch, rank or device an example is evaluated in, it meets the same draw. The
    counter (seed, example, pixel) goes through the finaliser of SplitMix64.

    Arguments:
        seed: Any integer.
        index: The examples' numbers in their file, with shape (B,).
        shape: The shape of one example.

    Returns:
        Multiples of 2^-24, with shape (B, \*shape) and dtype float32.

    References:
        Fast Splittable Pseudorandom Number Generators (Steele, Lea & Flood, 2014), figure 16
    """
    size = math.prod(shape)
    pixel = torch.arange(size, dtype=torch.int64, device=index.device)
    start = _mix(torch.tensor(seed, dtype=torch.int64, device=index.device) + _GAMMA)
    bits = _mix(start + (index.long()[:, None] * size + pixel + 1) * _GAMMA)
    return (_shift(bits, 40).float() * 2.0**-24).view(-1, *shape)


# 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9 and 0x94D049BB133111EB as signed integers
_GAMMA, _FIRST, _SECOND = -7046029254386353131, -4658895280553007687, -7723592293110705685


def _shift(x: Tensor, by: int) -> Tensor:
    """Logical shift to the right; torch's own keeps the sign."""
    return (x >> by) & ((1 << (64 - by)) - 1)


def _mix(x: Tensor) -> Tensor:
    x = (x ^ _shift(x, 30)) * _FIRST
    x = (x ^ _shift(x, 27)) * _SECOND
    return x ^ _shift(x, 31)
