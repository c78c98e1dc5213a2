"""Pictures of any kind to bytes of one shape."""

from collections.abc import Iterable
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

from vae.data.levels import BYTES, Levels, to_bytes
from vae.data.source import Array

# what pictures are where nothing else is known of their set
USUAL: Levels = {"bytes": BYTES, "whole": (0.0, 65535.0), "real": (0.0, 1.0)}

Mode = Literal["grey", "rgb"]
Fit = Literal["crop", "pad", "stretch"]


def convert(
    image: Image.Image, height: int, width: int, mode: Mode, fit: Fit, levels: Levels = USUAL
) -> Array:
    """A picture as bytes.

    It is turned as its camera says; what is transparent becomes white; of an animation the first
    picture is taken; other levels than bytes become bytes.

    Arguments:
        image: The picture.
        height: The height that it gets.
        width: The width that it gets.
        mode: "grey" or "rgb".
        fit: "crop" cuts the middle out of pictures of other proportions, "pad" puts them on white,
            "stretch" changes their proportions.
        levels: Which levels are black and white.

    Raises:
        ValueError: If its levels are of a kind that has no range, or not finite.

    Returns:
        Bytes with shape (1 or 3, height, width).
    """
    if image.format == "JPEG":
        # decoded at a size of at least twice that, which is faster
        image.draft(None, (2 * width, 2 * height))
    image = ImageOps.exif_transpose(image)
    bytes_ = not deep(image)
    image = _eight_bits(image, levels)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    image = image.convert("L" if mode == "grey" else "RGB")
    if bytes_ and levels.get("bytes", BYTES) != BYTES:
        image = Image.fromarray(to_bytes(np.asarray(image), levels))
    size, method = (width, height), Image.Resampling.LANCZOS
    if image.size != size:
        if fit == "crop":
            image = ImageOps.fit(image, size, method)
        elif fit == "pad":
            image = ImageOps.pad(image, size, method, color="white")
        else:
            image = image.resize(size, method)
    pixels = np.asarray(image, np.uint8)
    return pixels[None] if mode == "grey" else pixels.transpose(2, 0, 1)


def deep(image: Image.Image) -> bool:
    """Whether a picture's levels are other than bytes, by its header."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def levels_of(image: Image.Image) -> Array:
    """The levels of a picture: as they are, or as the bytes that it is decoded to."""
    if deep(image):
        return np.asarray(image)
    return np.asarray(image if image.mode in ("L", "RGB") else image.convert("RGB"))


def _eight_bits(image: Image.Image, levels: Levels) -> Image.Image:
    if not deep(image):
        return image
    return Image.fromarray(to_bytes(np.asarray(image), levels))


def choose(
    pictures: Iterable[Image.Image],
    size: tuple[int, int] | Literal["auto"],
    mode: Mode | Literal["auto"],
) -> tuple[tuple[int, int], Mode]:
    """The size and the mode that pictures are brought to, where they are left open.

    Arguments:
        pictures: Some of them; all are gone through.
        size: The height and the width; "auto" is the pictures' own if they share one of at most
            128, else 64 for both.
        mode: "auto" is rgb if any has colours, else grey.
    """
    sizes, colours = set(), False
    for image in pictures:
        sizes.add(image.size[::-1])
        colours = colours or (mode == "auto" and has_colours(image))
    if size == "auto":
        own = next(iter(sizes)) if len(sizes) == 1 else (64, 64)
        size = own if max(own) <= 128 else (64, 64)
    if mode == "auto":
        mode = "rgb" if colours else "grey"
    return size, mode


def has_colours(image: Image.Image) -> bool:
    """Whether any pixel of a picture is other than grey."""
    if image.mode in ("1", "L", "LA") or deep(image):
        return False
    small = np.asarray(image.convert("RGB").resize((64, 64)), np.int16)
    return bool((small.max(2) - small.min(2) > 8).any())
