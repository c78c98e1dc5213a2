"""Sprites with five factors of variation, drawn here."""

from collections.abc import Callable, Iterator
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from vae.data.source import Array, fingerprint
from vae.data.sources.factors import Factors

Plane = npt.NDArray[np.float64]
# points looked at along each side of a pixel, which is white if half of them lie inside
FINE = 4
# whether a point lies inside a shape that touches the unit circle
INSIDE: dict[str, Callable[[Plane, Plane], npt.NDArray[np.bool_]]] = {
    "square": lambda u, v: np.maximum(abs(u), abs(v)) <= 0.5**0.5,
    "ellipse": lambda u, v: u**2 + (2 * v) ** 2 <= 1,
    "heart": lambda u, v: (
        ((1.25 * u) ** 2 + (1.25 * v + 0.2) ** 2 - 1) ** 3
        <= (1.25 * u) ** 2 * (1.25 * v + 0.2) ** 3
    ),
}


class Shapes(Factors):
    """White squares, ellipses and hearts on black, for each scale, orientation and place.

    The counts are those of dSprites by default: 737,280 images of 64 x 64, 3 GB in the cache.

    Arguments:
        scales: How many sizes, from half the largest to the largest.
        orientations: How many, over the whole circle.
        positions: How many places along each axis, a pixel apart.
        size: The length of a side, in pixels.
        test_share: The share of images in the test set.

    Raises:
        ValueError: If a count is not positive, or the places leave no room for a shape.

    References:
        dSprites (Matthey et al., 2017), whose factors and counts these are; the drawings are ours
    """

    name = "shapes"
    classes: ClassVar[list[str]] = list(INSIDE)  # type: ignore[misc]
    factors: ClassVar[list[str]] = ["shape", "scale", "orientation", "x", "y"]  # type: ignore[misc]

    def __init__(
        self,
        scales: int = 6,
        orientations: int = 40,
        positions: int = 32,
        size: int = 64,
        test_share: float = 0.1,
    ):
        super().__init__(test_share)
        if min(scales, orientations, positions) < 1 or size - positions < 8:
            raise ValueError(
                "scales, orientations and positions are at least 1, and size is at least 8 more "
                f"than positions, got {scales}, {orientations}, {positions} and {size}; set them "
                "so."
            )
        self.counts = [len(INSIDE), scales, orientations, positions, positions]
        self.positions, self.size = positions, size
        self.event_shape = (1, size, size)
        self.fingerprint = fingerprint("shapes 1", str(self.counts), str(size), str(test_share))

    def pieces(self) -> Iterator[Array]:
        """A sprite at all its places at a time, by windows on one drawing."""
        _, scales, orientations, n, _ = self.counts
        for inside in INSIDE.values():
            for scale in np.linspace(0.5, 1, scales) if scales > 1 else [1.0]:
                for angle in np.arange(orientations) * (2 * np.pi / orientations):
                    sprite = self.drawn(inside, float(scale), float(angle))
                    windows = np.lib.stride_tricks.sliding_window_view(
                        sprite, (self.size, self.size)
                    )
                    # the further the window, the nearer the sprite to its left and upper sides
                    found = windows[::-1, ::-1].swapaxes(0, 1)
                    yield found.reshape(n * n, *self.event_shape)

    def drawn(
        self, inside: Callable[[Plane, Plane], npt.NDArray[np.bool_]], scale: float, angle: float
    ) -> Array:
        """A sprite in the middle of a field that holds every window."""
        field = self.size + self.positions - 1
        radius = scale * (self.size - self.positions) / 2
        points = ((np.arange(field * FINE) + 0.5) / FINE - field / 2) / radius
        x, y = points[None, :], -points[:, None]
        u = np.cos(angle) * x + np.sin(angle) * y
        v = np.cos(angle) * y - np.sin(angle) * x
        share = inside(u, v).reshape(field, FINE, field, FINE).mean((1, 3))
        white: Array = (share >= 0.5).astype(np.uint8) * np.uint8(255)
        return white
