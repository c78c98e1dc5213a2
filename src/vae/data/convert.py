"""Pictures of any kind to bytes of one shape."""

from collections.abc import Iterable
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

from vae.data.source import Array

Mode = Literal["grey", "rgb"]
Fit = Literal["crop", "pad", "stretch"]


def convert(image: Image.Image, height: int, width: int, mode: Mode, fit: Fit) -> Array:
    """A picture as bytes.

    It is turned as its camera says; what is transparent becomes white; of an animation the first
    picture is taken; 16 bits become 8.

    Arguments:
        image: The picture.
        height: The height that it gets.
        width: The width that it gets.
        mode: "grey" or "rgb".
        fit: "crop" cuts the middle out of pictures of other proportions, "pad" puts them on white,
            "stretch" changes their proportions.

    Returns:
        Bytes with shape (1 or 3, height, width).
    """
    if image.format == "JPEG":
        # decoded at a size of at least twice that, which is faster
        image.draft(None, (2 * width, 2 * height))
    image = ImageOps.exif_transpose(image)
    image = _eight_bits(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    image = image.convert("L" if mode == "grey" else "RGB")
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


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode == "I":
        # PIL would cut off what is above 255
        levels = np.asarray(image).astype(np.int64)
        return Image.fromarray((levels.clip(0, 65535) >> 8).astype(np.uint8))
    if image.mode == "F":
        levels = np.nan_to_num(np.asarray(image))
        scale = 255.0 if levels.max(initial=0) <= 1 else 1.0
        return Image.fromarray((levels * scale).clip(0, 255).astype(np.uint8))
    return image


def choose(
    pictures: Iterable[Image.Image],
    size: tuple[int, int] | Literal["auto"],
    mode: Mode | Literal["auto"],
) -> tuple[tuple[int, int], Mode]:
    """The size and the mode that pictures are brought to, where they are left open.

    Arguments:
        pictures: Some of them; none is looked at where nothing is left open.
        size: The height and the width; "auto" is the pictures' own if they share one of at most
            128, else 64 for both.
        mode: "auto" is rgb if any has colours, else grey.
    """
    sizes, colours = set(), False
    if "auto" in (size, mode):
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
    if image.mode in ("1", "L", "LA", "I", "F") or image.mode.startswith("I;16"):
        return False
    small = np.asarray(image.convert("RGB").resize((64, 64)), np.int16)
    return bool((small.max(2) - small.min(2) > 8).any())
