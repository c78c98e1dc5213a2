"""Which numbers are black and white: one range for a whole set, never one for each picture."""

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from vae import files
from vae.errors import DataError

Array = npt.NDArray[Any]
# bytes, whole numbers of more bits, and floating point
Kind = Literal["bytes", "whole", "real"]
Range = tuple[float, float]
Levels = Mapping[str, Range]
# what data.levels may say: auto, [low, high] for everything, or a range for each kind
Chosen = Literal["auto"] | Range | dict[str, Range]

BYTES: Range = (0.0, 255.0)
# how bright the brightest of a set is at least, before it is taken for dark by mistake
DARK = 32


def kind_of(dtype: np.dtype[Any]) -> Kind:
    """The kind of an array's numbers.

    Raises:
        ValueError: If they are none.
    """
    if dtype == np.uint8:
        return "bytes"
    if dtype.kind in "iub":
        return "whole"
    if dtype.kind == "f":
        return "real"
    raise ValueError(f"pixels are numbers, got {dtype}")


@dataclass
class Seen:
    """The levels of some pictures, kind by kind: the least, the greatest, and up to three."""

    low: dict[Kind, float] = field(default_factory=dict)
    high: dict[Kind, float] = field(default_factory=dict)
    some: dict[Kind, set[float]] = field(default_factory=dict)

    def add(self, pixels: Array) -> None:
        """Look at some pixels.

        Raises:
            ValueError: If they are not finite numbers.
        """
        kind = kind_of(pixels.dtype)
        if not pixels.size:
            return
        if kind == "real" and not np.isfinite(pixels).all():
            raise ValueError("pixels are finite numbers, and some are not")
        low, high = float(pixels.min()), float(pixels.max())
        self.low[kind] = min(low, self.low.get(kind, low))
        self.high[kind] = max(high, self.high.get(kind, high))
        some = self.some.setdefault(kind, set())
        if len(some) < 3:
            inside = pixels[(pixels != low) & (pixels != high)].reshape(-1)[:1]
            some |= {low, high, *map(float, inside)}

    def merge(self, other: "Seen") -> None:
        """Take over what another has seen."""
        for kind, low in other.low.items():
            self.low[kind] = min(low, self.low.get(kind, low))
            self.high[kind] = max(other.high[kind], self.high.get(kind, other.high[kind]))
            self.some.setdefault(kind, set()).update(other.some[kind])


def kept(path: Path) -> Seen | None:
    """Levels that were written down; None if there are none, or they are damaged."""
    try:
        found = json.loads(path.read_text())
        return Seen(found["low"], found["high"], {k: set(v) for k, v in found["some"].items()})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def keep(path: Path, seen: Seen) -> None:
    """Write levels down; a cache that cannot be written costs the time of looking again."""
    some = {k: sorted(v) for k, v in seen.some.items()}
    with contextlib.suppress(OSError):
        files.write(path, json.dumps({"low": seen.low, "high": seen.high, "some": some}))


def choose(seen: Seen, chosen: Chosen, where: str) -> tuple[dict[str, Range], list[str]]:
    """The range of each kind, and what a user should know of it.

    Arguments:
        seen: The levels there are.
        chosen: What data.levels says.
        where: The data, for errors.

    Returns:
        The ranges, and warnings.

    Raises:
        DataError: If the range is not clear, or not one.
    """
    if isinstance(chosen, tuple | list):
        low, high = map(float, chosen)
        _check_range(low, high)
        clipped = any(seen.low[k] < low or seen.high[k] > high for k in seen.low)
        told = [f"levels outside data.levels=[{low:g},{high:g}] are clipped"] if clipped else []
        return dict.fromkeys(("bytes", "whole", "real"), (low, high)), told
    if isinstance(chosen, Mapping):
        for low, high in chosen.values():
            _check_range(low, high)
        return {k: (float(low), float(high)) for k, (low, high) in chosen.items()}, []
    ranges: dict[str, Range] = {}
    warnings: list[str] = []
    for kind in seen.low:
        low, high = seen.low[kind], seen.high[kind]
        if kind == "bytes":
            ranges[kind], more = _of_bytes(high, seen.some[kind])
            warnings += more
        elif kind == "whole":
            ranges[kind] = _of_whole(low, high, where)
            if ranges[kind] == BYTES and high < DARK:
                warnings.append(
                    f"the numbers have no level above {high:g} of 255; set "
                    f"data.levels=[0,{high:g}] if that is white"
                )
        else:
            ranges[kind] = _of_real(low, high, where)
    return ranges, warnings


def _check_range(low: float, high: float) -> None:
    if not -np.inf < low < high < np.inf:
        raise DataError(
            f"data.levels is the level of black and the higher one of white, got [{low:g},{high:g}]"
            "; set data.levels=[BLACK,WHITE]."
        )


def _of_bytes(high: float, some: set[float]) -> tuple[Range, list[str]]:
    if high == 1:
        return (0.0, 1.0), [
            "the bytes are all 0 or 1 and taken for black and white; set data.levels=[0,255] if "
            "they are grey levels"
        ]
    if high < DARK or (len(some) < 3 and high < BYTES[1]):
        what = f"only the levels {' and '.join(f'{v:g}' for v in sorted(some))}"
        what = what if len(some) < 3 else f"no level above {high:g}"
        return BYTES, [
            f"the bytes have {what} of 255; set data.levels=[0,{high:g}] if that is white"
        ]
    return BYTES, []


def _of_whole(low: float, high: float, where: str) -> Range:
    if low >= 0:
        for bits in (1, 8, 10, 12, 14, 16):
            if high <= 2**bits - 1:
                return (0.0, float(2**bits - 1))
    raise DataError(
        f"whole numbers are grey levels of at most 16 bits, but {where} has levels from {low:g} to "
        f"{high:g}; say which are black and white with data.levels=[{low:g},{high:g}]."
    )


def _of_real(low: float, high: float, where: str) -> Range:
    if low >= 0 and high <= 1:
        return (0.0, 1.0)
    if low >= 0 and DARK <= high <= 255:
        return BYTES
    raise DataError(
        f"floating-point grey levels lie between 0 and 1 or between 0 and 255, but {where} has "
        f"levels from {low:.7g} to {high:.7g}; say which are black and white with data.levels=, "
        f"for instance [0,1] (what lies outside is clipped) or [{low:.7g},{high:.7g}]."
    )


def to_bytes(pixels: Array, levels: Levels) -> npt.NDArray[np.uint8]:
    """Pixels as bytes: black is 0, white 255, what lies outside is clipped.

    Arguments:
        pixels: Numbers of any kind and shape.
        levels: The range of each kind.

    Raises:
        ValueError: If they are of a kind that has no range, or not finite.
    """
    kind = kind_of(pixels.dtype)
    if kind not in levels:
        raise ValueError(
            f"pixels of this set are {' and '.join(levels)}, got {kind}; set data.levels"
        )
    low, high = levels[kind]
    if kind == "bytes" and (low, high) == BYTES:
        return pixels.astype(np.uint8, copy=False)
    values = pixels.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("pixels are finite numbers, and some are not")
    scaled = (values - low) * (255.0 / (high - low))
    found: npt.NDArray[np.uint8] = np.rint(scaled.clip(0, 255)).astype(np.uint8)
    return found


def described(levels: Levels) -> str:
    """The ranges in words, those that are no surprise left out."""
    told = [
        f"{kind} {low:g}..{high:g}"
        for kind, (low, high) in levels.items()
        if not (kind == "bytes" and (low, high) == BYTES)
    ]
    return ", ".join(told) or "0..255"


def lines(warnings: Iterable[str]) -> str:
    """Warnings, each on a line of its own."""
    return "".join(f"\nwarning: {text}" for text in warnings)
