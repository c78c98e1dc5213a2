"""A piece of a cosine."""

import math


def cosine(start: float, end: float, t: float) -> float:
    """From `start` at t = 0 to `end` at t = 1, and `end` after it."""
    return end + (start - end) * (1 + math.cos(math.pi * min(t, 1.0))) / 2
