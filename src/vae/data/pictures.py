"""The one door through which picture files come in."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import IO, TypeVar

from PIL import Image

from vae import files
from vae.errors import one_line

T = TypeVar("T")

# formats that PIL decodes in this process; others (PostScript among them) would start a program
FORMATS = ("AVIF", "BMP", "GIF", "ICO", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP")
# pixels of a picture; PIL's own limit, above which it warns
PIXELS = 89_478_485


class Unreadable(ValueError):
    """A file that is no picture, is damaged, or is too large."""


def look(source: Path | bytes, use: Callable[[Image.Image], T], pixels: int = PIXELS) -> T:
    """Open a picture and use it, whatever its file turns out to hold.

    Arguments:
        source: A file, or what one holds.
        use: Gets the picture, not decoded yet.
        pixels: How many it may have.

    Raises:
        Unreadable: If it is not a regular file, of no known format, damaged or too large.
    """
    if isinstance(source, Path) and not files.is_regular(source):
        raise Unreadable("it is not a regular file")
    opened: Path | IO[bytes] = BytesIO(source) if isinstance(source, bytes) else source
    try:
        with Image.open(opened, formats=FORMATS) as image:
            width, height = image.size
            if width * height > pixels:
                raise Unreadable(
                    f"it has {width:,} x {height:,} pixels, more than the {pixels:,} allowed"
                )
            return use(image)
    except Unreadable:
        raise
    # decoders raise anything on content made to confuse them
    except Exception as e:
        kind = "" if isinstance(e, OSError | ValueError) else f"{type(e).__name__}: "
        # of the file the name alone: a visitor of the app sees this
        text = str(e) if isinstance(source, bytes) else str(e).replace(str(source), source.name)
        raise Unreadable(f"{kind}{one_line(text)}") from e


def extensions() -> set[str]:
    """The endings of file names that are pictures of a known format, such as .png."""
    return {e for e, kind in Image.registered_extensions().items() if kind in FORMATS}
